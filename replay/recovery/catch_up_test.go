package recovery_test

import (
	"context"
	"strings"
	"testing"

	"ledge/journal/fault"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// Following stops at the batch that can't be applied and names it.
func TestCatchUpStopsAtDamage(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	for range 20 {
		n.Must(set(0, "k"))
	}
	n.Mem.Flip(12, 400)
	s := replaytest.NewState(t, 2)
	err := recovery.CatchUp(context.Background(), n.Log, s, 21)
	if fault.Of(err) != fault.Fatal || !strings.Contains(err.Error(), "number 12") {
		t.Errorf("CatchUp = %v; want a Fatal error that names number 12", err)
	}
	if got := s.Pos().Seq; got != 11 {
		t.Errorf("followed to %d; want 11, all that is good", got)
	}
}

// A source that ends too soon is an error, not an end.
func TestCatchUpMissing(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	n.Must(set(0, "k"))
	s := replaytest.NewState(t, 2)
	err := recovery.CatchUp(context.Background(), n.Log, s, 3)
	if fault.Of(err) != fault.Fatal || !strings.Contains(err.Error(), "number 3") {
		t.Errorf("CatchUp = %v; want a Fatal error that names number 3", err)
	}
}

// Following ends at once when its context does.
func TestCatchUpCancelled(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	n.Must(set(0, "k"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := replaytest.NewState(t, 2)
	if err := recovery.CatchUp(ctx, n.Log, s, 2); fault.Of(err) != fault.Retryable {
		t.Errorf("CatchUp = %v; want a Retryable error", err)
	}
}
