package mem

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"ledge/journal"
)

// The faults that a test can order.

// FailNext has the next append that isn't spoken for fail with err, storing
// nothing. An err without a class is Fatal, as everywhere.
func (j *Journal) FailNext(err error) {
	j.order(func(*Journal, journal.Seq, []byte) error { return err })
}

// PassNext has so many coming appends, which aren't spoken for, work.
func (j *Journal) PassNext(n int) {
	for range n {
		j.order(func(j *Journal, seq journal.Seq, f []byte) error {
			j.storeLocked(seq, f)
			return nil
		})
	}
}

// Sicken has every append and every Reopen fail with err until Heal.
func (j *Journal) Sicken(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sick = err
}

// Heal ends what Sicken began.
func (j *Journal) Heal() { j.Sicken(nil) }

// StoreThenFail has the next append that isn't spoken for store its frame and
// fail with err all the same. A driver may do that with Fatal errors only.
func (j *Journal) StoreThenFail(err error) {
	j.order(func(j *Journal, seq journal.Seq, f []byte) error {
		j.storeLocked(seq, f)
		return err
	})
}

// Judge has fn asked about each append, before its frame is stored and again after that: an
// error is what the append fails with. Nil ends it.
func (j *Journal) Judge(fn func(seq journal.Seq, frame []byte, stored bool) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.judge = fn
}

func (j *Journal) order(f func(*Journal, journal.Seq, []byte) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = append(j.fail, f)
}

// Hold makes appends wait until release is called or their context ends. One
// that was given up so is not stored. release may be called more than once.
func (j *Journal) Hold() (release func()) {
	held := make(chan struct{})
	j.mu.Lock()
	j.held = held
	j.mu.Unlock()
	return sync.OnceFunc(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.held == held {
			j.held = nil
		}
		close(held)
	})
}

// hanging is a call that is in doubt.
type hanging struct {
	sync    bool // it is Sync, not Append
	release chan outcome
}

type outcome struct {
	stored bool
	err    error
}

// Hang has the next append neither answer nor fail until release is called, with
// whether the frame turns out to be stored, and if not, why. release is to be
// called once.
func (j *Journal) Hang() (release func(stored bool, err error)) { return j.hang(false) }

// HangSync has the next Sync do so.
func (j *Journal) HangSync() (release func(error)) {
	r := j.hang(true)
	return func(err error) { r(false, err) }
}

func (j *Journal) hang(sync bool) func(bool, error) {
	h := &hanging{sync: sync, release: make(chan outcome, 1)}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.slow = h
	return func(stored bool, err error) { h.release <- outcome{stored, err} }
}

// inDoubtLocked returns the doubt about a call that hangs, or nil.
func (j *Journal) inDoubtLocked(sync bool, seq journal.Seq, frame []byte) error {
	h := j.slow
	if h == nil || h.sync != sync {
		return nil
	}
	j.slow = nil
	d, settle := journal.NewDoubt(seq, errors.New("no answer"))
	go func() {
		o := <-h.release
		if !o.stored {
			settle(0, o.err)
			return
		}
		j.mu.Lock()
		j.storeLocked(seq, frame)
		j.mu.Unlock()
		settle(1, o.err)
	}()
	return d
}

// HangReopen makes Reopen wait until release is called, whatever its context says.
func (j *Journal) HangReopen() (release func()) {
	stuck := make(chan struct{})
	j.mu.Lock()
	j.stuck = stuck
	j.mu.Unlock()
	return sync.OnceFunc(func() {
		j.mu.Lock()
		j.stuck = nil
		j.mu.Unlock()
		close(stuck)
	})
}

// Flip inverts a bit of the stored frame seq.
func (j *Journal) Flip(seq journal.Seq, bit int) {
	j.change(seq, func(f *journal.Frame) bool {
		f.Data = bytes.Clone(f.Data)
		f.Data[bit/8] ^= 1 << (bit % 8)
		return true
	})
}

// Drop loses the stored frame seq and leaves a gap, or a shorter journal if it
// was the last.
func (j *Journal) Drop(seq journal.Seq) {
	j.change(seq, func(*journal.Frame) bool { return false })
}

// Replace puts data in the place of the stored frame seq.
func (j *Journal) Replace(seq journal.Seq, data []byte) {
	j.change(seq, func(f *journal.Frame) bool {
		f.Data = bytes.Clone(data)
		return true
	})
}

// change lets f alter frame seq; it is dropped when f returns false. Reads that
// are under way don't see it.
func (j *Journal) change(seq journal.Seq, f func(*journal.Frame) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var frames []journal.Frame
	found := false
	for _, fr := range j.frames {
		if fr.Seq == seq {
			found = true
			if !f(&fr) {
				continue
			}
		}
		frames = append(frames, fr)
	}
	if !found {
		panic(fmt.Sprintf("mem: no frame %d to harm", seq))
	}
	j.frames = frames
}
