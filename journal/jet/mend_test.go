package jet_test

// Every block of a journal is harmed in every way. What a survey then finds can
// be mended in two ways: to the numbers before the damage, and, where a snapshot
// would have those, to the numbers after it. Both open, and hold just these.

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
)

// batches fills j with n real frames. Two are so long that they don't fit into
// one block, which leaves some before, between and after them.
func batches(t *testing.T, j *jettest.Journal, n int) {
	t.Helper()
	log, err := journal.NewLog(t.Context(), j, lineage)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		value := "short"
		if i == 3 || i == 6 {
			value = string(bytes.Repeat([]byte("0123456789abcdef"), 270<<10))
		}
		b := journal.Batch{Epoch: 1, Entries: []journal.Entry{{At: time.UnixMilli(1),
			Ops: []journal.Op{&journal.StringSet{Key: fmt.Sprint(i), Value: value}}}}}
		if _, err := log.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// holds opens the store in dir and checks that it has just the numbers after
// floor up to last, each whole, and takes another.
func holds(t *testing.T, dir string, floor, last journal.Seq) {
	t.Helper()
	if _, err := jet.Verify(t.Context(), dir); err != nil {
		t.Errorf("Verify of a mended store: %v", err)
	}
	j := open(t, jet.Config{Dir: dir})
	defer j.Close()
	st, _ := j.Stat(t.Context())
	if st.First != floor+1 || st.Last != last {
		t.Errorf("it has numbers %d to %d; want %d to %d", st.First, st.Last, floor+1, last)
	}
	log, err := journal.NewLog(t.Context(), j, lineage)
	if err != nil {
		t.Fatal(err)
	}
	next := floor + 1
	for c, err := range log.Read(t.Context(), floor+1) {
		if err != nil || c.Seq() != next {
			t.Fatalf("number %d: got %d, %v", next, c.Seq(), err)
		}
		next++
	}
	if next != last+1 {
		t.Errorf("reading ends before number %d; want %d", next, last+1)
	}
	if _, err := log.Append(t.Context(), journal.Batch{Epoch: 2}); err != nil {
		t.Errorf("append to a mended store: %v", err)
	}
}

func TestMendBlocks(t *testing.T) {
	t.Parallel()
	const n = 14
	src := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: src, Create: true})
	batches(t, j, n-4)
	older := clone(t, src)
	log, err := journal.NewLog(t.Context(), j, lineage)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := log.Append(t.Context(), journal.Batch{Epoch: 1}); err != nil {
			t.Fatal(err)
		}
	}
	witnessed(t, src, n)
	killed := clone(t, src)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, r := range records(t, src) {
		if rel := r.Path[len(src):]; !slices.Contains(blocks, rel) {
			blocks = append(blocks, rel)
		}
	}
	if len(blocks) < 2 {
		t.Fatalf("the journal has %d blocks; want several", len(blocks))
	}
	whole, cells := 0, 0
	for name, from := range map[string]string{"closed": src, "killed": killed} {
		for i, block := range blocks {
			for what, harm := range blockHarms(older, block, blocks[(i+1)%len(blocks)]) {
				dir := clone(t, from)
				if err := harm(dir); err != nil {
					t.Fatal(err)
				}
				cells++
				t.Run(fmt.Sprintf("%s/%s/%s", name, filepath.Base(block), what), func(t *testing.T) {
					if mended(t, dir, n) {
						whole++
					}
				})
			}
		}
	}
	t.Logf("%d cells: %d whole, %d mended in two ways", cells, whole, cells-whole)
}

// blockHarms are the ways to harm a block, below a store's directory.
func blockHarms(older, block, next string) map[string]func(dir string) error {
	edit := func(fn func([]byte) []byte) func(string) error {
		return func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, block))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, block), fn(b), 0o600)
		}
	}
	return map[string]func(string) error{
		"flip":      edit(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }),
		"flip last": edit(func(b []byte) []byte { b[len(b)-1] ^= 4; return b }),
		"cut":       edit(func(b []byte) []byte { return b[:len(b)/2] }),
		"empty":     edit(func(b []byte) []byte { return nil }),
		"zero":      edit(func(b []byte) []byte { clear(b); return b }),
		"zeros":     edit(func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b }),
		"garbage":   edit(func(b []byte) []byte { return append(b, "\x01\x02garbage that nobody wrote"...) }),
		"twice":     edit(func(b []byte) []byte { return append(b, b...) }),
		"delete":    func(dir string) error { return os.Remove(filepath.Join(dir, block)) },
		"older": func(dir string) error {
			b, err := os.ReadFile(filepath.Join(older, block))
			if os.IsNotExist(err) {
				return os.Remove(filepath.Join(dir, block))
			}
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, block), b, 0o600)
		},
		"swap": func(dir string) error {
			a, b, tmp := filepath.Join(dir, block), filepath.Join(dir, next), filepath.Join(dir, "tmp")
			if err := os.Rename(a, tmp); err != nil {
				return err
			}
			if err := os.Rename(b, a); err != nil {
				return err
			}
			return os.Rename(tmp, b)
		},
	}
}

// cutShort mends a store, which is cut short once the mark is written, and then
// again.
func cutShort(t *testing.T, dir string, reach journal.Seq) {
	t.Helper()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{over, t.Context()} {
		s, err := jet.Inspect(t.Context(), dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Reach(0); got != reach {
			t.Errorf("a mending that was cut short has changed what can be read from %d to %d", reach, got)
		}
		err = s.Mend(ctx, jet.Mending{Lineage: lineage, Last: reach, Aside: filepath.Join(t.TempDir(), "aside")})
		if err != nil && ctx != over {
			t.Fatalf("mend after one that was cut short: %v", err)
		}
	}
	holds(t, dir, 0, reach)
}

// mended mends a store that has had numbers 1 to last in both ways, unless it is
// whole, which it reports.
func mended(t *testing.T, dir string, last journal.Seq) (whole bool) {
	t.Helper()
	s, err := jet.Inspect(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Promised != last {
		t.Errorf("the survey has seen traces of numbers up to %d; want %d", s.Promised, last)
	}
	if _, err := jet.Verify(t.Context(), dir); err == nil {
		holds(t, dir, 0, last)
		return true
	}
	if len(s.Faults) == 0 {
		t.Error("the survey has found no fault; Verify has")
	}
	reach := s.Reach(0)
	behind := clone(t, dir)
	cutShort(t, clone(t, dir), reach)
	aside := filepath.Join(t.TempDir(), "aside")
	if err := s.Mend(t.Context(), jet.Mending{Lineage: lineage, Last: reach, Aside: aside}); err != nil {
		t.Fatalf("mend up to number %d: %v", reach, err)
	}
	holds(t, dir, 0, reach)
	if files, err := os.ReadDir(aside); err != nil || len(files) == 0 {
		t.Errorf("%d files are set aside, %v; want what was changed", len(files), err)
	}
	if s, err = jet.Inspect(t.Context(), behind, 0); err != nil {
		t.Fatal(err)
	}
	floor := reach
	for s.Reach(floor) < last {
		floor++
	}
	if err := s.Mend(t.Context(), jet.Mending{Lineage: lineage, Floor: floor, Last: last,
		Aside: filepath.Join(t.TempDir(), "aside")}); err != nil {
		t.Fatalf("mend after number %d: %v", floor, err)
	}
	holds(t, behind, floor, last)
	return false
}
