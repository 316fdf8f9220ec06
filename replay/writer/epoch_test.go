package writer_test

import (
	"testing"

	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// A repair that has lost numbers has the next epoch begin beyond theirs; the ones
// after it rise by one again.
func TestLeastEpoch(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{Epoch: 40})
	if got := n.State.Epoch(); got != 40 {
		t.Errorf("the first epoch is %d; want 40", got)
	}
	n = replaytest.Open(t, 1, writer.Config{})
	if got := n.State.Epoch(); got != 1 {
		t.Errorf("the first epoch is %d; want 1", got)
	}
}
