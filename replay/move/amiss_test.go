package move_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/value"
)

// said is a log that can be read while it is written.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer // mu
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// harm changes a row of the moving slots where they are hidden.
func harm(t *testing.T, s *shard) {
	t.Helper()
	for i := 0; ; i++ {
		key := fmt.Sprint("k", i)
		if of := (cluster.Move{Ranges: someSlots}); of.Has(value.Slot(key)) {
			n, _ := s.up()
			n.Must(func(d *replay.Draft) error {
				return d.Import([]journal.Op{&journal.KeyDelete{Key: key}, &journal.StringSet{Key: key, Value: "harmed"}})
			})
			return
		}
	}
}

// What the target has is not what the source has: that is found before the slots are given,
// nothing is, and the copy begins anew.
func TestHarmedBeforeGive(t *testing.T) { testHarmed(t, move.SubjectEnd, false) }

// The rows go wrong once the slots are given: the source still has them, and they are copied
// anew.
func TestHarmedAfterGive(t *testing.T) { testHarmed(t, move.SubjectReady, true) }

func testHarmed(t *testing.T, subject string, done bool) {
	w, a, b := pair(t)
	fill(t, a, 500)
	log := new(said)
	w.logger = slog.New(slog.NewTextHandler(log, nil))
	restart(a, b) // with that log
	before := rows(t, a, true)
	var harmed sync.Once
	fails := func(s string, d bool) error {
		if s == subject && d == done {
			harmed.Do(func() { harm(t, b) })
		}
		return nil
	}
	w.fails.Store(&fails)
	id := begin(t, a, b, someSlots)
	moved(t, id, a, b)
	got := rows(t, a, true)
	for key, val := range rows(t, b, true) {
		got[key] = val
	}
	if fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("%d keys after the move; want what there was, %d", len(got), len(before))
	}
	if text := log.String(); !strings.Contains(text, "level=ERROR") {
		t.Errorf("no ERROR is logged: %s", text)
	}
	if n := b.mover.Moves()[0].Begins; n != 1 {
		t.Errorf("the target has begun anew %d times; want once", n)
	}
	if e := custodyEpochs(b); e != "map[2:7901]" {
		t.Errorf("epochs of what the target owns %s; want 2, since it was given once", e)
	}
	custody(t, w)
	cleared(t, a, b)
}

// A target that has ended a move for a cause, and whose source has given it the slots all the
// same, takes the move up again.
func TestGivenToTargetThatEnded(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 300)
	var id journal.MoveID
	begun := make(chan struct{})
	ended := onCall(w, move.SubjectReady, true, func() bool {
		<-begun
		b.n.Must(func(d *replay.Draft) error {
			return d.Import([]journal.Op{&journal.RangeClear{First: 100, Last: 4999}, &journal.RangeClear{First: 9000, Last: 12000}})
		}, func(d *replay.Draft) error { return d.Moving(&journal.MoveEnd{ID: id, Cause: "a test says so"}) })
		return true
	})
	id = begin(t, a, b, someSlots)
	close(begun)
	until(t, "ended", ended.Load, func() any { return standing([]*shard{a, b}) })
	until(t, "taken", func() bool { return b.n.Custody().Owns(100) }, func() any { return standing([]*shard{a, b}) })
	moved(t, id, a, b)
	custody(t, w)
	cleared(t, a, b)
}

// What the source has answered to taken is on its disk: the target forgets the move then.
func TestTakenIsSynced(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 100)
	_ = a.drv.Bulk(t.Context(), true)
	var synced, taken journal.Seq
	fired := onCall(w, move.SubjectTaken, true, func() bool {
		synced, _ = a.drv.Synced()
		taken = lastWith(t, a, "MoveTaken")
		return true
	})
	id := begin(t, a, b, someSlots)
	until(t, "taken", fired.Load, func() any { return standing([]*shard{a, b}) })
	if taken == 0 || synced < taken {
		t.Errorf("the journal is synced up to %d; want %d, which says that the slots are taken", synced, taken)
	}
	moved(t, id, a, b)
}

// A target that has taken the slots can't reach the source. The source hears from others that
// it has them, and sends clients there; it keeps what they hold until the target itself says so.
func TestTakenIsKnown(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 100)
	fails := func(subject string, _ bool) error {
		if subject == move.SubjectTaken || subject == move.SubjectOffer && b.n.Custody().Owns(100) {
			return errAway
		}
		return nil
	}
	w.fails.Store(&fails)
	id := begin(t, a, b, someSlots)
	until(t, "known at the source", func() bool {
		held := a.holds.Load()
		return b.n.Custody().Owns(100) && held != nil && len(held[1]) == 0
	}, func() any { return standing([]*shard{a, b}) })
	if mv := a.n.Moves()[0]; mv.Phase != cluster.Given {
		t.Errorf("the move is %s at the source; want it given", mv.Phase)
	}
	w.fails.Store(nil)
	moved(t, id, a, b)
	custody(t, w)
}

// A request that comes while the hold it is about has just begun gives nothing.
func TestReadyBeforeSettled(t *testing.T) {
	w, a, b := pair(t)
	noOffer := func(subject string, _ bool) error { return errAway }
	w.fails.Store(&noOffer)
	id := begin(t, a, b, someSlots)
	release := a.drv.Hold()
	defer release()
	blocked := make(chan struct{})
	go func() { // the writer is at an append, so that what comes after waits
		defer close(blocked)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = a.n.Writer.Propose(ctx, proposalOf(func(d *replay.Draft) error { return d.SetString([]byte("k"), nil, 0) }))
	}()
	asked := make(chan error, 1)
	go func() { _, err := ask(a, move.SubjectEnd, map[string]any{"move": id.String()}); asked <- err }()
	until(t, "held", func() bool { h := a.holds.Load(); return h != nil && len(h[0]) > 0 }, func() any { return standing([]*shard{a}) })
	_, err := ask(a, move.SubjectReady, map[string]any{"move": id.String(), "number": 0, "digest": "0000000000000000"})
	if err == nil {
		t.Error("slots are given before it is known what they hold")
	}
	release()
	<-blocked
	if err := <-asked; err != nil {
		t.Errorf("end = %v; want nil", err)
	}
	if !a.n.Custody().Owns(100) {
		t.Error("the source does not own the slots any more")
	}
}
