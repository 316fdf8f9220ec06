package rdb

import "strconv"

// reader reads from the front of b. Its first error stands; from then on there
// is nothing left to read, and what is read is zero.
type reader struct {
	b    string
	room int // bytes that may still be allocated
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = ""
}

// charge takes n bytes off the room.
func (r *reader) charge(n uint64) bool {
	if r.err != nil {
		return false
	}
	if n > uint64(r.room) {
		r.fail(ErrTooLarge)
		return false
	}
	r.room -= int(n)
	return true
}

// take returns the next n bytes.
func (r *reader) take(n uint64) string {
	if n > uint64(len(r.b)) {
		r.fail(ErrFormat)
		return ""
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) byte() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

// length reads a length.
func (r *reader) length() uint64 {
	first := r.byte()
	if first&encoded == encoded {
		r.fail(ErrFormat)
		return 0
	}
	return r.lengthFrom(first)
}

// lengthFrom reads the rest of a length.
func (r *reader) lengthFrom(first byte) uint64 {
	switch {
	case first&encoded == len6:
		return uint64(first)
	case first&encoded == len14:
		return uint64(first&^encoded)<<8 | uint64(r.byte())
	case first == len32:
		return be(r.take(4))
	case first == len64:
		return be(r.take(8))
	}
	r.fail(ErrFormat)
	return 0
}

// count reads how many elements follow, each of at least min bytes. None is an
// error: Redis keeps no empty values.
func (r *reader) count(min int) int {
	n := r.length()
	if n == 0 || n > uint64(len(r.b)/min) {
		r.fail(ErrFormat)
		return 0
	}
	return int(n)
}

// str reads a string in any of its encodings.
func (r *reader) str() string {
	switch first := r.byte(); first {
	case encInt8:
		return r.number(signed(r.take(1)))
	case encInt16:
		return r.number(signed(r.take(2)))
	case encInt32:
		return r.number(signed(r.take(4)))
	case encLZF:
		return r.lzf()
	default:
		return r.take(r.lengthFrom(first))
	}
}

func (r *reader) lzf() string {
	packed, n := r.length(), r.length()
	in := r.take(packed)
	// No byte of input makes more output than this, so that a false length
	// costs nothing.
	if n == 0 || n/lzfMost > uint64(len(in)) {
		r.fail(ErrFormat)
	}
	if !r.charge(n) {
		return ""
	}
	out, ok := decompress(in, int(n))
	if !ok {
		r.fail(ErrFormat)
	}
	return out
}

// number returns n in decimal.
func (r *reader) number(n int64) string {
	if 0 <= n && n < 100 {
		return strconv.Itoa(int(n)) // the standard library has these
	}
	var buf [20]byte
	s := strconv.AppendInt(buf[:0], n, 10)
	if !r.charge(uint64(len(s))) {
		return ""
	}
	return string(s)
}
