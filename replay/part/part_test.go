package part_test

import (
	"fmt"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/part"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// rewound returns the part of a node's history under a key, up to a number, and how
// often it had to be read.
func rewound(t *testing.T, n *replaytest.Node, db journal.DB, key string, path string, from, until journal.Seq) (p *part.Part, passes int) {
	t.Helper()
	p, err := part.New(n.Databases(), db, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	for passes = 1; ; passes++ {
		err := p.Begin()
		if err == nil && path != "" {
			_, err = p.Load(t.Context(), path)
		}
		if err != nil {
			t.Fatal(err)
		}
		for c, err := range n.Log.Read(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			if c.Seq() > until {
				break
			}
			if err := p.Apply(c); err != nil {
				t.Fatal(err)
			}
		}
		if !p.Grown() {
			return p, passes
		}
	}
}

// showsKey returns what a view shows of a key.
func showsKey(v *replay.View, db journal.DB, key string) string {
	v.Select(db)
	val, ok, err := v.GetString([]byte(key))
	at, _ := v.Deadline([]byte(key))
	return fmt.Sprint(val, ok, err, at)
}

// Under each key a Part has what the whole state has, at each number, from the
// journal's beginning and from a snapshot on, whatever was renamed, copied, swapped
// and cleared meanwhile.
func TestPart(t *testing.T) {
	n := replaytest.Open(t, 3, writer.Config{})
	r := replaytest.NewRandom(15, 3, 8)
	for range 150 {
		_ = n.Do(r.Command()) // one that fails journals nothing
	}
	last := n.Pos().Seq
	middle := n.Replay(t, last/2)
	info, err := middle.SaveAs(t.Context(), t.TempDir(), replaytest.Lineage)
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]bool)
	for i := range 3 {
		n.Read(t, func(v *replay.View) {
			v.Select(journal.DB(i))
			v.Each(func(key string, _ value.Type) bool { keys[key] = true; return true })
		})
	}
	if len(keys) == 0 {
		t.Fatal("the node has no keys")
	}
	most := 0
	for until := last / 2; until <= last; until += 7 {
		whole := n.Replay(t, until)
		for key := range keys {
			for db := range journal.DB(3) {
				var want string
				_ = whole.View(time.UnixMilli(0), func(v *replay.View) error { want = showsKey(v, db, key); return nil })
				for path, from := range map[string]journal.Seq{"": 1, info.Path: last/2 + 1} {
					p, passes := rewound(t, n, db, key, path, from, until)
					most = max(most, passes)
					if err := p.View(time.UnixMilli(0), func(v *replay.View) error {
						if got := showsKey(v, db, key); got != want {
							t.Errorf("at number %d from %q, key %q of database %d is %s; want %s", until, path, key, db, got, want)
						}
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	if most < 2 {
		t.Errorf("all was found in one pass; want renames among the commands")
	}
}
