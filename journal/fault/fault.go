// Package fault sorts errors by what they mean for the node: who can act, and
// whether anything has changed. Every error that crosses a border between
// packages carries exactly one class, given where it was first understood.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Class says what an error means for the client, the operator and the node.
// The numbers are stable: they appear in admin replies and metrics.
type Class uint8

const (
	// Refused: the client is wrong; nothing changed; the node goes on.
	Refused Class = 1
	// Retryable: nothing changed and time may mend it (a full disk, a quota).
	Retryable Class = 2
	// Operator: nothing changed and a person has to act (EIO, no permission).
	Operator Class = 3
	// Fatal: it can't be known what changed, or the state is damaged. The
	// node stops and recovery decides.
	Fatal Class = 4
)

// String returns the class's name as logs and admin replies show it.
func (c Class) String() string {
	switch c {
	case Refused:
		return "refused"
	case Retryable:
		return "retryable"
	case Operator:
		return "operator"
	case Fatal:
		return "fatal"
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// classed is an error with a class and the operation that met it.
type classed struct {
	class Class
	op    string
	err   error
}

func (e *classed) Error() string {
	text := e.err.Error()
	if e.op == "" || strings.HasPrefix(text, e.op+": ") { // a package below does the same
		return text
	}
	return e.op + ": " + text
}

func (e *classed) Unwrap() error { return e.err }

// As gives err a class and names the operation that met it, in words that whoever
// operates the node reads: "truncate the journal". It returns nil for
// nil. An error that already has a class keeps it: whoever was nearest to the
// cause knew best.
func As(c Class, op string, err error) error {
	if err == nil {
		return nil
	}
	var in *classed
	if errors.As(err, &in) {
		c = in.class
	}
	return &classed{class: c, op: op, err: err}
}

// With gives err a class, for whoever is within the package that will name the
// operation with As. It returns nil for nil, and an error that already has a class
// keeps it.
func With(c Class, err error) error { return As(c, "", err) }

// Instead gives err a class in place of the one that it has. It is for who knows more than
// whoever was nearest to the cause: that what is refused at present can be tried again.
func Instead(c Class, err error) error {
	if err == nil {
		return nil
	}
	return &classed{class: c, err: err}
}

// Of returns the class of err. An error that nobody classed counts as Fatal:
// what we don't understand we don't carry on from. Of(nil) is 0.
func Of(err error) Class {
	if err == nil {
		return 0
	}
	var in *classed
	if errors.As(err, &in) {
		return in.class
	}
	return Fatal
}

// Cause returns what was met where err was first understood, without the
// operations above it: what a person wants to read. It is err itself if nobody
// classed it.
func Cause(err error) error {
	cause := err
	for e := err; e != nil; e = errors.Unwrap(e) {
		if c, ok := e.(*classed); ok {
			cause = c
		}
	}
	return cause
}

// Line is an error on one line, "" for nil: it may be several that were joined.
func Line(err error) string {
	if err == nil {
		return ""
	}
	return lines.Replace(strings.TrimSpace(err.Error()))
}

var lines = strings.NewReplacer("\r\n", "; ", "\n", "; ", "\r", "; ")
