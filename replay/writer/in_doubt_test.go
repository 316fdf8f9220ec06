package writer_test

// Appends, syncs and reopenings that neither answer nor fail until they are released.
// Nothing that only reads may wait for them, nobody may hear a wrong answer, and the
// first write after the release must be taken without being asked for.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

func inDoubt(s *writer.Suspension) bool { return s != nil && s.InDoubt }
func isWell(s *writer.Suspension) bool  { return s == nil }

// look returns a command that reads a key into val.
func look(key string, val *string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		b, _, err := d.GetString([]byte(key))
		*val = string(b)
		return err
	}
}

// begin submits a group, and waits until its append is in doubt.
func begin(t *testing.T, n *replaytest.Node, cmds ...replaytest.Command) *replaytest.Group {
	t.Helper()
	g := replaytest.NewGroup(cmds...)
	if err := n.Writer.Submit(g); err != nil {
		t.Fatal(err)
	}
	suspension(t, n, inDoubt)
	return g
}

// A client whose write is in doubt waits. Others read what was applied before it,
// through the writer too, and their writes are refused at once with the cause. When
// the disk answers, whatever it says is what the client hears and the journal holds.
func TestAppendInDoubt(t *testing.T) {
	for _, stored := range []bool{true, false} {
		var kinds []writer.ChangeKind
		changes := make(chan writer.HealthChange, 16)
		n := replaytest.Open(t, 1, writer.Config{Notify: func(c writer.HealthChange) { changes <- c }})
		n.Must(setAll(0, "k", "old"))
		pos := n.Pos()
		release := n.Mem.Hang()
		g := begin(t, n, setAll(0, "k", "new"))
		s := n.Writer.Health().Suspension()
		if s.Number != pos.Seq+1 || s.Class != fault.Retryable || !s.NextAttempt.IsZero() {
			t.Errorf("suspension = %+v; want number %d in doubt, and no attempt", s, pos.Seq+1)
		}
		var val string
		if err := n.Do(look("k", &val)); err != nil || val != "old" {
			t.Errorf("a read in doubt = %q, %v; want the old value", val, err)
		}
		err := n.Do(set(0, "other"))
		if err == nil || !strings.HasSuffix(err.Error(), "reads are served; writes go on when the disk answers") {
			t.Errorf("a write in doubt = %v; want a refusal that says what it waits for", err)
		}
		if _, err := n.Writer.Health().Resume(t.Context()); fault.Of(err) != fault.Retryable {
			t.Errorf("Resume in doubt = %v; want a Retryable error", err)
		}
		if g.IsDone() || n.Pos() != pos {
			t.Fatal("what is in doubt was answered or applied")
		}
		cause := fault.With(fault.Retryable, errors.New("it was slow"))
		if stored {
			release(true, nil)
			if err := g.Err(); err != nil {
				t.Errorf("the write that is stored = %v; want nil", err)
			}
		} else {
			release(false, cause)
			if err := g.Err(); !errors.Is(err, cause) {
				t.Errorf("the write that is not stored = %v; want why", err)
			}
		}
		suspension(t, n, isWell) // a failure is tried again at once
		n.Must(set(0, "after"))
		want := map[bool]string{true: "new", false: "old"}[stored]
		if err := n.Do(look("k", &val)); err != nil || val != want {
			t.Errorf("stored is %v: then k = %q, %v; want %q", stored, val, err, want)
		}
		if got := n.Replay(t, n.Pos().Seq).Pos(); got != n.Pos() {
			t.Errorf("the journal adds up to %v; want %v", got, n.Pos())
		}
		for len(changes) > 0 {
			kinds = append(kinds, (<-changes).Kind)
		}
		wantKinds := []writer.ChangeKind{writer.InDoubt, writer.Resumed}
		if !stored {
			wantKinds = []writer.ChangeKind{writer.InDoubt, writer.Suspended, writer.Resumed}
		}
		if fmt.Sprint(kinds) != fmt.Sprint(wantKinds) {
			t.Errorf("changes = %v; want %v", kinds, wantKinds)
		}
	}
}

