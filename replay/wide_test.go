package replay_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// Collections become wide where Redis changes their encoding at its default
// settings, because the order of what they return does.
func TestWide(t *testing.T) {
	key := []byte("k")
	fields := func(name, val string) func(*replay.Draft) error {
		return func(d *replay.Draft) error {
			_, err := d.SetFields(key, 0, [][]byte{[]byte(name), []byte(val)})
			return err
		}
	}
	scored := func(name string) func(*replay.Draft) error {
		return func(d *replay.Draft) error {
			return d.SetScores(key, []value.Scored{{Member: []byte(name)}})
		}
	}
	added := func(name string) func(*replay.Draft) error {
		return func(d *replay.Draft) error {
			_, err := d.AddMembers(key, [][]byte{[]byte(name), []byte(name)})
			return err
		}
	}
	for _, tt := range []struct {
		what string
		add  func(name string) func(*replay.Draft) error
		n    int // elements that still are narrow
		last string
		want bool
	}{
		{"hash of 512", func(s string) func(*replay.Draft) error { return fields(s, "") }, 511, "x", false},
		{"hash of 513", func(s string) func(*replay.Draft) error { return fields(s, "") }, 512, "x", true},
		{"long name", func(s string) func(*replay.Draft) error { return fields(s, "") }, 0,
			strings.Repeat("x", 65), true},
		{"name of 64", func(s string) func(*replay.Draft) error { return fields(s, s) }, 0,
			strings.Repeat("x", 64), false},
		{"long value", func(s string) func(*replay.Draft) error { return fields("n", s) }, 0,
			strings.Repeat("x", 65), true},
		{"zset of 128", scored, 127, "x", false},
		{"zset of 129", scored, 128, "x", true},
		{"a field of 512 again", func(s string) func(*replay.Draft) error { return fields(s, "") }, 512, "7", false},
		{"a member of 128 again", scored, 128, "7", false},
		{"set of 512", added, 511, "-1", false},
		{"set of 513", added, 512, "-1", true},
		{"a word", added, 0, "x", true},
	} {
		n := replaytest.Open(t, 1, writer.Config{})
		for i := range tt.n {
			n.Must(tt.add(fmt.Sprint(i)))
		}
		n.Must(tt.add(tt.last), func(d *replay.Draft) error {
			h, _ := d.Hash(key)
			s, _ := d.Set(key)
			z, _ := d.ZSet(key)
			got := h.Wide() || s.Wide() || z.Wide()
			if got != tt.want {
				t.Errorf("%s is wide: %v; want %v", tt.what, got, tt.want)
			}
			return nil
		})
	}
}

// Redis keeps the scores of a small sorted set as text, in which 0 has no sign.
func TestNegativeZero(t *testing.T) {
	set := func(d *replay.Draft, ms []journal.Scored) error {
		scored, g := make([]value.Scored, len(ms)), value.ZSet{}.Growth()
		for i, m := range ms {
			g.Add(len(m.Member))
			scored[i] = value.Scored{Member: []byte(m.Member), Score: g.Kept(m.Score)}
		}
		return d.SetScores([]byte("k"), scored)
	}
	replace := func(d *replay.Draft, ms []journal.Scored) error { return d.ReplaceZSet([]byte("k"), ms) }
	zero := journal.Scored{Member: "x", Score: math.Copysign(0, -1)}
	for _, tt := range []struct {
		what   string
		write  func(*replay.Draft, []journal.Scored) error
		others int
		first  bool // before the others
		want   bool // the sign stays
	}{
		{"one", set, 0, false, false},
		{"the last of 128", set, 127, false, false},
		{"the last of 129", set, 128, false, true},
		{"the first of 129", set, 128, true, false},
		{"all of one", replace, 0, false, false},
		{"the last of all 129", replace, 128, false, true},
		{"the first of all 129", replace, 128, true, true},
	} {
		n := replaytest.Open(t, 1, writer.Config{})
		n.Must(func(d *replay.Draft) error {
			var ms []journal.Scored
			for i := range tt.others {
				ms = append(ms, journal.Scored{Member: fmt.Sprint(i), Score: 1})
			}
			if tt.first {
				return tt.write(d, append([]journal.Scored{zero}, ms...))
			}
			return tt.write(d, append(ms, zero))
		}, func(d *replay.Draft) error {
			z, err := d.ZSet([]byte("k"))
			if s, ok := z.Score([]byte("x")); math.Signbit(s) != tt.want || !ok {
				t.Errorf("%s: -0 becomes %v; its sign should stay: %v", tt.what, s, tt.want)
			}
			return err
		})
	}
}
