package writer_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// room is a reserve that a test watches. Giving it up heals the journal.
type room struct {
	node *replaytest.Node
	held atomic.Bool
	full atomic.Bool // it can't be held back
}

func (r *room) Held() bool { return r.held.Load() }

func (r *room) GiveUp() error {
	r.held.Store(false)
	r.node.Mem.Heal()
	return nil
}

func (r *room) Take() error {
	if r.full.Load() {
		return errNoRoom
	}
	r.held.Store(true)
	return nil
}

// On a full disk the reserve is given up, and what frees room is taken. Only
// when the room is held back again is the rest.
func TestReserve(t *testing.T) {
	r := &room{}
	r.held.Store(true)
	r.full.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r})
	r.node = n
	n.Must(set(0, "a"), set(0, "b"))
	sicken(t, n, errNoRoom)
	h := n.Writer.Health()
	s := suspension(t, n, func(s *writer.Suspension) bool { return s.Deletes })
	if s.Attempts != 0 || r.Held() {
		t.Errorf("after giving the reserve up: %+v, held %v", s, r.Held())
	}
	if h.Refusal(true) != nil || !errors.Is(h.Refusal(false), errNoRoom) {
		t.Errorf("refusals = %v for deletes, %v for the rest", h.Refusal(true), h.Refusal(false))
	}
	n.Must(replaytest.Delete("a"))
	if _, err := h.Resume(t.Context()); !errors.Is(err, errNoRoom) {
		t.Errorf("Resume without room = %v; want %v", err, errNoRoom)
	}
	n.Must(replaytest.Delete("b"))
	r.full.Store(false)
	if _, err := h.Resume(t.Context()); err != nil || !r.Held() {
		t.Errorf("Resume = %v, reserve held %v; want nil and true", err, r.Held())
	}
	n.Must(set(0, "k"))
}

// On a full disk the first refusal says what makes room already, and so do those that
// come after it, and an attempt to resume that finds no room.
func TestFullDiskSaysWhatToDo(t *testing.T) {
	const compact = "ledge compact frees what deletes leave in the journal"
	wants := func(when string, err error, want ...string) {
		t.Helper()
		for _, w := range append(want, compact, "ledge resume") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s the error is %q; want it to say %q", when, err, w)
			}
		}
	}
	r := &room{}
	r.held.Store(true)
	r.full.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r})
	r.node = n
	n.Must(set(0, "a"))
	n.Mem.Sicken(errNoRoom)
	wants("at first", n.Do(set(0, "k")), "in a moment deletes")
	suspension(t, n, func(s *writer.Suspension) bool { return s.Deletes })
	wants("without the reserve", n.Writer.Health().Refusal(false), "reads and deletes are served")
	_, err := n.Writer.Health().Resume(t.Context())
	wants("after a resume", err, "make room on the disk")

	n = replaytest.Open(t, 1, writer.Config{})
	n.Mem.Sicken(errNoRoom)
	err = n.Do(set(0, "k"))
	wants("where nothing is held back", err)
	if strings.Contains(err.Error(), "in a moment deletes") {
		t.Errorf("where nothing is held back the error is %q; deletes are not taken", err)
	}
}

// A reserve that doesn't help leaves everything refused, and is not given up
// again for the same suspension.
func TestReserveDoesNotHelp(t *testing.T) {
	r := &stubborn{}
	r.held.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r})
	r.node = n
	sicken(t, n, errNoRoom)
	for r.Held() {
		suspension(t, n, func(s *writer.Suspension) bool { return s != nil })
	}
	if _, err := n.Writer.Health().Resume(t.Context()); !errors.Is(err, errNoRoom) {
		t.Errorf("Resume = %v; want %v", err, errNoRoom)
	}
	if s := n.Writer.Health().Suspension(); s.Deletes {
		t.Errorf("%+v takes deletes", s)
	}
}

// stubborn is a reserve whose room the disk gives to somebody else.
type stubborn struct{ room }

func (r *stubborn) GiveUp() error {
	r.held.Store(false)
	return nil
}

// A reserve that can't be given up is tried once for each suspension.
func TestReserveStuck(t *testing.T) {
	r := &stuck{}
	r.held.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r})
	r.node = n
	sicken(t, n, errNoRoom)
	for end := time.Now().Add(10 * time.Second); r.tries.Load() == 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the reserve is not tried")
		}
	}
	n.Mem.Heal()
	if _, err := n.Writer.Health().Resume(t.Context()); err != nil {
		t.Errorf("Resume = %v; want nil", err)
	}
	if got := r.tries.Load(); got != 1 {
		t.Errorf("giving up was tried %d times; want once", got)
	}
}

