package replay_test

import (
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
)

// A draft counts a database right after the same range was cleared twice.
func TestClearTwice(t *testing.T) {
	n := replaytest.Open(t, 2, replay.WriterConfig{})
	n.Must(replaytest.Set("a", "1"), replaytest.Set("b", "2"))
	n.Must(func(d *replay.Draft) error {
		for range 2 {
			if err := d.ClearSlots(0, replay.Slot("a"), replay.Slot("a")); err != nil {
				return err
			}
		}
		if got := d.Len(0); got != 1 {
			t.Errorf("Len = %d; want 1", got)
		}
		return nil
	})
}
