package move_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/move"
)

// While the source or the target serves clients the pieces of a move are small, and the target
// rests between them. It comes to the same.
func TestBesideClients(t *testing.T) {
	t.Parallel()
	fetches := make(map[string]int)
	for _, c := range []struct {
		name           string
		source, target bool
	}{{name: "nobody"}, {name: "the source", source: true}, {name: "the target", target: true}} {
		t.Run(c.name, func(t *testing.T) {
			w, a, b := pair(t)
			for _, key := range inSlots("beside", 1200) {
				a.n.Must(func(d *replay.Draft) error { return d.SetString([]byte(key), bytes.Repeat([]byte("b"), 4<<10), 0) })
			}
			var fetched atomic.Int64
			count := func(subject string, done bool) error {
				if subject == move.SubjectFetch && done {
					fetched.Add(1)
				}
				return nil
			}
			w.fails.Store(&count)
			a.active.Store(c.source)
			b.active.Store(c.target)
			began := time.Now()
			moved(t, begin(t, a, b, someSlots), a, b)
			cleared(t, a, b)
			fetches[c.name] = int(fetched.Load())
			t.Logf("%d fetches, %s", fetched.Load(), time.Since(began))
		})
	}
	for _, side := range []string{"the source", "the target"} {
		if one, many := fetches["nobody"], fetches[side]; 2*many < 3*one {
			t.Errorf("%d fetches beside clients of %s, %d without; want half as many again", many, side, one)
		}
	}
}
