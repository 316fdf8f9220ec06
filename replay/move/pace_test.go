package move_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/move"
)

// flood has clients write to the moving slots, each about a thousand times a second at most,
// until stop is called.
func flood(t *testing.T, s *shard, clients int) (written *atomic.Int64, stop func()) {
	t.Helper()
	written = new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	keys, val := inSlots("flood", 50), bytes.Repeat([]byte("v"), 8<<10)
	n, _ := s.up()
	for i := range clients {
		wg.Go(func() {
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for at := i; ctx.Err() == nil; at++ {
				<-tick.C
				if h := s.holds.Load(); h != nil && len(h[0]) > 0 {
					continue // clients are parked
				}
				err := n.Do(func(d *replay.Draft) error {
					if !d.Custody().Owns(someSlots[0].First) {
						return errAway
					}
					return d.SetString([]byte(keys[at%len(keys)]), val, 0)
				})
				if err == nil {
					written.Add(int64(len(val)))
				}
			}
		})
	}
	return written, func() { cancel(); wg.Wait() }
}

// More is written to the moving slots than the target may take in. Writes are paced until it
// keeps up, and the move ends.
func TestPaced(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	for _, key := range inSlots("much", 200) {
		a.n.Must(func(d *replay.Draft) error { return d.SetString([]byte(key), bytes.Repeat([]byte("m"), 64<<10), 0) })
	}
	written, stop := flood(t, a, 4)
	defer stop()
	began := time.Now()
	until(t, "written", func() bool { return time.Since(began) > time.Second }, func() any { return written.Load() })
	rate := int64(float64(written.Load()) / time.Since(began).Seconds() / 2)
	slow := func(subject string, done bool) error { // as a link does
		if subject == move.SubjectFetch && done {
			time.Sleep(time.Duration(float64(256<<10) / float64(rate) * float64(time.Second)))
		}
		return nil
	}
	w.fails.Store(&slow)
	a.hold.Store(int64(100 * time.Millisecond))
	id := begin(t, a, b, someSlots)
	paced := 0.0
	until(t, "given", func() bool {
		for _, m := range a.mover.Moves() {
			paced = max(paced, m.Paced)
		}
		return !a.n.Custody().Owns(someSlots[0].First)
	}, func() any { return fmt.Sprint(rate, " bytes a second: ", standing([]*shard{a, b})) })
	stop()
	moved(t, id, a, b)
	if paced == 0 {
		t.Errorf("writes were not paced, at %d bytes a second; want them to be", rate)
	}
	t.Logf("%d bytes a second may be taken in, paced up to %.1f, %s", rate, paced, time.Since(began))
	if len(a.holds.Load()[0]) > 0 {
		t.Errorf("writes to %v are held after the move; want none", a.holds.Load()[0])
	}
	cleared(t, a, b)
}

// Holds that are too short for what is left run out. They come again, less and less often, and
// the move ends once one is long enough.
func TestHoldsRunOut(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 300)
	a.hold.Store(int64(time.Millisecond))
	var ends atomic.Int32
	slow := func(subject string, done bool) error {
		if subject == "ledge.cluster.move.end" && done {
			ends.Add(1)
			until(t, "run out", func() bool { h := a.holds.Load(); return h != nil && len(h[0]) == 0 || a.hold.Load() > 1e8 },
				func() any { return standing([]*shard{a}) })
		}
		return nil
	}
	w.fails.Store(&slow)
	id := begin(t, a, b, []journal.SlotRange{{First: 0, Last: 9000}})
	until(t, "held five times", func() bool { return ends.Load() >= 5 }, func() any { return standing([]*shard{a, b}) })
	if !a.n.Custody().Owns(0) {
		t.Error("the slots are given; want them not to be while holds run out")
	}
	a.hold.Store(int64(5 * time.Second))
	moved(t, id, a, b)
	cleared(t, a, b)
}