// stuck is a reserve on a disk that removes nothing.
type stuck struct {
	room
	tries atomic.Int64
}

func (r *stuck) GiveUp() error {
	r.tries.Add(1)
	return errBadDisk
}

// onReserve returns a node that takes deletes only, with keys a and b.
func onReserve(t *testing.T) *replaytest.Node {
	t.Helper()
	r := &room{}
	r.held.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r, AttemptTimeout: 50 * time.Millisecond})
	r.node = n
	n.Must(set(0, "a"), set(0, "b"))
	sicken(t, n, errNoRoom)
	suspension(t, n, func(s *writer.Suspension) bool { return s.Deletes })
	return n
}

// A delete that fails begins the suspension anew, with what it has been
// through.
func TestDeleteFails(t *testing.T) {
	n := onReserve(t)
	since := n.Writer.Health().Suspension().Since
	n.Clock.Add(time.Minute)
	n.Mem.Sicken(errBadSync)
	if _, err := n.Writer.Health().Resume(t.Context()); err == nil {
		t.Error("Resume on a sick journal = nil; want an error")
	}
	n.Mem.Heal()
	n.Mem.FailNext(errBadDisk)
	if err := n.Do(replaytest.Delete("a")); !errors.Is(err, errBadDisk) {
		t.Errorf("Do = %v; want %v", err, errBadDisk)
	}
	s := n.Writer.Health().Suspension()
	if s.Deletes || s.Attempts != 1 || !s.Suspect || !s.Since.Equal(since) {
		t.Errorf("after a delete that failed: %+v; want one attempt, since %v, suspect, and no deletes", s, since)
	}
}

// While an attempt hangs nothing waits for it: deletes are refused at once, and
// so are they and other attempts until what hangs has come back.
func TestHungOnReserve(t *testing.T) {
	n := onReserve(t)
	release := n.Mem.Hold()
	defer release()
	h := n.Writer.Health()
	answer := make(chan error, 1)
	appends := n.Mem.Appends()
	go func() {
		_, err := h.Resume(context.Background())
		answer <- err
	}()
	await(t, n, appends+1)
	began := time.Now()
	if err := n.Do(replaytest.Delete("a")); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("Do beside an attempt = %v after %v; want an error at once", err, time.Since(began))
	}
	if err := <-answer; err == nil {
		t.Error("an attempt that hangs = nil; want an error")
	}
	if err := n.Do(replaytest.Delete("a")); err == nil || h.Suspension().Deletes {
		t.Errorf("Do behind an attempt that hangs = %v; want an error", err)
	}
	if _, err := h.Resume(t.Context()); err == nil || !strings.Contains(err.Error(), "still hangs") {
		t.Errorf("Resume beside what hangs = %v; want it to say so", err)
	}
	release()
	for end := time.Now().Add(10 * time.Second); ; <-time.After(time.Millisecond) {
		if _, err := h.Resume(t.Context()); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not resumed: %+v", h.Suspension())
		}
	}
	n.Must(replaytest.Delete("a"))
}

