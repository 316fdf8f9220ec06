package replaytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledge/replay"
	"ledge/replay/value"
)

// Show returns all that key holds as text: a string as it is, the elements of
// anything else one after the other, those without order sorted.
func Show(tb testing.TB, v *replay.View, key string) string {
	tb.Helper()
	name := []byte(key)
	var elems []string
	var err error
	switch typ := v.Type(name); typ {
	case value.None, value.String:
		val, _, err := v.GetString(name)
		if err != nil {
			tb.Errorf("GetString(%q) = %v; want nil", key, err)
		}
		return val
	case value.HashType:
		var h value.Hash
		h, err = v.Hash(name)
		for f, val := range h.All() {
			at, _ := h.Deadline([]byte(f))
			elems = append(elems, fmt.Sprintf("%q=%q@%d", f, val, at))
		}
		slices.Sort(elems)
		err = counted(err, h.Len(), elems)
	case value.SetType:
		var s value.Set
		s, err = v.Set(name)
		for m := range s.All() {
			elems = append(elems, fmt.Sprintf("%q", m))
		}
		slices.Sort(elems)
		err = counted(err, s.Len(), elems)
	case value.ZSetType:
		var z value.ZSet
		z, err = v.ZSet(name)
		for m, score := range z.From(0) {
			elems = append(elems, fmt.Sprintf("%q=%v", m, score))
		}
		err = counted(err, z.Len(), elems)
	case value.ListType:
		var l value.List
		l, err = v.List(name)
		for item := range l.From(0) {
			elems = append(elems, fmt.Sprintf("%q", item))
		}
		err = counted(err, l.Len(), elems)
	}
	if err != nil {
		tb.Errorf("%q: %v", key, err)
	}
	return v.Type(name).String() + "{" + strings.Join(elems, " ") + "}"
}

// counted adds to err that there are not so many elements as the length says.
func counted(err error, n int, elems []string) error {
	if err == nil && n != len(elems) {
		err = fmt.Errorf("length is %d; it has %d elements", n, len(elems))
	}
	return err
}
