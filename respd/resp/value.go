// Package resp encodes and decodes the Redis protocol, RESP2 and RESP3:
// replies as Values, commands as slices of the bytes they arrived in. It does
// no I/O of its own, except in Reader, which is for clients.
package resp

import (
	"math"
	"strings"
	"unsafe"
)

// Kind says what a Value is. How it looks on the wire also depends on the
// protocol the client chose with HELLO.
type Kind uint8

// The kinds. Nil is the zero Kind, so that a Value nobody set still is one
// whole reply and the client doesn't lose step.
const (
	KindNil Kind = iota
	KindNilArray
	KindNone
	KindSimple
	KindError
	KindInt
	KindBulk
	KindBool
	KindDouble
	KindBigNumber
	KindVerbatim
	KindStream
	KindArray
	KindSet
	KindMap
	KindPairs
	KindPush
	KindSeries
)

// Value is one reply. It is 24 bytes and passed by value; only aggregates
// and converted bytes allocate. Values with equal content aren't equal to
// reflect.DeepEqual: use Equal.
type Value struct {
	_ [0]func() // Not comparable with ==, which would compare pointers.

	// ptr is the data of a string or the first of the elements. One pointer
	// for both halves a Value, and with it the memory of a long LRANGE.
	ptr unsafe.Pointer
	// num is the length of what ptr points to, the integer, the bool as 0 or
	// 1, or the bits of the double.
	num    int64
	kind   Kind
	format [3]byte // Of a verbatim string: "txt" or "mkd"; of a double decimal or zeros.
}

// Replies that are always the same. They are constants in all but name.
var (
	OK       = Simple("OK")
	Pong     = Simple("PONG")
	Queued   = Simple("QUEUED")
	Nil      = Value{kind: KindNil}
	NilArray = Value{kind: KindNilArray}
	// None writes nothing at all, for CLIENT REPLY OFF and for commands that
	// answer with pushes. It can't be an element of another Value.
	None = Value{kind: KindNone}
)

// Simple is a short status such as OK. CR and LF become spaces, because a
// line can't carry them.
func Simple(s string) Value { return ofString(KindSimple, oneLine(s)) }

// Int is an integer.
func Int(n int64) Value { return Value{kind: KindInt, num: n} }

// Bulk is a string of any bytes. It shares the memory of s.
func Bulk(s string) Value { return ofString(KindBulk, s) }

// Bytes is a string of any bytes. It copies b, so b may be reused.
func Bytes(b []byte) Value { return Bulk(string(b)) }

// Bool is a truth value: 1 or 0 in RESP2.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Double is a floating-point number: a bulk string in RESP2.
func Double(f float64) Value {
	return Value{kind: KindDouble, num: int64(math.Float64bits(f))}
}

// decimal is the format of doubles that are written by AppendDecimal.
var decimal = [3]byte{'d', 'e', 'c'}

// Decimal is Double, but written with its digits after the point and never an
// exponent, as Redis writes coordinates.
func Decimal(f float64) Value {
	v := Double(f)
	v.format = decimal
	return v
}

// BigNumber is an integer of any size in decimal: a bulk string in RESP2.
func BigNumber(s string) Value { return ofString(KindBigNumber, oneLine(s)) }

// Verbatim is text with a three-letter format such as "txt": a bulk string
// without the format in RESP2.
func Verbatim(format, s string) Value {
	if len(format) != 3 {
		panic("resp: verbatim format " + format + " isn't three bytes")
	}
	v := ofString(KindVerbatim, s)
	copy(v.format[:], format)
	return v
}

// Array is a list. It keeps vs, so the caller mustn't change it afterwards;
// the same holds for Set, Map, Pairs and Push.
func Array(vs ...Value) Value { return ofElems(KindArray, vs) }

// Strings is an array of bulk strings.
func Strings(ss ...string) Value {
	vs := make([]Value, len(ss))
	for i, s := range ss {
		vs[i] = Bulk(s)
	}
	return Array(vs...)
}

// Set is a list without order: an array in RESP2.
func Set(vs ...Value) Value { return ofElems(KindSet, vs) }

