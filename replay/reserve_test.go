package replay_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
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
	n := replaytest.Open(t, 1, replay.WriterConfig{Reserve: r})
	r.node = n
	n.Must(set(0, "a"), set(0, "b"))
	sicken(t, n, errNoRoom)
	h := n.Writer.Health()
	s := suspension(t, n, func(s *replay.Suspension) bool { return s.Deletes })
	if s.Attempts != 0 || r.Held() {
		t.Errorf("after giving the reserve up: %+v, held %v", s, r.Held())
	}
	if h.Refusal(true) != nil || !errors.Is(h.Refusal(false), errNoRoom) {
		t.Errorf("refusals = %v for deletes, %v for the rest", h.Refusal(true), h.Refusal(false))
	}
	n.Must(del("a"))
	if _, err := h.Resume(t.Context()); !errors.Is(err, errNoRoom) {
		t.Errorf("Resume without room = %v; want %v", err, errNoRoom)
	}
	n.Must(del("b"))
	r.full.Store(false)
	if _, err := h.Resume(t.Context()); err != nil || !r.Held() {
		t.Errorf("Resume = %v, reserve held %v; want nil and true", err, r.Held())
	}
	n.Must(set(0, "k"))
}

// A reserve that doesn't help leaves everything refused, and is not given up
// again for the same suspension.
func TestReserveDoesNotHelp(t *testing.T) {
	r := &stubborn{}
	r.held.Store(true)
	n := replaytest.Open(t, 1, replay.WriterConfig{Reserve: r})
	r.node = n
	sicken(t, n, errNoRoom)
	for r.Held() {
		suspension(t, n, func(s *replay.Suspension) bool { return s != nil })
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
