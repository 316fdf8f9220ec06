package resp

import (
	"runtime"
	"unsafe"
)

// Stream is an array that is made while it is sent, for replies that can be
// longer than memory is large.
type Stream struct {
	left  int64
	pairs bool
	next  func() (Value, Value)
}

// Streamed is an array of n elements, which next gives one by one; or of n
// pairs, as Pairs has them, where next gives both halves. Whoever sends it asks
// for them in order.
func Streamed(n int64, pairs bool, next func() (first, second Value)) Value {
	s := &Stream{left: n, pairs: pairs, next: next}
	return Value{kind: KindStream, ptr: unsafe.Pointer(s)}
}

// Stream returns what a value of KindStream is made by, nil for any other.
func (v Value) Stream() *Stream {
	if v.kind != KindStream {
		return nil
	}
	return (*Stream)(v.ptr)
}

// Left returns how many elements, or pairs, are still to come.
func (s *Stream) Left() int64 { return s.left }

// AppendStart encodes what comes before the first element.
func (s *Stream) AppendStart(b []byte, proto int) []byte {
	n := s.left
	if s.pairs && proto != RESP3 {
		n *= 2
	}
	return appendHeader(b, '*', n)
}

// Append encodes the next elements until b has most bytes or there are no more.
func (s *Stream) Append(b []byte, proto, most int) []byte {
	for i := 1; s.left > 0 && len(b) < most; i++ {
		first, second := s.next()
		if s.pairs && proto == RESP3 {
			b = appendHeader(b, '*', 2)
		}
		b = Append(b, first, proto)
		if s.pairs {
			b = Append(b, second, proto)
		}
		s.left--
		if i%longReply == 0 {
			runtime.Gosched()
		}
	}
	return b
}
