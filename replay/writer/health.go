package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// Health is the one place that knows whether the journal takes writes:
//
//	ok → suspended (class, cause, since, attempts, next attempt) → ok
//	ok → in doubt (number, cause, since) → ok, or suspended
//
// The Writer suspends it when an append fails. Only an attempt to resume that
// has proved the journal good flips it back; attempts are made by RunHealth, one
// at a time, when one is due and when somebody asks. A failed attempt leaves the
// suspension as it was and never stops the next one. What is in doubt needs no
// attempt: nothing has failed, the disk has not answered yet.
//
// All methods may be called from any goroutine.
type Health struct {
	clock  func() time.Time
	log    *slog.Logger
	notify func(HealthChange)

	cur     atomic.Pointer[Suspension] // replaced as a whole, with mu held
	doubted atomic.Pointer[func()]     // told when something is in doubt

	mu     sync.Mutex
	policy ResumePolicy // mu
	asked  *attempt     // mu; what Resume waits for, or nil
	ended  bool         // mu; RunHealth has returned
	wake   chan struct{}
	again  bool        // mu; what an attempt has left hanging is back, so another is due
	before *Suspension // mu; what there was before the doubt that there is, or nil

	missing func() bool // reports whether there is a reserve that is not held

	gaveUp bool // belongs to RunHealth: missing, as it was told last

	hung chan struct{} // belongs to RunHealth: a step that did not come back
}

// ResumeAuto says which suspensions are tried without being asked.
type ResumeAuto string

// The values of ResumeAuto.
const (
	ResumeRetryable ResumeAuto = "retryable"
	ResumeAll       ResumeAuto = "all"
	ResumeNone      ResumeAuto = "none"
)

// ResumePolicy says when to try by itself. The zero value is the default.
type ResumePolicy struct {
	Auto        ResumeAuto    // "" is ResumeRetryable
	Interval    time.Duration // between automatic attempts; 0 is a minute
	MaxAttempts int           // automatic ones; 0 is no cap
}

// DefaultResumeInterval spaces automatic attempts.
const DefaultResumeInterval = time.Minute

func (p ResumePolicy) withDefaults() ResumePolicy {
	if p.Auto == "" {
		p.Auto = ResumeRetryable
	}
	if p.Interval == 0 {
		p.Interval = DefaultResumeInterval
	}
	return p
}

// tries reports whether a suspension is to be tried by itself.
func (p ResumePolicy) tries(s *Suspension) bool {
	if s.InDoubt || p.Auto == ResumeNone || p.Auto == ResumeRetryable && s.Class != fault.Retryable {
		return false
	}
	return p.MaxAttempts == 0 || s.Automatic < p.MaxAttempts
}

// Suspension is why the journal takes no writes, and what has been done about
// it. One that has been handed out does not change.
type Suspension struct {
	// InDoubt says that nothing has failed: the disk has not answered so far, so it
	// is not known whether Number is stored, or, if that is 0, whether a step that
	// appends need has worked. It ends by itself.
	InDoubt bool
	Number  journal.Seq

	Class fault.Class
	Cause error
	Since time.Time
	// Deletes says that the reserve has been given up: what frees room is
	// taken, and nothing else.
	Deletes bool
	// Suspect says that a sync has failed: what was acknowledged has to be
	// made durable anew before a write is taken.
	Suspect bool

	Attempts    int // to resume
	Automatic   int // of Attempts
	LastAttempt time.Time
	LastError   error
	NextAttempt time.Time // of an automatic attempt; zero if none is due

	reserved bool // the reserve has been tried
}

// HealthChange is told to whoever watches.
type HealthChange struct {
	Kind ChangeKind
	// Suspension is what holds after the change, or what has ended.
	Suspension Suspension
}

// ChangeKind is what has changed.
type ChangeKind uint8

// The kinds of change.
const (
	Suspended ChangeKind = iota + 1
	Resumed
	ResumeFailed
	ReserveGivenUp
	InDoubt     // until Resumed or Suspended
	ReserveHeld // again; Suspension is what there is all the same, or zero
)

// Step is one thing that an attempt to resume has done.
type Step struct {
	Name string
	Took time.Duration
	Err  error
}

// attempt is one attempt to resume. Its fields are for reading once done is
// closed.
type attempt struct {
	done  chan struct{}
	steps []Step
	err   error
}

// Error is what a client's write is refused with.
func (s *Suspension) Error() string {
	if s.InDoubt {
		return fmt.Sprintf("%v; reads are served; writes go on when the disk answers", s.Cause)
	}
	next := "an operator's resume"
	if !s.NextAttempt.IsZero() {
		next = fmt.Sprintf("the attempt at %s or an operator's resume",
			s.NextAttempt.UTC().Format(time.RFC3339))
	}
	served := "reads are served"
	if s.Deletes {
		served = "reads and deletes are served, and ledge compact frees what deletes leave in the journal"
	}
	return fmt.Sprintf("%v; %s; writes resume after %s", s.Cause, served, next)
}

// Unwrap returns the cause, whose class is the refusal's.
func (s *Suspension) Unwrap() error { return s.Cause }

// newHealth returns a Health that is ok.
func newHealth(cfg *Config) *Health {
	missing := func() bool { return cfg.Reserve != nil && !cfg.Reserve.Held() }
	return &Health{clock: cfg.Clock, log: cfg.Logger, notify: cfg.Notify,
		policy: cfg.Resume.withDefaults(), wake: make(chan struct{}, 1), missing: missing, gaveUp: missing()}
}

// Suspension returns why writes are refused, or nil.
func (h *Health) Suspension() *Suspension { return h.cur.Load() }

// Refusal returns what a write is refused with, or nil. frees says that it is
// one that frees room.
func (h *Health) Refusal(frees bool) error {
	if s := h.cur.Load(); s != nil && !(frees && s.Deletes) {
		return s
	}
	return nil
}

