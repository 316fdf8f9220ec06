package appliance_test

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"

	"ledge/packaging/pagetest"
)

// collection is a type as the page has it: what each element takes beside its length in
// journal and snapshot, and what is in memory for a key of 10 and for one of a large one.
type collection struct {
	name          string
	more, element int // bytes of each element, and how long those are that are tried
	small, each   float64
	add           func(key string, from, to int) []any
}

const (
	smallKeys, smallElements = 50_000, 10
	largeElements, atOnce    = 500_000, 1000
)

func element(i int) string { return fmt.Sprintf("%08d", i) }

// collections reads the page's table.
func collections(t *testing.T) (list []collection) {
	t.Helper()
	plain := func(command string) func(string, int, int) []any {
		return func(key string, from, to int) []any {
			words := []any{command, key}
			for i := from; i < to; i++ {
				switch command {
				case "HSET":
					words = append(words, element(i), "0123456789")
				case "ZADD":
					words = append(words, strconv.FormatFloat(float64(i)*1.5, 'g', -1, 64), element(i))
				default:
					words = append(words, element(i))
				}
			}
			return words
		}
	}
	known := map[string]collection{
		"list": {more: 1, element: 8, add: plain("RPUSH")}, "set": {more: 1, element: 8, add: plain("SADD")},
		"hash": {more: 2, element: 18, add: plain("HSET")}, "sorted set": {more: 9, element: 8, add: plain("ZADD")},
	}
	for _, row := range pagetest.Table(t, "../packaging/docs/sizing.md", "## Collections") {
		c, ok := known[row[0]]
		if !ok {
			continue // the head
		}
		c.name = row[0]
		for i, first := range []string{"12", "15"} {
			if want := fmt.Sprintf("%s + key + (%d + element) × elements", first, c.more); row[1+i] != want {
				t.Errorf("%s: the page has %q; what is tried here is %q", c.name, row[1+i], want)
			}
		}
		var err, lerr error
		c.small, err = strconv.ParseFloat(row[3], 64)
		if c.each, lerr = strconv.ParseFloat(row[5], 64); err != nil || lerr != nil {
			t.Errorf("%s: the page has %q and %q; want numbers", c.name, row[3], row[5])
		}
		list = append(list, c)
	}
	if len(list) != len(known) {
		t.Fatalf("the page has %d collections; want %d", len(list), len(known))
	}
	return list
}

// What the page says that small and large collections take is so.
func TestSizingCollections(t *testing.T) {
	t.Parallel()
	for _, c := range collections(t) {
		t.Run(c.name, func(t *testing.T) {
			c.sized(t, smallKeys, smallElements, smallElements, c.small*smallKeys)
			c.sized(t, 1, largeElements, atOnce, c.each*largeElements)
		})
	}
}

// sized holds a node with so many keys of so many elements, written a number at a time,
// against the page.
func (c collection) sized(t *testing.T, keys, elements, together int, memory float64) {
	t.Helper()
	dir := t.TempDir()
	s := sized{start(t, dir, "--sync", "off", "--snapshot-every", "1h", "--reserve", "0"), dir}
	grown, times := s.figure("journal_bytes"), s.figure("journal_appends")
	pipe, commands := s.client().Pipeline(), 0
	flush := func() {
		t.Helper()
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for k := range keys {
		for i := 0; i < elements; i += together {
			pipe.Do(t.Context(), c.add(fmt.Sprintf("k%011d", k), i, min(i+together, elements))...)
			if commands++; pipe.Len() == 100 {
				flush()
			}
		}
	}
	if pipe.Len() > 0 {
		flush()
	}
	grown, times = s.figure("journal_bytes")-grown, s.figure("journal_appends")-times
	all := float64(keys*elements) * float64(c.more+c.element)
	near(t, "journal", grown, 124*times+float64(commands)*(12+sizedKey)+all)
	if err := s.client().Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	near(t, "snapshot", s.snapshotBytes(), float64(keys)*(15+sizedKey)+all)
	s.inUse(memory)
	s.end(syscall.SIGKILL)
}
