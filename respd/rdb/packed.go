package rdb

import "iter"

// The packed forms are blobs with one element after another. They are read
// whole and strictly: a blob whose lengths disagree with it is refused.

const (
	packedEnd = 0xff
	// uncounted stands for a number of elements that 16 bits can't tell.
	uncounted = 0xffff
)

// inside has read read all of blob, and goes on after it.
func (r *reader) inside(blob string, read func()) {
	if r.err != nil {
		return
	}
	outer := r.b
	r.b = blob
	read()
	if r.b != "" {
		r.fail(ErrFormat)
	}
	if r.err == nil {
		r.b = outer
	}
}

// packed returns the elements in a blob whose header ends with their number and
// begins with the length of the whole.
func (r *reader) packed(blob string, header uint64, elem func() string) iter.Seq[string] {
	return func(yield func(string) bool) {
		r.inside(blob, func() {
			head := r.take(header)
			if r.err != nil || le(head[:4]) != uint64(len(blob)) {
				r.fail(ErrFormat)
				return
			}
			n := uint64(0)
			for r.b != "" && r.b[0] != packedEnd {
				if s := elem(); r.err == nil && yield(s) {
					n++
				}
			}
			r.take(1)
			if stated := le(head[header-2:]); stated != uncounted && stated != n {
				r.fail(ErrFormat)
			}
		})
	}
}

// listpack returns the elements of a listpack. Each is followed by its length,
// for who reads backwards.
func (r *reader) listpack(blob string) iter.Seq[string] {
	return r.packed(blob, listpackHeader, func() string {
		start := len(r.b)
		s := r.listpackElem()
		var buf [5]byte
		back := appendBack(buf[:0], start-len(r.b))
		if r.take(uint64(len(back))) != string(back) {
			r.fail(ErrFormat)
		}
		return s
	})
}

func (r *reader) listpackElem() string {
	switch first := r.byte(); {
	case first < 0x80:
		return r.number(int64(first))
	case first < 0xc0:
		return r.take(uint64(first & 0x3f))
	case first < 0xe0: // 13 bits in two's complement
		n := int64(first&0x1f)<<8 | int64(r.byte())
		return r.number(n << 51 >> 51)
	case first < 0xf0:
		return r.take(uint64(first&0x0f)<<8 | uint64(r.byte()))
	case first == listpackStr32:
		return r.take(le(r.take(4)))
	case first <= listpackInt32:
		return r.number(signed(r.take(uint64(first-listpackInt16) + 2)))
	case first == listpackInt64:
		return r.number(signed(r.take(8)))
	}
	r.fail(ErrFormat)
	return ""
}

// ziplist returns the elements of a ziplist. Each is preceded by the length of
// the one before.
func (r *reader) ziplist(blob string) iter.Seq[string] {
	const header, long = 10, 0xfe
	before := uint64(0)
	return r.packed(blob, header, func() string {
		start := len(r.b)
		stated := uint64(r.byte())
		if stated == long {
			stated = le(r.take(4))
		}
		if stated != before {
			r.fail(ErrFormat)
		}
		s := r.ziplistElem()
		before = uint64(start - len(r.b))
		return s
	})
}

func (r *reader) ziplistElem() string {
	switch first := r.byte(); {
	case first < 0x40:
		return r.take(uint64(first))
	case first < 0x80:
		return r.take(uint64(first&0x3f)<<8 | uint64(r.byte()))
	case first < 0xc0:
		return r.take(be(r.take(4)))
	case first == 0xc0:
		return r.number(signed(r.take(2)))
	case first == 0xd0:
		return r.number(signed(r.take(4)))
	case first == 0xe0:
		return r.number(signed(r.take(8)))
	case first == 0xf0:
		return r.number(signed(r.take(3)))
	case 0xf1 <= first && first <= 0xfd: // 0 to 12
		return r.number(int64(first) - 0xf1)
	case first == 0xfe:
		return r.number(signed(r.take(1)))
	}
	r.fail(ErrFormat)
	return ""
}

// intset returns the elements of a set of integers, which stand in order.
func (r *reader) intset(blob string) iter.Seq[string] {
	return func(yield func(string) bool) {
		r.inside(blob, func() {
			width, n := le(r.take(4)), le(r.take(4))
			if width != 2 && width != 4 && width != 8 || n != uint64(len(r.b))/width {
				r.fail(ErrFormat)
			}
			last := int64(0)
			for i := range n {
				v := signed(r.take(width))
				if i > 0 && v <= last {
					r.fail(ErrFormat)
				}
				last = v
				if r.err != nil || !yield(r.number(v)) {
					return
				}
			}
		})
	}
}

// zipmap returns the fields and values in turn of a hash of Redis before 2.6.
// Its count is a hint only.
func (r *reader) zipmap(blob string) iter.Seq[string] {
	return func(yield func(string) bool) {
		r.inside(blob, func() {
			r.byte()
			for r.b != "" && r.b[0] != packedEnd {
				name := r.take(r.zipmapLength())
				n := r.zipmapLength()
				free := r.byte()
				val := r.take(n)
				r.take(uint64(free))
				if r.err == nil && yield(name) {
					yield(val)
				}
			}
			r.take(1)
		})
	}
}

func (r *reader) zipmapLength() uint64 {
	const long = 0xfe
	n := uint64(r.byte())
	switch n {
	case long:
		return le(r.take(4))
	case packedEnd:
		r.fail(ErrFormat)
	}
	return n
}