// Trees that a group has built while its append was in doubt are put in place when it
// is stored and dropped when it is not; either way the next groups build on what is
// there, with the nodes that were replaced as their room.
func TestCollectionInDoubt(t *testing.T) {
	for _, stored := range []bool{true, false} {
		n := replaytest.Open(t, 1, writer.Config{})
		add := func(from, to int) replaytest.Command {
			return func(d *replay.Draft) error {
				var members [][]byte
				for i := from; i < to; i++ {
					members = append(members, fmt.Appendf(nil, "%d", i))
				}
				d.Select(0)
				_, err := d.AddMembers([]byte("set"), members)
				return err
			}
		}
		n.Must(add(0, 1000))
		release := n.Mem.Hang()
		g := begin(t, n, add(1000, 1100), add(1100, 1200))
		release(stored, nil)
		if err := g.Err(); (err == nil) != stored {
			t.Errorf("stored is %v: the group ends with %v", stored, err)
		}
		suspension(t, n, isWell)
		for i := range 20 {
			n.Must(add(2000+10*i, 2010+10*i))
			if err := n.State.Check(); err != nil {
				t.Fatal(err)
			}
		}
		want := map[bool]int{true: 1400, false: 1200}[stored]
		n.Must(func(d *replay.Draft) error {
			if s, err := d.Set([]byte("set")); err != nil || s.Len() != want {
				t.Errorf("stored is %v: %d members, %v; want %d", stored, s.Len(), err, want)
			}
			return nil
		})
		if got := n.Replay(t, n.Pos().Seq).Pos(); got != n.Pos() {
			t.Errorf("the journal adds up to %v; want %v", got, n.Pos())
		}
	}
}

// An append that turns out not to have been tried, since what comes before it has
// hung, is not stored, and nobody may take it for that.
func TestDoubtNotTried(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	pos := n.Pos()
	release := n.Mem.Hang()
	g := begin(t, n, set(0, "k"))
	release(false, nil)
	if err := g.Err(); fault.Of(err) != fault.Retryable {
		t.Errorf("a write that was not tried = %v; want a Retryable error", err)
	}
	suspension(t, n, isWell)
	if got := n.Get(t, "k"); got != "" {
		t.Errorf("k = %q; want nothing, as number %d was not stored for it", got, pos.Seq+1)
	}
	n.Must(set(0, "k"))
}

// Clients wait so long and no longer: then they are told that nobody knows. What is
// stored is applied all the same.
func TestDoubtOutlastsClients(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{DoubtWait: time.Millisecond})
	release := n.Mem.Hang()
	g := begin(t, n, setAll(0, "k", "new"))
	if err := g.Err(); !errors.Is(err, writer.ErrUnknown) || fault.Of(err) != fault.Fatal {
		t.Errorf("a client that has waited long enough hears %v; want ErrUnknown", err)
	}
	if s := n.Writer.Health().Suspension(); !inDoubt(s) {
		t.Errorf("suspension = %+v; want that it is still in doubt", s)
	}
	release(true, nil)
	suspension(t, n, isWell)
	var val string
	if err := n.Do(look("k", &val)); err != nil || val != "new" {
		t.Errorf("k = %q, %v; want what was stored", val, err)
	}
}

// A proposal of more than one journal entry's size goes on after its first part
// when that is settled.
func TestDoubtInTheMiddle(t *testing.T) {
	for _, stored := range []bool{true, false} {
		n := replaytest.Open(t, 1, writer.Config{})
		big := strings.Repeat("x", 5<<20)
		release := n.Mem.Hang()
		g := begin(t, n, setAll(0, "a", big), setAll(0, "b", big), setAll(0, "c", big), set(0, "d"))
		if stored {
			release(true, nil)
		} else {
			release(false, replaytest.ErrFull)
		}
		g.Err()
		if !stored && !errors.Is(g.Settled[0], replaytest.ErrFull) || stored && g.Settled[0] != nil || len(g.Settled) < 2 {
			t.Errorf("stored is %v: settled %v", stored, g.Settled)
		}
		if got := n.Replay(t, n.Pos().Seq).Pos(); got != n.Pos() {
			t.Errorf("the journal adds up to %v; want %v", got, n.Pos())
		}
	}
}

// What can never be known, or doesn't add up, still stops the writer.
func TestDoubtEndsFatally(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	release := n.Mem.Hang()
	g := begin(t, n, set(0, "k"))
	release(false, replaytest.ErrLost)
	if err := g.Err(); !errors.Is(err, replaytest.ErrLost) {
		t.Errorf("the client hears %v; want %v", err, replaytest.ErrLost)
	}
	if err := n.Ended(); !errors.Is(err, replaytest.ErrLost) {
		t.Errorf("Run = %v; want %v", err, replaytest.ErrLost)
	}
}

// A node that stops does not wait for ever. It says that something is in doubt, and
// answers the client that nobody knows.
func TestStopInDoubt(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{StopWait: time.Millisecond})
	release := n.Mem.Hang()
	g := begin(t, n, set(0, "k"))
	if err := n.Stop(); fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "the next start finds out") {
		t.Errorf("Run = %v; want that the next start finds out", err)
	}
	if err := g.Err(); !errors.Is(err, writer.ErrUnknown) {
		t.Errorf("the client hears %v; want ErrUnknown", err)
	}
	release(true, nil)
}

