package rdb

import "ledge/respd/number"

// Seal adds the footer of a version to a body.
func Seal(body string, version uint16) string { return string(seal([]byte(body), 0, version)) }

// Integer reads a 64-bit integer in the one form that Redis writes.
func Integer(s string) (int64, bool) { return number.ParseInt(s) }

// ListpackOf writes a listpack.
func ListpackOf(elems ...string) string {
	var l listpack
	l.reset()
	for _, s := range elems {
		l.add(s)
	}
	return string(l.blob())
}
