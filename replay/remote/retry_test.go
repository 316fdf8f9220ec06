package remote

import (
	"errors"
	"strings"
	"testing"

	"ledge/journal/fault"
)

// Equal causes in a row are said once, with their count, and the class is the
// last one's.
func TestJoined(t *testing.T) {
	a, b := errors.New("a"), fault.With(fault.Operator, errors.New("b"))
	for _, c := range []struct {
		attempts int
		causes   []error
		want     string
	}{
		{1, []error{a}, "attempt 1: a"},
		{2, []error{a, a}, "2 attempts, 1 to 2: a"},
		{14, []error{b, a, a, a, b}, "attempt 10: b; 3 attempts, 11 to 13: a; attempt 14: b"},
		{3, []error{a, b, a}, "attempt 1: a; attempt 2: b; attempt 3: a"},
	} {
		err := joined(c.attempts, c.causes)
		if got := err.Error(); !strings.HasSuffix(got, c.want) || len(got) > len("follow: ")+len(c.want) ||
			fault.Of(err) != fault.Of(c.causes[len(c.causes)-1]) {
			t.Errorf("joined(%d, %v) = %q, %s; want %q with the last cause's class", c.attempts, c.causes, got, fault.Of(err), c.want)
		}
	}
}
