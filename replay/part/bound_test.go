package part_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/part"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

// fields is how many fields the large hash has.
const fields = 8_000

// largeHash is a node with a hash of some MiB, a copy of it, and small ones beside. Its
// snapshot has all of them.
func largeHash(t *testing.T) (n *replaytest.Node, path string) {
	n = replaytest.Open(t, 1, writer.Config{})
	hash := func(key string, from, to int) replaytest.Command {
		return func(d *replay.Draft) error {
			var pairs [][]byte
			for i := from; i < to; i++ {
				pairs = append(pairs, fmt.Appendf(nil, "field:%d", i), []byte(strings.Repeat("v", 100)))
			}
			_, err := d.SetFields([]byte(key), 0, pairs)
			return err
		}
	}
	n.Must(hash("small", 0, 10), func(d *replay.Draft) error { return d.SetString([]byte("text"), []byte("value"), 0) })
	for i := 0; i < fields; i += 1000 {
		n.Must(hash("large", i, i+1000))
	}
	n.Must(hash("{large}after", 0, 5), hash("later", 0, 1000))
	info, err := n.SaveAs(t.Context(), t.TempDir(), replaytest.Lineage)
	if err != nil {
		t.Fatal(err)
	}
	return n, info.Path
}

// partOf makes the part of a node under a key, out of a snapshot if there is a path, and
// else of its journal.
func partOf(t *testing.T, n *replaytest.Node, key, path string, most int64) (*part.Part, error) {
	p, err := part.New(1, 0, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	p.Bound(most)
	if err = p.Begin(); err == nil && path != "" {
		_, err = p.Load(t.Context(), path)
		return p, err
	}
	for c, rerr := range n.Log.Read(t.Context(), 1) {
		if err = errors.Join(err, rerr); err != nil {
			break
		}
		err = p.Apply(c)
	}
	return p, err
}

// What takes more memory than it may is refused, out of a snapshot and out of the journal;
// and a large collection beside what is wanted is passed over, and takes none.
func TestPartBounded(t *testing.T) {
	n, path := largeHash(t)
	for _, from := range []string{"", path} {
		for _, c := range []struct {
			key  string
			most int64
			want int // fields; -1 is that it is too large
		}{
			{"large", 0, fields}, {"large", 16 << 20, fields}, {"large", 1 << 20, -1}, {"large", 1 << 10, -1},
			{"small", 1 << 20, 10}, {"{large}after", 1 << 20, 5}, {"later", 1 << 20, 1000}, {"later", 10 << 10, -1}, {"none", 1, 0},
		} {
			p, err := partOf(t, n, c.key, from, c.most)
			if c.want < 0 {
				if !errors.Is(err, part.ErrLarge) || fault.Of(err) != fault.Refused {
					t.Errorf("%q of at most %d, from %q: %v; want it refused as too large", c.key, c.most, from, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%q of at most %d, from %q: %v", c.key, c.most, from, err)
				continue
			}
			_ = p.View(time.UnixMilli(0), func(v *replay.View) error {
				if h, err := v.Hash([]byte(c.key)); h.Len() != c.want || err != nil {
					t.Errorf("%q from %q has %d fields, %v; want %d", c.key, from, h.Len(), err, c.want)
				}
				return nil
			})
		}
	}
	if made := testing.AllocsPerRun(1, func() {
		if _, err := partOf(t, n, "small", path, 1<<20); err != nil {
			t.Error(err)
		}
	}); made > fields/2 {
		t.Errorf("%.0f pieces of memory were taken for a hash of 10 beside one of %d; want that one passed over", made, fields)
	}
}

// So is a long string.
func TestPartBoundedString(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(func(d *replay.Draft) error { return d.SetString([]byte("long"), make([]byte, 1<<20), 0) })
	info, err := n.SaveAs(t.Context(), t.TempDir(), replaytest.Lineage)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"", info.Path} {
		if _, err := partOf(t, n, "long", from, 1<<20); !errors.Is(err, part.ErrLarge) {
			t.Errorf("1 MiB and a key of at most 1 MiB, from %q: %v; want it refused as too large", from, err)
		}
		if _, err := partOf(t, n, "other", from, 1<<10); err != nil {
			t.Errorf("another key, from %q: %v; want nil", from, err)
		}
		p, err := partOf(t, n, "long", from, 2<<20)
		if err != nil {
			t.Errorf("1 MiB of at most 2 MiB, from %q: %v; want nil", from, err)
			continue
		}
		_ = p.View(time.UnixMilli(0), func(v *replay.View) error {
			if got, ok, err := v.GetString([]byte("long")); len(got) != 1<<20 || !ok || err != nil {
				t.Errorf("from %q: %d bytes, %v, %v; want 1 MiB", from, len(got), ok, err)
			}
			return nil
		})
	}
}

// Damage within a collection that is passed over is found all the same.
func TestPartPassesOverDamage(t *testing.T) {
	n, path := largeHash(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []int{3, 2} {
		b[len(b)/share] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := partOf(t, n, "small", path, 1<<20)
		if d := (*snapshot.Damage)(nil); !errors.As(err, &d) || !errors.Is(err, journal.ErrDamage) {
			t.Errorf("a bit changed at 1/%d: %v; want damage", share, err)
		}
		b[len(b)/share] ^= 1
	}
}