// Policy returns when attempts are made without being asked.
func (h *Health) Policy() ResumePolicy {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.policy
}

// SetPolicy changes when attempts are made without being asked.
func (h *Health) SetPolicy(p ResumePolicy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policy = p.withDefaults()
	if s := h.cur.Load(); s != nil {
		n := *s
		h.scheduleLocked(&n)
		h.cur.Store(&n)
	}
	h.stir()
}

// scheduleLocked sets when s is tried next.
func (h *Health) scheduleLocked(s *Suspension) {
	if s.NextAttempt = (time.Time{}); h.policy.tries(s) {
		s.NextAttempt = h.clock().Add(h.policy.Interval)
	}
}

// suspend notes that an append has failed, and returns what its writers are
// told. A suspension that is there already, and takes deletes, begins anew
// with what it has been through.
func (h *Health) suspend(err error) error { return h.suspendFor(err, false) }

// suspendFor is suspend. soon is that an attempt to resume makes sense at once.
func (h *Health) suspendFor(err error, soon bool) error {
	h.mu.Lock()
	cause := fault.Cause(err)
	s := &Suspension{Class: fault.Of(err), Cause: cause, Since: h.clock(),
		Suspect: errors.Is(err, journal.ErrSync)}
	if old := h.cur.Load(); old != nil {
		s.Since, s.Attempts, s.Automatic = old.Since, old.Attempts, old.Automatic
		s.LastAttempt, s.LastError = old.LastAttempt, old.LastError
		s.Suspect, s.reserved = s.Suspect || old.Suspect, old.reserved
	}
	h.scheduleLocked(s)
	if soon && !s.NextAttempt.IsZero() {
		s.NextAttempt = s.Since
	}
	h.cur.Store(s)
	h.mu.Unlock()
	h.log.Error("journal takes no writes", "class", s.Class.String(), "cause", cause)
	h.tell(Suspended, s)
	h.stir()
	return s
}

// doubt notes that something is in doubt.
func (h *Health) doubt(d *journal.Doubt) {
	h.mu.Lock()
	s := &Suspension{InDoubt: true, Number: d.Seq, Class: fault.Retryable, Since: h.clock(),
		Cause: fault.With(fault.Retryable, errors.New(d.Error()))}
	h.before = h.cur.Load()
	if b := h.before; b != nil {
		s.Attempts, s.Automatic, s.LastAttempt, s.LastError = b.Attempts, b.Automatic, b.LastAttempt, b.LastError
	}
	h.cur.Store(s)
	h.mu.Unlock()
	h.log.Error("the disk does not answer; writes wait for it, reads go on", "number", uint64(d.Seq), "cause", s.Cause)
	h.tell(InDoubt, s)
	if f := h.doubted.Load(); f != nil {
		(*f)()
	}
}

// OnDoubt has f called when something is in doubt from then on. It must not wait.
func (h *Health) OnDoubt(f func()) { h.doubted.Store(&f) }

// InDoubt reports whether it waits for the disk what becomes of an append.
func (h *Health) InDoubt() bool {
	s := h.cur.Load()
	return s != nil && s.InDoubt
}

// settled notes how a doubt has ended, and returns what its writers are told. What
// was suspended before is so again, and tried at once.
func (h *Health) settled(err error) error {
	h.mu.Lock()
	s, b := *h.cur.Load(), h.before
	if h.before = nil; b != nil {
		n := *b
		n.Attempts, n.Automatic, n.LastAttempt, n.LastError = s.Attempts, s.Automatic, s.LastAttempt, s.LastError
		b, h.again = &n, true
	}
	if fault.Of(err) != fault.Fatal {
		h.cur.Store(b)
	}
	now := h.clock()
	h.mu.Unlock()
	if fault.Of(err) == fault.Fatal {
		return err
	}
	h.log.Warn("the disk has answered", "number", uint64(s.Number), "after", now.Sub(s.Since).Round(time.Millisecond),
		"stored", err == nil)
	switch {
	case err != nil:
		return h.suspendFor(err, true)
	case b != nil:
		h.tell(Suspended, b)
		h.stir()
	default:
		h.tell(Resumed, &s)
	}
	return nil
}

// retry has an attempt made at once: what the last one has left hanging is back.
func (h *Health) retry() {
	h.mu.Lock()
	h.again = true
	h.mu.Unlock()
	h.stir()
}

// stir makes RunHealth look again.
func (h *Health) stir() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *Health) tell(k ChangeKind, s *Suspension) {
	if h.notify != nil {
		h.notify(HealthChange{k, *s})
	}
}

// Resume asks for an attempt and waits for it. Who asks while one is under way
// or asked for gets that one's outcome. There are no steps if there is nothing
// to resume; while only the reserve is not held, that is tried. When ctx ends first, the attempt goes on.
func (h *Health) Resume(ctx context.Context) ([]Step, error) {
	missing := h.missing()
	h.mu.Lock()
	switch {
	case h.cur.Load() == nil && !missing:
		h.mu.Unlock()
		return nil, nil
	case h.ended:
		h.mu.Unlock()
		return nil, ErrStopped
	case h.InDoubt():
		h.mu.Unlock()
		return nil, fault.As(fault.Retryable, "resume",
			fmt.Errorf("there is nothing to try before the disk answers: %w", h.cur.Load()))
	}
	a := h.asked
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		h.asked = a
		h.stir()
	}
	h.mu.Unlock()
	select {
	case <-a.done:
		return a.steps, a.err
	case <-ctx.Done():
		return nil, fault.As(fault.Retryable, "resume", fmt.Errorf("the attempt is still under way: %w", ctx.Err()))
	}
}
