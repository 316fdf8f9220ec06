package replay_test

import (
	"fmt"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// A draft counts a database right after the same range was cleared twice.
func TestClearTwice(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	n.Must(replaytest.Set("a", "1"), replaytest.Set("b", "2"))
	n.Must(func(d *replay.Draft) error {
		for range 2 {
			if err := d.ClearSlots(0, value.Slot("a"), value.Slot("a")); err != nil {
				return err
			}
		}
		if got := d.Len(0); got != 1 {
			t.Errorf("Len = %d; want 1", got)
		}
		return nil
	})
}

// The overlay is one and the same for all groups, small after large and large
// after small; what one has drafted, or taken back, the next doesn't see.
func TestOverlayReused(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	want := make(map[string]string)
	for round, size := range []int{1000, 1, 3, 10_000, 2, 300, 300} {
		key := func(i int) string { return fmt.Sprintf("k%d", (7*round+i)%5000) }
		n.Must(func(d *replay.Draft) error {
			for i := range size {
				m := d.Mark()
				if err := d.SetString([]byte(key(i)), []byte("undone"), 0); err != nil {
					return err
				}
				if i%3 == 0 {
					d.Undo(m)
					continue
				}
				want[key(i)] = fmt.Sprint(round, i)
				if err := d.SetString([]byte(key(i)), []byte(want[key(i)]), 0); err != nil {
					return err
				}
			}
			for i := range size {
				if got, _, err := d.GetString([]byte(key(i))); got != want[key(i)] || err != nil {
					t.Fatalf("round %d: %s = %q, %v; want %q, nil", round, key(i), got, err, want[key(i)])
				}
			}
			if got := d.Len(0); got != len(want) {
				t.Errorf("round %d: Len = %d; want %d", round, got, len(want))
			}
			return nil
		})
	}
	for k, v := range want {
		if got := n.Get(t, k); got != v {
			t.Errorf("%s = %q; want %q", k, got, v)
		}
	}
}
