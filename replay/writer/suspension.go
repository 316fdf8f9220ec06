package writer

import (
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

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
	held     bool // the reserve is held, so it can be tried
}

// Error is what a client's write is refused with.
func (s *Suspension) Error() string {
	if s.InDoubt {
		return fmt.Sprintf("%v; reads are served; writes go on when the disk answers", s.Cause)
	}
	next := "ledge resume"
	if !s.NextAttempt.IsZero() {
		next = fmt.Sprintf("the attempt at %s or ledge resume",
			s.NextAttempt.UTC().Format(time.RFC3339))
	}
	served := "reads are served"
	switch {
	case s.Deletes:
		served = "reads and deletes are served, and " + compacting
	case s.Full() && s.held && !s.reserved:
		served = "reads are served, and in a moment deletes; " + compacting
	case s.Full():
		served = "reads are served; " + compacting
	}
	return fmt.Sprintf("%v; %s; writes resume after %s", s.Cause, served, next)
}

// compacting is what makes room on a disk that is full.
const compacting = "ledge compact frees what deletes leave in the journal"

// Full reports whether the cause is that there is no room.
func (s *Suspension) Full() bool { return full(s.Cause) }

// full reports whether err says that there is no room.
func full(err error) bool { return errors.Is(err, journal.ErrNoSpace) || durable.Full(err) }

// nextStep adds to what a failed attempt to resume has found what there is to do about
// it, where that is known.
func nextStep(err error) error {
	if !full(err) {
		return err
	}
	return fmt.Errorf("%w; make room on the disk, by deleting keys too: %s; then ledge resume again", err, compacting)
}

// Unwrap returns the cause, whose class is the refusal's.
func (s *Suspension) Unwrap() error { return s.Cause }

// worsen takes what an attempt has found, if it is worse than what is known: a
// full disk that turns out to be a broken one is not for time to mend.
func (s *Suspension) worsen(err error) {
	if class := fault.Of(err); class > s.Class {
		s.Class, s.Cause = class, err
	}
	s.Suspect = s.Suspect || errors.Is(err, journal.ErrSync)
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