// One that is settled while the node stops is answered.
func TestSettledWhileStopping(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{StopWait: time.Minute})
	release := n.Mem.Hang()
	g := begin(t, n, set(0, "k"))
	release(true, nil)
	if err := n.Stop(); err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
	if err := g.Err(); err != nil {
		t.Errorf("the client hears %v; want nil", err)
	}
}

// Leading and following change hands within the time that is given, or are refused
// with what is in doubt, and then go on as before.
func TestChangeLeadInDoubt(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	release := n.Mem.Hang()
	g := begin(t, n, set(0, "k"))
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := n.Writer.Follow(soon, errors.New("it follows")); err == nil ||
		!strings.Contains(err.Error(), "is not known yet") {
		t.Errorf("Follow in doubt = %v; want what is in doubt", err)
	}
	if err := n.Writer.Lead(soon); err == nil || !strings.Contains(err.Error(), "is not known yet") {
		t.Errorf("Lead in doubt = %v; want what is in doubt", err)
	}
	release(true, nil)
	if err := g.Err(); err != nil {
		t.Errorf("the write = %v; want nil", err)
	}
	n.Must(set(0, "k"))
}

// A promotion whose entry is in doubt leads, and takes writes when that is settled.
func TestLeadInDoubt(t *testing.T) {
	for _, stored := range []bool{true, false} {
		n := replaytest.Open(t, 1, writer.Config{})
		n.Must(set(0, "k"))
		if _, err := n.Writer.Follow(t.Context(), errors.New("it follows")); err != nil {
			t.Fatal(err)
		}
		release := n.Mem.Hang()
		if err := n.Writer.Lead(t.Context()); !errors.Is(err, writer.ErrLeadInDoubt) {
			t.Fatalf("Lead = %v; want ErrLeadInDoubt", err)
		}
		if err := n.Do(set(0, "k")); err == nil {
			t.Error("a write was taken while the entry that proves the lead is in doubt")
		}
		release(stored, map[bool]error{true: nil, false: replaytest.ErrFull}[stored])
		suspension(t, n, isWell)
		n.Must(set(0, "k"))
	}
}

// An attempt to resume that hangs is left behind when its time is up. When what was
// hanging is back the next is made at once, whatever the policy's interval.
func TestResumeWhenBack(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{AttemptTimeout: 10 * time.Millisecond,
		Resume: writer.ResumePolicy{Interval: time.Hour}})
	sicken(t, n, errBadDisk) // no attempt is made without being asked
	release := n.Mem.HangReopen()
	for range 2 { // the second finds the first still there
		_, err := n.Writer.Health().Resume(t.Context())
		if fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "come back") && !strings.Contains(err.Error(), "still hangs") {
			t.Errorf("Resume while reopening hangs = %v; want a Retryable error that says so", err)
		}
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := n.Writer.Lead(soon); err == nil {
		t.Error("a node leads while a step hangs at its journal")
	}
	n.Mem.Heal()
	release()
	suspension(t, n, isWell)
	n.Must(set(0, "k"))
}

// So it is with a probe that is in doubt.
func TestProbeInDoubt(t *testing.T) {
	for _, stored := range []bool{true, false} {
		n := replaytest.Open(t, 1, writer.Config{Resume: writer.ResumePolicy{Interval: time.Hour}})
		sicken(t, n, replaytest.ErrFull)
		n.Mem.Heal()
		release := n.Mem.Hang()
		if _, err := n.Writer.Health().Resume(t.Context()); fault.Of(err) != fault.Retryable {
			t.Errorf("Resume with a probe in doubt = %v; want a Retryable error", err)
		}
		suspension(t, n, inDoubt)
		release(stored, map[bool]error{true: nil, false: replaytest.ErrFull}[stored])
		suspension(t, n, isWell)
		n.Must(set(0, "k"))
		if got := n.Replay(t, n.Pos().Seq).Pos(); got != n.Pos() {
			t.Errorf("the journal adds up to %v; want %v", got, n.Pos())
		}
	}
}

// A node that starts on a disk that does not answer serves what it holds.
func TestStartInDoubt(t *testing.T) {
	drv := mem.New()
	release := drv.Hang()
	st := replaytest.NewState(t, 1)
	w := writer.New(writer.Config{Log: replaytest.NewLog(t, drv), State: st})
	if err := w.Start(t.Context()); err != nil || !w.Health().InDoubt() {
		t.Fatalf("Start = %v, in doubt is %v; want nil and that it is", err, w.Health().InDoubt())
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	release(true, nil)
	g := replaytest.NewGroup(set(0, "k"))
	for end := time.Now().Add(10 * time.Second); w.Health().InDoubt(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is still in doubt")
		}
	}
	if err := w.Propose(t.Context(), g); err != nil || g.Err() != nil {
		t.Errorf("the first write = %v, %v; want nil", err, g.Settled)
	}
	stop()
	if err := <-ran; err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}
