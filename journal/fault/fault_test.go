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
