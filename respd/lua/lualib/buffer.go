package lualib

import (
	"ledge/respd/lua"
)

// buffer is a string that grows. A short one is one piece that doubles; a long
// one is a list of full pieces, which are joined at the end. So no more is held
// than about twice the string, and all of it is counted before it is there.
type buffer struct {
	L    *lua.Thread
	b    []byte   // the piece that is being filled
	full [][]byte // pieces before it
	size int      // of the full ones
	due  int      // bytes added that are not in steps yet
}

const (
	smallBuffer = 1 << 10 // what is smaller is counted when it becomes a string
	pieceBytes  = 64 << 10
)

func (b *buffer) len() int { return b.size + len(b.b) }

// room makes room for n more bytes, at most pieceBytes.
func (b *buffer) room(n int) error {
	if b.due += n; b.due >= stepBytes {
		if err := b.L.Step(b.due / stepBytes); err != nil {
			return err
		}
		b.due %= stepBytes
	}
	if len(b.b)+n <= cap(b.b) {
		return nil
	}
	if b.len()+n > maxString {
		return b.L.Errorf(errTooLarge)
	}
	size := max(64, 2*cap(b.b), len(b.b)+n)
	if size > pieceBytes {
		// The piece is as good as full.
		b.full, b.size, b.b = append(b.full, b.b), b.size+len(b.b), nil
		size = pieceBytes + b.size/8
	}
	if size > smallBuffer {
		if err := b.L.Reserve(size - cap(b.b)); err != nil {
			return err
		}
	}
	b.b = append(make([]byte, 0, size), b.b...)
	return nil
}

// text adds s.
func (b *buffer) text(s string) error {
	for len(s) > pieceBytes/2 {
		// A part fits what is left of the piece, or begins the next one.
		n := min(len(s), max(cap(b.b)-len(b.b), pieceBytes/2), pieceBytes)
		if err := b.add(s[:n]); err != nil {
			return err
		}
		s = s[n:]
	}
	return b.add(s)
}

func (b *buffer) add(s string) error {
	if err := b.room(len(s)); err != nil {
		return err
	}
	b.b = append(b.b, s...)
	return nil
}

// char adds a byte.
func (b *buffer) char(c byte) error {
	if len(b.b) == cap(b.b) {
		if err := b.room(1); err != nil {
			return err
		}
	}
	b.b = append(b.b, c)
	return nil
}

// bytes adds bytes, few of them.
func (b *buffer) bytes(s ...byte) error {
	if err := b.room(len(s)); err != nil {
		return err
	}
	b.b = append(b.b, s...)
	return nil
}

// value returns the string. The buffer must not be used any more.
func (b *buffer) value() (lua.Value, error) {
	if b.size == 0 && len(b.b) <= smallBuffer {
		return b.L.Bytes(b.b), nil
	}
	all, err := reserved(b.L, b.len())
	if err != nil {
		return lua.Nil, err
	}
	n := 0
	for i, piece := range append(b.full, b.b) {
		if err := b.L.Step(len(piece) / stepBytes); err != nil {
			return lua.Nil, err
		}
		n += copy(all[n:], piece)
		if i < len(b.full) {
			b.full[i] = nil
		}
	}
	b.full, b.b = nil, nil
	return owned(b.L, all), nil
}

// push pushes the string.
func (b *buffer) push() error {
	v, err := b.value()
	if err == nil {
		b.L.Push(v)
	}
	return err
}
