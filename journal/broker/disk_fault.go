package broker

import (
	"strings"

	"ledge/journal"
	"ledge/journal/fault"
)

// diskFault is an I/O error in the broker's words, which are all that is known
// of it.
type diskFault struct {
	text string
	is   []error
}

func (e *diskFault) Error() string   { return e.text }
func (e *diskFault) Unwrap() []error { return e.is }

// DiskError returns the error that the broker's text speaks of, with its class.
func DiskError(text string) error {
	e := &diskFault{text: reason(text)}
	if noSpace(text) {
		e.is = append(e.is, journal.ErrNoSpace)
	}
	if SyncFailed(text) {
		e.is = append(e.is, journal.ErrSync)
	}
	return fault.With(classOf(text), e)
}

// classOf is the class of an I/O error: whether time may mend it.
func classOf(text string) fault.Class {
	if noSpace(text) {
		return fault.Retryable
	}
	return fault.Operator
}

func noSpace(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "no space left") || strings.Contains(text, "quota exceeded")
}

// SyncFailed reports whether the text speaks of a sync.
func SyncFailed(text string) bool { return strings.Contains(text, syncError) }

// reason cuts off what the broker puts before the system's own words.
func reason(text string) string {
	text = strings.TrimSpace(text)
	for _, lead := range []string{WriteError + ": ", shutsDown + ": "} {
		if i := strings.Index(strings.ToLower(text), strings.ToLower(lead)); i >= 0 {
			return text[i+len(lead):]
		}
	}
	return text
}
