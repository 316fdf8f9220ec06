package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"ledge/journal/fault"
)

// The class given nearest to the cause must survive every wrap above it.
func TestInnermostClassWins(t *testing.T) {
	cause := errors.New("disk full")
	err := fault.As(fault.Retryable, "append", cause)
	err = fmt.Errorf("group of 3: %w", err)
	err = fault.As(fault.Fatal, "writer", err)
	if got := fault.Of(err); got != fault.Retryable {
		t.Errorf("Of(%v) = %v; want retryable", err, got)
	}
	if !errors.Is(err, cause) {
		t.Errorf("%v does not wrap its cause", err)
	}
	if got, want := err.Error(), "writer: group of 3: append: disk full"; got != want {
		t.Errorf("Error() = %q; want %q", got, want)
	}
}

// An error that nobody understood stops the node.
func TestNoClassIsFatal(t *testing.T) {
	if got := fault.Of(errors.New("what is this")); got != fault.Fatal {
		t.Errorf("Of = %v; want fatal", got)
	}
	if got := fault.Of(nil); got != 0 {
		t.Errorf("Of(nil) = %v; want 0", got)
	}
	if err := fault.As(fault.Fatal, "op", nil); err != nil {
		t.Errorf("As(nil) = %v; want nil", err)
	}
}

// Cause cuts off what is above the first understanding, and keeps the class.
func TestCause(t *testing.T) {
	disk := errors.New("no room")
	err := fault.As(fault.Fatal, "append", fmt.Errorf("number 7: %w", fault.With(fault.Retryable, disk)))
	got := fault.Cause(err)
	if got.Error() != "no room" || fault.Of(got) != fault.Retryable || !errors.Is(got, disk) {
		t.Errorf("Cause(%v) = %v, class %s; want no room, class retryable", err, got, fault.Of(got))
	}
	if got := fault.Cause(disk); got != disk {
		t.Errorf("Cause of what nobody classed = %v; want itself", got)
	}
}

// With adds a class and no words.
func TestWith(t *testing.T) {
	disk := errors.New("no room")
	if err := fault.With(fault.Retryable, disk); err.Error() != "no room" || fault.Of(err) != fault.Retryable || !errors.Is(err, disk) {
		t.Errorf("With = %v, class %s; want no room, class retryable", err, fault.Of(err))
	}
	if err := fault.With(fault.Fatal, fault.As(fault.Operator, "append", disk)); fault.Of(err) != fault.Operator {
		t.Errorf("With on an error that has a class = %s; want that class", fault.Of(err))
	}
	if err := fault.With(fault.Fatal, nil); err != nil {
		t.Errorf("With(nil) = %v; want nil", err)
	}
}

// What stands in a log, a header or a terminal's last line is one line, however
// many errors were joined and by whatever means.
func TestLine(t *testing.T) {
	for want, err := range map[string]error{
		"":           nil,
		"a":          errors.New("a\n"),
		"a; b":       errors.Join(errors.New("a"), errors.New("b")),
		"op: a; b":   fmt.Errorf("op: %w", errors.Join(errors.New("a"), errors.New("b"))),
		"a; b; c; d": errors.New("\r\na\r\nb\rc\nd\r"),
	} {
		if got := fault.Line(err); got != want {
			t.Errorf("Line(%q) = %q; want %q", err, got, want)
		}
	}
}

// Packages above each other that do the same say it once.
func TestSameOperation(t *testing.T) {
	const op = "truncate the journal"
	cause := errors.New("no room")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fault.As(fault.Retryable, op, fault.As(fault.Retryable, op, cause)), "truncate the journal: no room"},
		{fault.As(fault.Retryable, op, fault.With(fault.Retryable, fault.As(fault.Retryable, op, cause))), "truncate the journal: no room"},
		{fault.As(fault.Retryable, "compact", fault.As(fault.Retryable, op, cause)), "compact: truncate the journal: no room"},
		{fault.As(fault.Retryable, "truncate", fault.As(fault.Retryable, op, cause)), "truncate: truncate the journal: no room"},
	} {
		if got := tt.err.Error(); got != tt.want || !errors.Is(tt.err, cause) {
			t.Errorf("%q; want %q", got, tt.want)
		}
	}
}

// A class that is given instead holds above the one that there was.
func TestInstead(t *testing.T) {
	err := fault.Instead(fault.Retryable, fmt.Errorf("offer: %w", fault.With(fault.Refused, errors.New("busy"))))
	if got := fault.Of(fmt.Errorf("move: %w", err)); got != fault.Retryable || err.Error() != "offer: busy" {
		t.Errorf("Of(%v) = %v; want retryable", err, got)
	}
	if err := fault.Instead(fault.Retryable, nil); err != nil {
		t.Errorf("Instead(nil) = %v; want nil", err)
	}
}
