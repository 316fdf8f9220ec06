package move_test

import (
	"bytes"
	"testing"
	"time"

	"ledge/replay"
)

// While the source or the target serves clients the pieces of a move are smaller, and the target
// rests between them. It comes to the same.
func TestBesideClients(t *testing.T) {
	t.Parallel()
	entries := make(map[string]int)
	for _, c := range []struct {
		name           string
		source, target bool
	}{{name: "nobody"}, {name: "the source", source: true}, {name: "the target", target: true}} {
		t.Run(c.name, func(t *testing.T) {
			_, a, b := pair(t)
			for _, key := range inSlots("beside", 1200) {
				a.n.Must(func(d *replay.Draft) error { return d.SetString([]byte(key), bytes.Repeat([]byte("b"), 4<<10), 0) })
			}
			a.active.Store(c.source)
			b.active.Store(c.target)
			from, began := b.n.Pos().Seq, time.Now()
			moved(t, begin(t, a, b, someSlots), a, b)
			cleared(t, a, b)
			entries[c.name] = int(b.n.Pos().Seq - from)
			t.Logf("%d entries, %s", entries[c.name], time.Since(began))
		})
	}
	for _, side := range []string{"the source", "the target"} {
		if one, many := entries["nobody"], entries[side]; many < one+3 {
			t.Errorf("%d entries beside clients of %s, %d without; want more, as pieces are half as large", many, side, one)
		}
	}
}
