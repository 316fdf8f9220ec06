package journal

import (
	"fmt"
	"sync"

	"ledge/journal/fault"
)

// Doubt is the error of a call whose outcome is not known so far: the disk has
// not answered, and what is stored can't be looked at before it does. Nothing
// is lost by that and nothing is wrong: whoever made the call waits for Done, for
// as long as it takes, and then asks for the Outcome. Until then the driver takes
// no other call that belongs to the appending goroutine.
//
// Whoever does not know of doubts sees an error without a class, which is Fatal:
// it can't be known what has changed.
type Doubt struct {
	// Seq is the first number that is in doubt. It is 0 where no frame is: then
	// it is a sync, or what makes the journal fit for appends, that hangs.
	Seq   Seq
	cause error

	mu     sync.Mutex
	then   []func(stored int, err error) // mu
	done   chan struct{}                 // closed when what follows is set
	stored int
	err    error
}

// NewDoubt returns a doubt about the frames from seq on, and what ends it. That
// is to be called once, with how many of the frames are stored and why the others
// are not.
func NewDoubt(seq Seq, cause error) (d *Doubt, settle func(stored int, err error)) {
	d = &Doubt{Seq: seq, cause: cause, done: make(chan struct{})}
	return d, d.settle
}

func (d *Doubt) settle(stored int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.then {
		f(stored, err)
	}
	d.then = nil
	d.stored, d.err = stored, err
	close(d.done)
}

// Then has f called with the outcome, before anybody else hears of it. f must
// not wait.
func (d *Doubt) Then(f func(stored int, err error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.done:
		f(d.stored, d.err)
	default:
		d.then = append(d.then, f)
	}
}

// Done is closed when the outcome is known.
func (d *Doubt) Done() <-chan struct{} { return d.done }

// Outcome returns how many of the frames are stored, and why the others are not.
// It is for calling once Done is closed. The error has the meaning of Append's:
// unless it is Fatal, what is not stored never will be. It is nil if those were not
// tried, because what comes before an append has hung.
func (d *Doubt) Outcome() (stored int, err error) { return d.stored, d.err }

// Error says what is in doubt, and why.
func (d *Doubt) Error() string {
	if d.Seq == 0 {
		return fmt.Sprintf("the disk has not answered: %v", d.cause)
	}
	return fmt.Sprintf("whether number %d is stored is not known yet: %v", d.Seq, d.cause)
}

// Unwrap returns why there is no outcome.
func (d *Doubt) Unwrap() error { return d.cause }

// errInDoubt refuses what has to wait for an outcome.
func errInDoubt(op string, d *Doubt) error {
	return fault.As(fault.Retryable, op, fmt.Errorf("an earlier call is not settled: %s", d.Error()))
}
