package resp

import (
	"errors"
	"fmt"
	"strings"
)

// Error is the text of a Redis error. The first word is its code, which
// clients branch on: "ERR syntax error", "WRONGTYPE Operation against …".
type Error string

// Error returns the text, code first.
func (e Error) Error() string { return string(e) }

// Code is the first word: ERR, WRONGTYPE, NOAUTH and so on.
func (e Error) Code() string {
	code, _, _ := strings.Cut(string(e), " ")
	return code
}

// ProtocolError says that what arrived isn't RESP. The connection can't be
// used any more: there is no telling where the next command starts.
type ProtocolError string

// Error returns the text as Redis words it, without a code.
func (e ProtocolError) Error() string { return string(e) }

// Err is the reply for e. As in Redis, line ends around the text are dropped
// and those inside become spaces.
func Err(e Error) Value {
	return ofString(KindError, oneLine(strings.Trim(string(e), "\r\n")))
}

// Errf is Err of a formatted text, which starts with a code.
func Errf(format string, args ...any) Value {
	return Err(Error(fmt.Sprintf(format, args...)))
}

// FromError is the reply for err, which mustn't be nil. An Error anywhere in
// its chain speaks for it, without what was wrapped around it: that is for
// the log. Other texts get the code ERR, unless they start with a code.
func FromError(err error) Value {
	if e, ok := errors.AsType[Error](err); ok {
		return Err(e)
	}
	text := err.Error()
	if !startsWithCode(text) {
		text = "ERR " + text
	}
	return Err(Error(text))
}

// startsWithCode reports whether the first word could be an error code: upper
// case, and long enough not to be the start of a sentence ("A key …").
func startsWithCode(text string) bool {
	word, _, found := strings.Cut(text, " ")
	if !found || len(word) < 3 {
		return false
	}
	for _, c := range []byte(word) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