// Map is keys and values in turn: a flat array of both in RESP2.
func Map(kvs ...Value) Value {
	if len(kvs)%2 != 0 {
		panic("resp: map with a key that has no value")
	}
	return ofElems(KindMap, kvs)
}

// Pairs is a list of pairs, of which vs has both halves in turn: an array of
// arrays of two, and a flat array of all halves in RESP2.
func Pairs(vs ...Value) Value {
	if len(vs)%2 != 0 {
		panic("resp: half a pair")
	}
	return ofElems(KindPairs, vs)
}

// Push is a message out of turn, as pub/sub sends: an array in RESP2.
func Push(vs ...Value) Value { return ofElems(KindPush, vs) }

// Series is several replies in a row, as SUBSCRIBE of several channels gives. In
// an aggregate it counts as one element, and the others follow: that is how
// Redis answers SUBSCRIBE inside MULTI.
func Series(vs ...Value) Value { return ofElems(KindSeries, vs) }

// Kind says what v is.
func (v Value) Kind() Kind { return v.kind }

// IsNil reports whether v is a nil of either sort.
func (v Value) IsNil() bool { return v.kind == KindNil || v.kind == KindNilArray }

// IsError reports whether v is an error.
func (v Value) IsError() bool { return v.kind == KindError }

// ErrorText is the whole text of an error, code first, and "" for any other
// kind.
func (v Value) ErrorText() string {
	if v.kind != KindError {
		return ""
	}
	return v.Str()
}

// Str is the text of a kind that is text (simple, error, bulk, big number,
// verbatim), and "" for any other kind.
func (v Value) Str() string {
	switch v.kind {
	case KindSimple, KindError, KindBulk, KindBigNumber, KindVerbatim:
		return unsafe.String((*byte)(v.ptr), int(v.num))
	}
	return ""
}

// TextFormat is the three letters of a verbatim string, and "" for any other
// kind.
func (v Value) TextFormat() string {
	if v.kind != KindVerbatim {
		return ""
	}
	return string(v.format[:])
}

// Num is an integer, or a bool as 1 or 0, and 0 for any other kind.
func (v Value) Num() int64 {
	if v.kind == KindInt || v.kind == KindBool {
		return v.num
	}
	return 0
}

// Float is the number of a double, and 0 for any other kind.
func (v Value) Float() float64 {
	if v.kind != KindDouble {
		return 0
	}
	return math.Float64frombits(uint64(v.num))
}

// Elems is what an array, set, push or series holds, and a map's keys and values in
// turn. The caller mustn't change it. It is nil for any other kind.
func (v Value) Elems() []Value {
	if v.kind < KindArray {
		return nil
	}
	return unsafe.Slice((*Value)(v.ptr), int(v.num))
}

// Size is about how many bytes v takes on the wire: what is no text of it is taken for
// sizeOfHead, for each value in v too.
func (v Value) Size() int {
	n := len(v.Str()) + sizeOfHead
	elems := v.Elems()
	for i := range elems {
		if e := &elems[i]; e.kind == KindBulk {
			n += int(e.num) + sizeOfHead
		} else {
			n += e.Size()
		}
	}
	return n
}

// sizeOfHead is what a length or a small number takes with its ends.
const sizeOfHead = 16

// Equal reports whether v and w have the same kind and content, in the same
// order even for sets and maps. NaN equals NaN of the same bits.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.num != w.num || v.format != w.format {
		return false
	}
	if v.Str() != w.Str() {
		return false
	}
	ve, we := v.Elems(), w.Elems()
	for i := range ve {
		if !ve[i].Equal(we[i]) {
			return false
		}
	}
	return true
}

func ofString(k Kind, s string) Value {
	return Value{kind: k, ptr: unsafe.Pointer(unsafe.StringData(s)), num: int64(len(s))}
}

func ofElems(k Kind, vs []Value) Value {
	return Value{kind: k, ptr: unsafe.Pointer(unsafe.SliceData(vs)), num: int64(len(vs))}
}

// oneLine makes s fit for a reply that a line end closes.
func oneLine(s string) string {
	if strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}
