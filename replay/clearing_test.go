package replay_test

// Clearing in steps. What a step costs is bounded by what it removes, and what it removes
// is hidden.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// tagged sets so many keys of one slot.
func tagged(many int) (cmds []replaytest.Command) {
	for i := range many {
		cmds = append(cmds, set(0, fmt.Sprintf("{t}%d", i)))
	}
	return cmds
}

var tagSlot = value.Slot("t")

// Steps remove as many rows as they are told, in one draft and in several, and say when
// they are done; what the draft itself has put into the slots goes as well.
func TestClearStep(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(append(tagged(1000), set(0, "other"))...)
	ranges := []journal.SlotRange{{First: 3, Last: 5}, {First: tagSlot, Last: tagSlot}}
	step := func(d *replay.Draft, most, want int, wantDone bool) {
		t.Helper()
		if removed, done, err := d.ClearStep(0, ranges, most); removed != want || done != wantDone || err != nil {
			t.Errorf("ClearStep of %d = %d, %v, %v; want %d, %v", most, removed, done, err, want, wantDone)
		}
	}
	left := func(d *replay.Draft, want int) {
		t.Helper()
		if got := d.Len(0); got != want {
			t.Errorf("%d keys are left; want %d", got, want)
		}
	}
	n.Must(func(d *replay.Draft) error {
		step(d, 300, 300, false)
		step(d, 300, 300, false)
		left(d, 401)
		m := d.Mark()
		step(d, 300, 300, false)
		step(d, 300, 100, true)
		step(d, 300, 0, true)
		left(d, 1)
		d.Undo(m)
		left(d, 401)
		return nil
	})
	if got := n.Keys(); got != 401 {
		t.Errorf("%d keys are left; want 401", got)
	}
	n.Must(func(d *replay.Draft) error { // exactly as many as there are, and one of its own
		err := d.SetString([]byte("{t}new"), nil, 0)
		step(d, 400, 400, false)
		step(d, 400, 0, true)
		left(d, 1)
		return err
	})
	replica := n.Replay(t, n.Pos().Seq)
	if n.Keys() != 1 || replica.Keys() != 1 {
		t.Errorf("%d keys are left, and %d on a replica; want one", n.Keys(), replica.Keys())
	}
}

// Hidden rows are cleared in entries of few rows; rows that are owned stay though their
// slots are named; and a journal that takes nothing for a while is waited for.
func TestClearHidden(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(tagged(9000)...)
	all := everywhere(n, 9000)
	rest := journal.SlotRange{First: 0, Last: tagSlot - 1}
	kept := 0
	for key := range all {
		if value.Slot(key) < tagSlot {
			kept++
		}
	}
	n.Must(found("c1", rest))
	from := n.Pos().Seq + 1
	w := &refusing{Writer: n.Writer, times: 3}
	removed, err := n.ClearHidden(t.Context(), w, []journal.SlotRange{{First: 0, Last: journal.MaxSlot}})
	if want := 18000 - kept; removed != want || err != nil || n.Keys() != kept || w.times != 0 {
		t.Errorf("ClearHidden = %d, %v, %d left; want %d and %d left", removed, err, n.Keys(), want, kept)
	}
	steps := 0
	for c, err := range n.Log.Read(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		if steps++; c.Size() > 200 {
			t.Errorf("a step takes %d bytes", c.Size())
		}
	}
	if want := (18000 - kept) / 2048; steps < want || steps > want+2 {
		t.Errorf("%d steps; want about %d", steps, want)
	}
	replica := replaytest.NewState(t, 1)
	if err := recovery.CatchUp(t.Context(), n.Log, replica, n.Pos().Seq); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if removed, err := n.ClearHidden(ctx, n.Writer, []journal.SlotRange{rest}); removed != 0 || n.Keys() != kept {
		t.Errorf("ClearHidden of owned slots = %d, %v, %d left; want none removed", removed, err, n.Keys())
	}
}

// refusing is a writer that refuses a few times.
type refusing struct {
	*writer.Writer
	times int
}

func (w *refusing) Refusal(frees bool) error {
	if !frees {
		return errors.New("clearing is said not to free anything")
	}
	if w.times > 0 {
		w.times--
		return errors.New("not yet")
	}
	return w.Writer.Refusal(true)
}

// A step is of constant size, and is not asked whether there is room for it.
func TestClearStepNeedsNoRoom(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.SetRoom(func(int64) bool { return false })
	n.Must(tagged(1000)...)
	n.SetBound(1 << 20)
	n.Must(func(d *replay.Draft) error {
		err := d.SetString([]byte("k"), []byte(strings.Repeat("v", 500_000)), 0)
		if err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("a long string = %v; want it refused", err)
		}
		return nil
	})
	n.Must(func(d *replay.Draft) error {
		_, _, err := d.ClearStep(0, []journal.SlotRange{{First: tagSlot, Last: tagSlot}}, 500)
		return err
	})
	if n.Keys() != 500 {
		t.Errorf("%d keys are left; want 500", n.Keys())
	}
}
