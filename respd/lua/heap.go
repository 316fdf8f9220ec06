package lua

import (
	"errors"
	"math"
	"unsafe"
)

// ErrMemory ends a script that took more memory than it may. Like what Check
// returns, no pcall of the script catches it.
var ErrMemory = errors.New("not enough memory")

// heap is the account of a state's memory.
//
// What is allocated is charged to State.room, and nothing is given back when
// something is let go of, because nobody knows when that is. When the room is
// used up, what lives is counted (State.survey), and the room is what is left
// to the limit. It is at least a sixteenth of the limit, so that a script that
// lives close to its limit is not counted again and again: such a script may go
// that much past it.
type heap struct {
	base  int64 // what had been allocated before the first run
	limit int64 // what may live; without a run, all there is
	live  int64 // at the last survey
	// roomAtStart is what State.room was after the last survey, or at the
	// beginning; spent is what had been allocated in this run until then.
	roomAtStart int64
	spent       int64
	epoch       uint32 // of the last survey: it marks objects with it
	begun       bool   // whether there has been a run
	work        []Value
}

const (
	strBytes      = int64(unsafe.Sizeof(str{}))
	functionBytes = int64(unsafe.Sizeof(Function{}))
	upvalBytes    = int64(unsafe.Sizeof(upval{})) + 8
	userdataBytes = int64(unsafe.Sizeof(Userdata{}))
	threadBytes   = int64(unsafe.Sizeof(Thread{}))
	frameBytes    = int64(unsafe.Sizeof(frame{}))
)

// outside is the account when nothing runs.
func (h *heap) outside() {
	h.limit, h.live, h.spent = math.MaxInt64, 0, 0
	h.roomAtStart = math.MaxInt64 / 2
}

// Begin starts the account of a run: the run may make maxMemory bytes live
// beyond what lives now. ErrMemory ends one that has more.
//
// What lives now is what has been allocated before the first run: what a run
// leaves is charged to the next one that can reach it. So is what has been
// allocated between runs.
func (s *State) Begin(maxMemory int64) {
	h := &s.heap
	since := h.roomAtStart - s.room
	if !h.begun {
		h.begun, h.base, since = true, since, 0
	}
	maxMemory = min(max(maxMemory, 0), math.MaxInt64/4)
	h.limit, h.live, h.spent, h.roomAtStart = h.base+maxMemory, h.base, 0, maxMemory
	s.room = maxMemory - since
	s.dead, s.fuel, s.endedAt = nil, s.conf.CheckEvery, place{}
}

// End lets go of what a run has left on the stack and in the account.
func (s *State) End() {
	s.main.reset()
	s.running = s.main
	s.heap.outside()
	s.heap.work = nil
	s.room = s.heap.roomAtStart
	s.dead, s.fuel = nil, s.conf.CheckEvery
}

// Used returns the bytes that lived at the last count of this run, and how many
// have been allocated since it began.
func (s *State) Used() (live, allocated int64) {
	h := &s.heap
	return h.live, h.spent + h.roomAtStart - s.room
}

// charge counts n bytes that are being allocated. If that is too much, the
// script ends at its next step.
func (s *State) charge(n int64) {
	if s.room -= n; s.room < 0 {
		s.fuel = min(s.fuel, 0)
	}
}

// grow counts n bytes before they are allocated.
func (s *State) grow(n int64) error {
	if s.dead != nil {
		return s.dead
	}
	if n > s.room {
		if s.dead = s.survey(); s.dead != nil {
			return s.dead
		}
		if n > s.room {
			s.dead, s.fuel = ErrMemory, -1
			return s.dead
		}
	}
	s.room -= n
	return nil
}

// Reserve is asked before something large is made: it charges n bytes, and
// returns ErrMemory if the script can't have so much. Small strings and tables
// need no Reserve: they are counted when they are made, and the script is ended
// at its next step. What was reserved is not charged again when Owned makes a
// string of it.
//
// What a library function has reserved is taken to live until the function
// returns or Owned hands it over.
func (L *Thread) Reserve(n int) error {
	if n < 0 {
		n = 0
	}
	if err := L.state.grow(int64(n)); err != nil {
		return err
	}
	L.ci.held += int64(n)
	return nil
}

// Owned returns a string whose bytes were reserved.
func (L *Thread) Owned(s string) Value {
	L.ci.held = max(0, L.ci.held-int64(len(s)))
	L.state.charge(strBytes)
	return fromString(&str{s: s})
}

// Step counts n steps, and returns why the script must end, if it must. A
// library function that loops calls it for each turn, or for each 256 bytes or so
// that it goes over, before it does them.
func (L *Thread) Step(n int) error { return L.state.step(n) }

// newString returns a string that is charged.
func (s *State) newString(text string) Value {
	s.charge(strBytes + int64(len(text)))
	return fromString(&str{s: text})
}
