package rdb

import (
	"encoding/binary"

	"ledge/respd/number"
)

const (
	listpackHeader = 4 + 2
	listpackStr32  = 0xf0
	listpackInt16  = 0xf1
	listpackInt24  = 0xf2
	listpackInt32  = 0xf3
	listpackInt64  = 0xf4
)

// listpack is a listpack that is being written.
type listpack struct {
	b []byte
	n int
}

// reset makes it empty.
func (l *listpack) reset() {
	l.b, l.n = append(l.b[:0], make([]byte, listpackHeader)...), 0
}

// add adds an element: as a number, if it is one in the form that Redis writes.
func (l *listpack) add(s string) {
	start := len(l.b)
	if n, ok := number.ParseInt(s); ok {
		l.b = appendPackedInt(l.b, n)
	} else {
		l.b = appendPackedString(l.b, s)
	}
	l.b = appendBack(l.b, len(l.b)-start)
	l.n++
}

// blob returns the whole listpack.
func (l *listpack) blob() []byte {
	l.b = append(l.b, packedEnd)
	binary.LittleEndian.PutUint32(l.b, uint32(len(l.b)))
	binary.LittleEndian.PutUint16(l.b[4:], uint16(min(l.n, uncounted)))
	return l.b
}

func appendPackedInt(b []byte, n int64) []byte {
	switch {
	case 0 <= n && n < 1<<7:
		return append(b, byte(n))
	case -1<<12 <= n && n < 1<<12:
		return append(b, 0xc0|byte(n>>8)&0x1f, byte(n))
	case n == int64(int16(n)):
		return binary.LittleEndian.AppendUint16(append(b, listpackInt16), uint16(n))
	case -1<<23 <= n && n < 1<<23:
		return append(b, listpackInt24, byte(n), byte(n>>8), byte(n>>16))
	case n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(b, listpackInt32), uint32(n))
	}
	return binary.LittleEndian.AppendUint64(append(b, listpackInt64), uint64(n))
}

func appendPackedString(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 1<<6:
		b = append(b, 0x80|byte(n))
	case n < 1<<12:
		b = append(b, 0xe0|byte(n>>8), byte(n))
	default:
		b = binary.LittleEndian.AppendUint32(append(b, listpackStr32), uint32(n))
	}
	return append(b, s...)
}

// packedSize returns how many bytes add adds.
func packedSize(s string) int {
	n := len(s) + 5
	if v, ok := number.ParseInt(s); ok {
		var buf [9]byte
		n = len(appendPackedInt(buf[:0], v))
	} else if len(s) < 1<<6 {
		n = len(s) + 1
	} else if len(s) < 1<<12 {
		n = len(s) + 2
	}
	var buf [5]byte
	return n + len(appendBack(buf[:0], n))
}

// appendBack adds the length n of an element in the form that is read backwards:
// the highest 7 bits first, all bytes but the first marked. The bounds are
// Redis's, each one below what there is room for.
func appendBack(b []byte, n int) []byte {
	switch {
	case n <= 1<<7-1:
		return append(b, byte(n))
	case n < 1<<14-1:
		return append(b, byte(n>>7), byte(n)|0x80)
	case n < 1<<21-1:
		return append(b, byte(n>>14), byte(n>>7)|0x80, byte(n)|0x80)
	case n < 1<<28-1:
		return append(b, byte(n>>21), byte(n>>14)|0x80, byte(n>>7)|0x80, byte(n)|0x80)
	}
	return append(b, byte(n>>28), byte(n>>21)|0x80, byte(n>>14)|0x80, byte(n>>7)|0x80, byte(n)|0x80)
}
