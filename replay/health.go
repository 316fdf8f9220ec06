package replay

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
//
// The Writer suspends it when an append fails. Only an attempt to resume that
// has proved the journal good flips it back; attempts are made by RunHealth, one
// at a time, when one is due and when somebody asks. A failed attempt leaves the
// suspension as it was and never stops the next one.
//
// All methods may be called from any goroutine.
type Health struct {
	clock  func() time.Time
	log    *slog.Logger
	notify func(HealthChange)

	cur atomic.Pointer[Suspension] // replaced as a whole, with mu held

	mu     sync.Mutex
	policy ResumePolicy // mu
	asked  *attempt     // mu; what Resume waits for, or nil
	ended  bool         // mu; RunHealth has returned
	wake   chan struct{}
	hung   chan struct{} // belongs to RunHealth: a step that did not come back
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
	if p.Auto == ResumeNone || p.Auto == ResumeRetryable && s.Class != fault.Retryable {
		return false
	}
	return p.MaxAttempts == 0 || s.Automatic < p.MaxAttempts
}

// Suspension is why the journal takes no writes, and what has been done about
// it. One that has been handed out does not change.
type Suspension struct {
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
	next := "an operator's resume"
	if !s.NextAttempt.IsZero() {
		next = fmt.Sprintf("the attempt at %s or an operator's resume",
			s.NextAttempt.UTC().Format(time.RFC3339))
	}
	served := "reads are served"
	if s.Deletes {
		served = "reads and deletes are served"
	}
	return fmt.Sprintf("%v; %s; writes resume after %s", s.Cause, served, next)
}

// Unwrap returns the cause, whose class is the refusal's.
func (s *Suspension) Unwrap() error { return s.Cause }

// newHealth returns a Health that is ok.
func newHealth(cfg *WriterConfig) *Health {
	return &Health{clock: cfg.Clock, log: cfg.Logger, notify: cfg.Notify,
		policy: cfg.Resume.withDefaults(), wake: make(chan struct{}, 1)}
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
func (h *Health) suspend(err error) error {
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
	h.cur.Store(s)
	h.mu.Unlock()
	h.log.Error("journal takes no writes", "class", s.Class.String(), "cause", cause)
	h.tell(Suspended, s)
	h.stir()
	return s
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
// to resume. When ctx ends first, the attempt goes on.
func (h *Health) Resume(ctx context.Context) ([]Step, error) {
	h.mu.Lock()
	switch {
	case h.cur.Load() == nil:
		h.mu.Unlock()
		return nil, nil
	case h.ended:
		h.mu.Unlock()
		return nil, ErrStopped
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
