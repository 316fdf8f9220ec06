package move_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/value"
)

// More moves than may be under way are refused, at the source and at the target; each side
// counts its own, so that two shards can move slots to each other.
func TestMovesAtATime(t *testing.T) {
	w, a, b := pair(t)
	moved(t, begin(t, a, b, []journal.SlotRange{{First: 10000, Last: 16383}}), a, b)
	a.moves.Store(1)
	b.moves.Store(1)
	lost := func(subject string, _ bool) error {
		if subject == move.SubjectHello {
			return errAway
		}
		return nil
	}
	w.fails.Store(&lost)
	first := begin(t, a, b, []journal.SlotRange{{First: 0, Last: 9}})
	awaitTarget(t, b, first) // else the target may hear of a later one first
	_, mover := a.up()
	_, err := mover.Begin(context.Background(), []journal.SlotRange{{First: 20, Last: 29}}, b.lineage)
	if fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "1 moves are under way out of the shard") {
		t.Errorf("a second move out of the shard: %v; want a Retryable error that says why", err)
	}
	back := begin(t, b, a, []journal.SlotRange{{First: 10000, Last: 10009}})
	// What the source has begun its target takes once it has room for it.
	a.moves.Store(2)
	second := begin(t, a, b, []journal.SlotRange{{First: 20, Last: 29}})
	awaitCause(t, a, second, "1 moves are under way into the shard")
	w.fails.Store(nil)
	moved(t, first, a, b)
	moved(t, back, a, b)
	moved(t, second, a, b)
	for _, id := range []journal.MoveID{first, second, back} {
		for _, m := range mover.Moves() {
			if m.ID == id && m.Move.Cause != "" {
				t.Errorf("move %s has ended: %s", id, m.Move.Cause)
			}
		}
	}
}

// awaitTarget waits until a move has begun at its target.
func awaitTarget(t *testing.T, s *shard, id journal.MoveID) {
	t.Helper()
	n, _ := s.up()
	until(t, "begun at its target", func() bool {
		return slices.ContainsFunc(n.Moves(), func(m cluster.Move) bool { return m.ID == id })
	}, func() any { return n.Moves() })
}

// awaitCause waits until a move says why it does not go on.
func awaitCause(t *testing.T, s *shard, id journal.MoveID, want string) {
	t.Helper()
	_, mover := s.up()
	until(t, "said: "+want, func() bool {
		return slices.ContainsFunc(mover.Moves(), func(m move.Status) bool { return m.ID == id && strings.Contains(m.Progress.Cause, want) })
	}, func() any { return mover.Moves() })
}

// A target that can take nothing in says so to the source, until it goes on.
func TestTargetWaits(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	fill(t, a, 300)
	lost := func(subject string, _ bool) error {
		if subject == move.SubjectFetch {
			return errAway
		}
		return nil
	}
	w.fails.Store(&lost)
	id := begin(t, a, b, someSlots)
	awaitTarget(t, b, id)
	short := fault.With(fault.Retryable, errors.New("memory is short here"))
	b.short.Store(&short)
	w.fails.Store(nil)
	_, mover := a.up()
	waits := func() (why string) {
		for _, m := range mover.Moves() {
			if m.ID == id {
				why = m.Waits
			}
		}
		return why
	}
	until(t, "said at the source", func() bool { return waits() == "memory is short here" }, func() any { return mover.Moves() })
	b.short.Store(nil)
	moved(t, id, a, b)
	if why := waits(); why != "" {
		t.Errorf("the move has ended, and the source says %q of its target; want nothing", why)
	}
}

// A rate bounds what is copied and not what is written meanwhile: a move ends though far
// more is written to its slots than the rate lets it copy.
func TestRateUnderWrites(t *testing.T) {
	_, a, b := pair(t)
	b.rate.Store(64 << 10)
	ctx, cancel := context.WithCancel(t.Context())
	wrote := make(chan int, 1)
	n, _ := a.up()
	big := make([]byte, 8<<10)
	key, slot := []byte("k7"), value.Slot("k7")
	n.Must(func(d *replay.Draft) error { return d.SetString([]byte("{k7}"), big, 0) })
	go func() {
		i := 0
		for ; ctx.Err() == nil; i++ {
			if !n.Custody().Owns(slot) {
				time.Sleep(time.Millisecond)
				continue
			}
			n.Must(func(d *replay.Draft) error {
				if !d.Custody().Owns(slot) {
					return nil
				}
				return d.SetString(key, big, 0)
			})
			time.Sleep(500 * time.Microsecond) // the journal, which is in memory, keeps it all
		}
		wrote <- i
	}()
	began := time.Now()
	moved(t, begin(t, a, b, []journal.SlotRange{{First: slot, Last: slot}}), a, b)
	cancel()
	t.Logf("%d writes of 8 KiB, and the move took %s", <-wrote, time.Since(began))
}

// A hold that is too short for what has to be done in it grows until it is not.
func TestShortHoldGrows(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	fill(t, a, 50)
	a.hold.Store(int64(time.Microsecond))
	moved(t, begin(t, a, b, someSlots), a, b)
	_, mover := a.up()
	if s := mover.Moves()[0]; s.Holds < 2 || s.Move.Cause != "" {
		t.Errorf("the slots moved after %d holds, cause %q; want several, and none", s.Holds, s.Move.Cause)
	}
}
