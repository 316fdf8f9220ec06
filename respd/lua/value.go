// Package lua is Lua 5.1 for scripts that come from clients: a compiler, a
// virtual machine and nothing that reaches outside. Package lualib has the
// functions of its standard library.
//
// A script can't hold or harm the process: steps and memory are counted while
// it runs, at each loop, call and allocation, and whoever runs it is asked
// again and again whether it may go on. How deep calls, patterns and data may
// nest is bounded as in Lua 5.1, and with its error messages.
package lua

import (
	"math"
	"unsafe"
)

// Kind is the type of a value.
type Kind uint8

// The kinds of values.
const (
	KindNil Kind = iota
	KindBool
	KindNumber
	KindString
	KindTable
	KindFunction
	KindUserdata
	KindThread
)

var kindNames = [...]string{"nil", "boolean", "number", "string", "table", "function", "userdata", "thread"}

// String returns the name that Lua's type gives.
func (k Kind) String() string { return kindNames[k] }

// Value is any value of Lua in two words, so that numbers cost no allocation.
//
// p says what it is: nil for Lua's nil, one of the marks below for numbers and
// booleans, and the object for everything else. n is a number's bits, and for
// the others one of the bits* constants, which no number has (Number makes all
// NaNs one).
type Value struct {
	p unsafe.Pointer
	n uint64
}

// bitsKind is what n is for values that are no numbers: a NaN that no
// arithmetic makes, with the kind at its end.
const bitsKind = 0xfff5_0000_0000_0000

// marks are what p points at for numbers, false and true.
var marks [3]byte

func numberMark() unsafe.Pointer { return unsafe.Pointer(&marks[0]) }
func falseMark() unsafe.Pointer  { return unsafe.Pointer(&marks[1]) }
func trueMark() unsafe.Pointer   { return unsafe.Pointer(&marks[2]) }

var (
	// Nil is Lua's nil, which is the zero Value.
	Nil = Value{}
	// True and False are the booleans.
	True  = Value{trueMark(), bitsKind | uint64(KindBool)}
	False = Value{falseMark(), bitsKind | uint64(KindBool)}
)

// Bool returns a boolean.
func Bool(b bool) Value {
	if b {
		return True
	}
	return False
}

// Number returns a number.
func Number(f float64) Value {
	if f != f && math.Float64bits(f)&0xffff_0000_0000_0000 == bitsKind {
		f = nanOf("")
	}
	return Value{numberMark(), math.Float64bits(f)}
}

// number is Number for what arithmetic has made, which is never one of the NaNs
// that stand for kinds.
func number(f float64) Value { return Value{numberMark(), math.Float64bits(f)} }

// Int returns a number.
func Int(i int) Value { return number(float64(i)) }

// FromTable, FromFunction, FromUserdata and FromThread return the object as a
// value; a nil pointer is Lua's nil.
func FromTable(t *Table) Value       { return object(unsafe.Pointer(t), KindTable) }
func FromFunction(f *Function) Value { return object(unsafe.Pointer(f), KindFunction) }
func FromUserdata(u *Userdata) Value { return object(unsafe.Pointer(u), KindUserdata) }
func FromThread(t *Thread) Value     { return object(unsafe.Pointer(t), KindThread) }
func fromString(s *str) Value        { return object(unsafe.Pointer(s), KindString) }

func object(p unsafe.Pointer, k Kind) Value {
	if p == nil {
		return Nil
	}
	return Value{p, bitsKind | uint64(k)}
}

// Kind returns the type of a value.
func (v Value) Kind() Kind {
	switch v.p {
	case numberMark():
		return KindNumber
	case nil:
		return KindNil
	}
	return Kind(v.n & 0xf)
}

// IsNil reports whether v is nil.
func (v Value) IsNil() bool { return v.p == nil }

// IsNumber reports whether v is a number, and not a string that looks like one.
func (v Value) IsNumber() bool { return v.p == numberMark() }

// IsString reports whether v is a string, and not a number.
func (v Value) IsString() bool { return v.n == bitsKind|uint64(KindString) && v.p != nil }

// IsTable reports whether v is a table.
func (v Value) IsTable() bool { return v.n == bitsKind|uint64(KindTable) }

// IsFunction reports whether v is a function.
func (v Value) IsFunction() bool { return v.n == bitsKind|uint64(KindFunction) }

// Truth is what a condition makes of a value: only nil and false are false.
func (v Value) Truth() bool { return v.p != nil && v.p != falseMark() }

// Float returns what a number is. It must be one.
func (v Value) Float() float64 { return math.Float64frombits(v.n) }

// Table returns the table that v is, or nil.
func (v Value) Table() *Table {
	if v.n == bitsKind|uint64(KindTable) {
		return (*Table)(v.p)
	}
	return nil
}

// Function returns the function that v is, or nil.
func (v Value) Function() *Function {
	if v.n == bitsKind|uint64(KindFunction) {
		return (*Function)(v.p)
	}
	return nil
}

// Userdata returns the userdata that v is, or nil.
func (v Value) Userdata() *Userdata {
	if v.n == bitsKind|uint64(KindUserdata) {
		return (*Userdata)(v.p)
	}
	return nil
}

// Thread returns the coroutine that v is, or nil.
func (v Value) Thread() *Thread {
	if v.n == bitsKind|uint64(KindThread) {
		return (*Thread)(v.p)
	}
	return nil
}

// Str returns the text of a string, and "" for everything else.
func (v Value) Str() string {
	if v.IsString() {
		return (*str)(v.p).s
	}
	return ""
}

// Equal reports whether a and b are the same without asking metamethods.
func Equal(a, b Value) bool {
	switch {
	case a.p == numberMark():
		return b.p == numberMark() && a.Float() == b.Float()
	case a.p == b.p:
		return true
	}
	return a.IsString() && b.IsString() && (*str)(a.p).s == (*str)(b.p).s
}

// str is the object of a string. Strings are not interned: equal ones may be
// different objects.
type str struct {
	s      string
	hash   uint32
	hashed bool
	// shared is set for strings that belong to no state, as the constants of
	// compiled code. Their hash is made at once, they are never marked, and
	// nobody is charged for them.
	shared bool
	seen   uint32 // the survey that has counted it last
}

// Shared returns a string that belongs to no state and may be used by all.
func Shared(s string) Value {
	return fromString(&str{s: s, hash: hashString(s), hashed: true, shared: true})
}

// hashString is Lua 5.1's hash of a string. Tables are walked in an order that
// follows from it, so the same table is walked here as it is there. Redis's Lua
// takes all bytes of long strings, too.
func hashString(s string) uint32 { return hashMore(uint32(len(s)), s) }

// hashMore goes on with the end of a string.
func hashMore(h uint32, s string) uint32 {
	for i := len(s) - 1; i >= 0; i-- {
		h ^= h<<5 + h>>2 + uint32(s[i])
	}
	return h
}

// Userdata is an opaque object, such as cjson.null.
type Userdata struct {
	Data any
	Meta *Table
	// Name is what tostring prints after "userdata: ".
	Name string
	id   uint32 // of serial
}
