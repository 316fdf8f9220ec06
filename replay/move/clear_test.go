package move

import (
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
)

// What a target has beyond the place that it has come to in a slot is cleared from there on,
// in entries of a bounded number of keys, and nothing before that. Beside clients it takes
// as many entries, and a rest between two.
func TestClearsFromThePlace(t *testing.T) {
	const keys, kept = 5000, 700
	for _, active := range []bool{false, true} {
		c := newCopying(t, keys)
		sets := make([]replaytest.Command, keys)
		for i, key := range c.keys {
			sets[i] = c.set(key, 1, 'a')
		}
		c.source.Must(sets...)
		c.finish()
		m := &Mover{cfg: Config{State: c.target.State, Writer: c.target.Writer, Clock: c.target.Clock.Now, Active: func() bool { return active }}}
		from, _ := value.RowPos(c.keys[kept])
		before, _ := c.target.Position()
		if err := m.clear(t.Context(), c.s.ranges, from); err != nil {
			t.Fatal(err)
		}
		after, _ := c.target.Position()
		if got, want := after.Seq-before.Seq, journal.Seq((keys-kept+clearRows-1)/clearRows); got != want {
			t.Errorf("active %v: it took %d entries; want %d", active, got, want)
		}
		left := 0
		c.target.Read(t, func(v *replay.View) {
			v.Rows(0, func(_ uint64, key string, _ value.Record) bool {
				if left < kept && key != c.keys[left] {
					t.Fatalf("key %d is %s; want %s", left, key, c.keys[left])
				}
				left++
				return true
			})()
		})
		if left != kept {
			t.Errorf("active %v: %d keys are left; want %d", active, left, kept)
		}
	}
}
