package replay_test

import (
	"context"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// What slots hold that were given to another shard stays until that has taken them, whatever
// clears: nobody else is known to have it. From then on it may be cleared.
func TestGivenIsKept(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(found("c1", journal.SlotRange{Last: journal.MaxSlot}))
	n.Must(append(tagged(300), set(0, "other"))...)
	given := []journal.SlotRange{{First: tagSlot, Last: tagSlot}}
	n.Must(moving(&journal.MoveBegin{ID: 1, Side: journal.Source, Ranges: given, Shard: 7}))
	n.Must(moving(&journal.SlotsGive{ID: 1, Epoch: 2}))
	clear := func(ranges ...journal.SlotRange) (removed int, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return n.State.ClearHidden(ctx, n.Writer, ranges)
	}
	for _, ranges := range [][]journal.SlotRange{given, {{Last: journal.MaxSlot}}} {
		if removed, err := clear(ranges...); removed != 0 || fault.Of(err) != fault.Refused {
			t.Errorf("ClearHidden of %v = %d, %v; want it refused", ranges, removed, err)
		}
		n.Must(func(d *replay.Draft) error {
			if removed, _, err := d.ClearStep(0, ranges, 10); removed != 0 || fault.Of(err) != fault.Refused {
				t.Errorf("ClearStep of %v = %d, %v; want it refused", ranges, removed, err)
			}
			return nil
		})
	}
	n.Must(func(d *replay.Draft) error {
		if err := d.Moving(&journal.SlotsYield{Ranges: given}); fault.Of(err) != fault.Refused {
			t.Errorf("SlotsYield of what was given = %v; want it refused", err)
		}
		return nil
	})
	n.Must(clearDB(0))
	n.Read(t, func(v *replay.View) {
		if got := v.Slots(given).Keys; got != 300 {
			t.Errorf("%d keys are left of what was given; want 300", got)
		}
	})
	if removed, err := clear(journal.SlotRange{First: value.Slot("other"), Last: value.Slot("other")}); removed != 0 || err != nil {
		t.Errorf("ClearHidden of slots that are shown = %d, %v; want 0", removed, err)
	}
	n.Must(moving(&journal.MoveTaken{ID: 1}))
	if removed, err := clear(given...); removed != 300 || err != nil {
		t.Errorf("ClearHidden of what was taken = %d, %v; want 300", removed, err)
	}
}

// A shard does not leave its cluster while it has rows that are hidden there, which would be the
// node's own then. A journal that has such an entry all the same is read as it ever was.
func TestLeaveWithRows(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(tagged(300)...)
	all := []journal.SlotRange{{Last: journal.MaxSlot}}
	n.Must(found("c1", all...))
	n.Must(moving(&journal.SlotsYield{Ranges: all}))
	leave := func(d *replay.Draft) error { return d.Moving(&journal.ClusterLeave{}) }
	n.Must(func(d *replay.Draft) error {
		if err := leave(d); fault.Of(err) != fault.Refused {
			t.Errorf("leaving with rows = %v; want it refused", err)
		}
		return nil
	})
	if n.Custody().Cluster != "c1" {
		t.Error("the shard has left")
	}
	older := replaytest.Open(t, 1, writer.Config{})
	older.Must(tagged(300)...)
	older.Must(found("c1", all...))
	older.Must(func(d *replay.Draft) error { return d.Emit(&journal.SlotsYield{Ranges: all}) })
	older.Must(func(d *replay.Draft) error { return d.Emit(&journal.ClusterLeave{}) })
	if older.Custody().Cluster != "" || older.Keys() != 300 {
		t.Errorf("in cluster %q with %d keys; want in none with 300", older.Custody().Cluster, older.Keys())
	}
	sameAfterwards(t, older)
	if removed, err := n.State.ClearHidden(t.Context(), n.Writer, all); removed != 300 || err != nil {
		t.Errorf("ClearHidden = %d, %v; want 300", removed, err)
	}
	n.Must(leave)
	if n.Custody().Cluster != "" || n.Keys() != 0 {
		t.Errorf("in cluster %q with %d keys; want in none, and none", n.Custody().Cluster, n.Keys())
	}
	sameAfterwards(t, n)
}
