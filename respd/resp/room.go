package resp

import (
	"sync"
	"unsafe"
)

// Ranges of some length come in great numbers, and each is an array of values
// that is garbage as soon as it is written. So arrays up to roomSize are used
// again.
const roomSize = 256

var rooms = sync.Pool{New: func() any { return new([roomSize]Value) }}

// lent is the format of an array in a room.
var lent = [3]byte{'l', 'e', 'n'}

// Room returns an empty slice with room for n values, of which Lent makes a
// reply.
func Room(n int) []Value {
	if n > roomSize {
		return make([]Value, 0, n)
	}
	return rooms.Get().(*[roomSize]Value)[:0]
}

// Lent is Array of a slice that Room gave and that has not outgrown it.
func Lent(vs []Value) Value {
	v := Array(vs...)
	if len(vs) > 0 && cap(vs) == roomSize {
		v.format = lent
	}
	return v
}

// Release gives the memory of a Lent value back. Whoever wrote the value, and
// nobody else has it, may call it; v must not be used afterwards.
func (v Value) Release() {
	if v.kind != KindArray || v.format != lent {
		return
	}
	room := (*[roomSize]Value)(unsafe.Pointer(unsafe.SliceData(v.Elems())))
	clear(room[:v.num])
	rooms.Put(room)
}
