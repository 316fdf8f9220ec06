package writer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// A node that has no reserve from the start takes deletes only, as one whose disk filled
// later, and says so from the moment that it is told. What else is wrong already stays
// what is said.
func TestWithoutReserve(t *testing.T) {
	r := &room{}
	r.full.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r})
	r.node = n
	n.Must(set(0, "a"))
	h := n.Writer.Health()
	h.WithoutReserve(errNoRoom)
	s := h.Suspension()
	if s == nil || !s.Deletes || !errors.Is(s.Cause, errNoRoom) || s.NextAttempt.IsZero() || !h.ReserveMissing() {
		t.Fatalf("without a reserve: %+v, missing %v; want deletes only, and an attempt to come", s, h.ReserveMissing())
	}
	n.Must(replaytest.Delete("a"))
	if err := h.Refusal(false); !errors.Is(err, errNoRoom) {
		t.Errorf("a write is refused with %v; want %v", err, errNoRoom)
	}
	h.WithoutReserve(errBadDisk)
	if s := h.Suspension(); !errors.Is(s.Cause, errNoRoom) {
		t.Errorf("told twice the cause is %v; want the first, %v", s.Cause, errNoRoom)
	}
	r.full.Store(false)
	if _, err := h.Resume(t.Context()); err != nil || !r.Held() || h.Suspension() != nil {
		t.Errorf("Resume with room = %v, held %v, %+v; want nil, true and no suspension", err, r.Held(), h.Suspension())
	}
}

// Whoever has made room has the journal tried at once, if time alone would have; not one
// that is suspended for another cause, nor one that only an operator resumes.
func TestFreed(t *testing.T) {
	never := writer.ResumePolicy{Interval: time.Hour}
	for _, tt := range []struct {
		name   string
		cause  error
		policy writer.ResumePolicy
		tried  bool
	}{
		{"a full disk", errNoRoom, never, true},
		{"a broken one", errBadDisk, never, false},
		{"a broken one, which is tried all the same", errBadDisk, writer.ResumePolicy{Auto: writer.ResumeAll, Interval: time.Hour}, false},
		{"only when asked", errNoRoom, writer.ResumePolicy{Auto: writer.ResumeNone, Interval: time.Hour}, false},
	} {
		n := replaytest.Open(t, 1, writer.Config{Resume: tt.policy})
		h := n.Writer.Health()
		h.Freed() // nothing is wrong
		sicken(t, n, tt.cause)
		n.Mem.Heal()
		h.Freed()
		if tt.tried {
			suspension(t, n, func(s *writer.Suspension) bool { return s == nil })
			continue
		}
		soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		<-soon.Done() // an attempt would be under way by now
		cancel()
		if s := h.Suspension(); s == nil || s.Attempts > 0 {
			t.Errorf("%s: %+v; want no attempt", tt.name, s)
		}
	}
}

// While the reserve is being given up nobody is told that it is missing and that there
// are no deletes: both change together.
func TestReserveBeingGivenUp(t *testing.T) {
	r := &slow{at: make(chan struct{}), goOn: make(chan struct{})}
	r.held.Store(true)
	n := replaytest.Open(t, 1, writer.Config{Reserve: r})
	r.node = n
	h := n.Writer.Health()
	sicken(t, n, errNoRoom)
	<-r.at
	if s := h.Suspension(); h.ReserveMissing() || s == nil || s.Deletes {
		t.Errorf("while it is given up: missing %v, %+v; want neither missing nor deletes", h.ReserveMissing(), s)
	}
	close(r.goOn)
	for end := time.Now().Add(10 * time.Second); !h.ReserveMissing(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the reserve is never missing")
		}
	}
	if s := h.Suspension(); s == nil || !s.Deletes {
		t.Errorf("once the reserve is missing: %+v; want deletes to be taken", s)
	}
}

// slow is a reserve that has been given up and takes its time to say so.
type slow struct {
	room
	at, goOn chan struct{}
}

func (r *slow) GiveUp() error {
	err := r.room.GiveUp()
	close(r.at)
	<-r.goOn
	return err
}
