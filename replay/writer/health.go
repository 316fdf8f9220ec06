package writer

import (
	"errors"
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
// The Writer suspends it when an append fails. Only an attempt to resume that has
// proved the journal good makes it ok again; RunHealth makes the attempts, one at a
// time, when one is due and when somebody asks. A failed attempt leaves the
// suspension as it was and never keeps the next one from being made. What is in
// doubt needs no attempt: nothing has failed, the disk has not answered yet.
//
// A Suspension that has been published is never changed, it is replaced by another,
// so that whoever asks why writes are refused takes no lock: each write asks.
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

	explain func(error) error
	reserve Reserve     // nil for none
	giving  atomic.Bool // the reserve is being given up, and it is not known yet whether that helps

	gaveUp bool // belongs to RunHealth: that the reserve is missing, as it was told last

	hung chan struct{} // belongs to RunHealth: a step that did not come back
}

// newHealth returns a Health that is ok.
func newHealth(cfg *Config) *Health {
	explain := cfg.Explain
	if explain == nil {
		explain = func(err error) error { return err }
	}
	return &Health{explain: explain, clock: cfg.Clock, log: cfg.Logger, notify: cfg.Notify,
		policy: cfg.Resume.withDefaults(), wake: make(chan struct{}, 1), reserve: cfg.Reserve}
}

// missing reports whether there is a reserve that is not held.
func (h *Health) missing() bool { return h.reserve != nil && !h.reserve.Held() }

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

// suspendFor is suspend. With soon, an attempt to resume is made at once, if attempts
// are made at all without being asked for.
func (h *Health) suspendFor(err error, soon bool) error {
	h.mu.Lock()
	cause := h.explain(fault.Cause(err))
	s := &Suspension{Class: fault.Of(err), Cause: cause, Since: h.clock(), held: h.reserve != nil && h.reserve.Held(),
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

// tell tells whoever watches. It must not be called with mu held.
func (h *Health) tell(k ChangeKind, s *Suspension) {
	if h.notify != nil {
		h.notify(HealthChange{k, *s})
	}
}