// A reserve that did not fit at the start is tried again while all is well, and
// when somebody asks. Writes go on meanwhile.
func TestReserveLater(t *testing.T) {
	for _, asked := range []bool{false, true} {
		r := &room{}
		r.full.Store(true)
		changes := make(chan writer.ChangeKind, 16)
		interval := time.Hour
		if !asked {
			interval = time.Millisecond // which is bounded below
		}
		n := replaytest.Open(t, 1, writer.Config{Reserve: r, Resume: writer.ResumePolicy{Interval: interval},
			Notify: func(c writer.HealthChange) { changes <- c.Kind }})
		r.node = n
		n.Must(set(0, "a"))
		h := n.Writer.Health()
		if steps, err := h.Resume(t.Context()); !errors.Is(err, errNoRoom) || len(steps) != 1 {
			t.Errorf("Resume without room = %v, %v; want one step and %v", steps, err, errNoRoom)
		}
		if s := h.Suspension(); s != nil {
			t.Errorf("a reserve that does not fit suspends: %v", s)
		}
		n.Must(set(0, "b"))
		r.full.Store(false)
		if asked {
			if _, err := h.Resume(t.Context()); err != nil || !r.Held() {
				t.Errorf("Resume with room = %v, held %v; want nil and true", err, r.Held())
			}
		}
		select {
		case k := <-changes:
			if k != writer.ReserveHeld || !r.Held() {
				t.Errorf("change %d, held %v; want that the reserve is held", k, r.Held())
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the reserve is not held after 20 s")
		}
		if steps, err := h.Resume(t.Context()); err != nil || len(steps) != 0 {
			t.Errorf("Resume with all well = %v, %v; want nothing", steps, err)
		}
		n.Must(set(0, "c"))
	}
}

// kinds collects what is told of a node's health.
func kinds(r writer.Reserve) (writer.Config, <-chan writer.HealthChange) {
	changes := make(chan writer.HealthChange, 64)
	return writer.Config{Reserve: r, AttemptTimeout: 200 * time.Millisecond,
		Notify: func(c writer.HealthChange) { changes <- c }}, changes
}

// told waits until a kind of change is told, and returns it.
func told(t *testing.T, changes <-chan writer.HealthChange, want writer.ChangeKind) writer.HealthChange {
	t.Helper()
	late := time.After(10 * time.Second)
	var others []writer.ChangeKind
	for {
		select {
		case c := <-changes:
			if c.Kind == want {
				return c
			}
			others = append(others, c.Kind)
		case <-late:
			t.Fatalf("after 10 s kind %d is not told; %v were", want, others)
		}
	}
}

// Whoever watches hears that the reserve is held again when the attempt that has
// ended a suspension has taken it.
func TestReserveHeldByResume(t *testing.T) {
	r := &room{}
	r.held.Store(true)
	cfg, changes := kinds(r)
	n := replaytest.Open(t, 1, cfg)
	r.node = n
	sicken(t, n, errNoRoom)
	told(t, changes, writer.ReserveGivenUp)
	if _, err := n.Writer.Health().Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := told(t, changes, writer.ReserveHeld); c.Suspension.Cause != nil {
		t.Errorf("held again with %+v; want no suspension", c.Suspension)
	}
	told(t, changes, writer.Resumed)
	if len(changes) > 0 {
		t.Errorf("%+v is told behind that; want nothing", <-changes)
	}
}

// So it is when the rest of the attempt fails, with what there is all the same.
func TestReserveHeldByFailure(t *testing.T) {
	r := &room{}
	r.held.Store(true)
	cfg, changes := kinds(r)
	n := replaytest.Open(t, 1, cfg)
	r.node = n
	sicken(t, n, errNoRoom)
	told(t, changes, writer.ReserveGivenUp)
	n.Mem.Sicken(errBadDisk)
	if _, err := n.Writer.Health().Resume(t.Context()); err == nil {
		t.Fatal("Resume on a sick journal = nil; want an error")
	}
	if c := told(t, changes, writer.ReserveHeld); c.Suspension.Cause == nil {
		t.Error("held again without a suspension; want what there is")
	}
	n.Mem.Heal()
}

// One that is given up and has not helped is gone all the same.
func TestReserveGoneForNothing(t *testing.T) {
	r := &stubborn{}
	r.held.Store(true)
	cfg, changes := kinds(r)
	n := replaytest.Open(t, 1, cfg)
	r.node = n
	sicken(t, n, errNoRoom)
	if c := told(t, changes, writer.ReserveGivenUp); c.Suspension.Deletes {
		t.Errorf("%+v takes deletes; want none", c.Suspension)
	}
}

// A step that was left behind and takes the reserve in the end is heard of, too.
func TestReserveHeldLate(t *testing.T) {
	r := &slowRoom{release: make(chan struct{})}
	cfg, changes := kinds(r)
	cfg.Resume = writer.ResumePolicy{Interval: time.Hour}
	n := replaytest.Open(t, 1, cfg)
	r.node = n
	if _, err := n.Writer.Health().Resume(t.Context()); err == nil {
		t.Fatal("Resume while the disk hangs = nil; want an error")
	}
	close(r.release)
	told(t, changes, writer.ReserveHeld)
}

// slowRoom is a reserve on a disk that hangs until it is released.
type slowRoom struct {
	room
	release chan struct{}
}

func (r *slowRoom) Take() error {
	<-r.release
	return r.room.Take()
}
