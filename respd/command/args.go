package command

import (
	"strings"

	"ledge/replay/value"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// Args are a command's arguments, its name first. They are slices of the
// connection's buffer: whoever keeps one past the call copies it.
type Args [][]byte

// Errors that many commands share, worded as Redis does.
const (
	ErrSyntax     resp.Error = "ERR syntax error"
	ErrNotInt     resp.Error = "ERR value is not an integer or out of range"
	ErrNotFloat   resp.Error = "ERR value is not a valid float"
	ErrOutOfRange resp.Error = "ERR value is out of range"
	ErrNoKey      resp.Error = "ERR no such key"
)

const errNotInt32 resp.Error = "ERR value is out of range, " +
	"value must between -2147483648 and 2147483647"

// ErrWrongType is the answer to a key of another type.
var ErrWrongType = value.ErrWrongType

// Str returns argument i as a string of its own.
func (a Args) Str(i int) string { return string(a[i]) }

// Is reports whether argument i is word, of any case. Word is in upper case.
func (a Args) Is(i int, word string) bool {
	if len(a[i]) != len(word) {
		return false
	}
	for j, c := range a[i] {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != word[j] {
			return false
		}
	}
	return true
}

// Word returns argument i in upper case.
func (a Args) Word(i int) string { return strings.ToUpper(string(a[i])) }

// Printed returns argument i as Redis shows it in an error, which C prints: up
// to a zero byte.
func (a Args) Printed(i int) string {
	text, _, _ := strings.Cut(string(a[i]), "\x00")
	return text
}

// Int reads argument i as Redis reads an integer: no spaces, no plus sign, no
// leading zeros.
func (a Args) Int(i int) (int64, error) {
	n, ok := number.ParseInt(a[i])
	if !ok {
		return 0, ErrNotInt
	}
	return n, nil
}

// Int32 reads argument i as Redis reads the number of a database.
func (a Args) Int32(i int) (int32, error) {
	n, err := a.Int(i)
	if err == nil && n != int64(int32(n)) {
		err = errNotInt32
	}
	return int32(n), err
}

// Float reads argument i as a finite or infinite number, but not NaN.
func (a Args) Float(i int) (float64, error) {
	f, ok := number.ParseFloat(a[i])
	if !ok {
		return 0, ErrNotFloat
	}
	return f, nil
}
