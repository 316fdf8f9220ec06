package hlls

// Sparse registers are runs of equal ones:
//
//	00nnnnnn           n+1 zeros
//	01nnnnnn nnnnnnnn  n+1 zeros
//	1vvvvvnn           n+1 registers of v+1
//
// How a run is split and which are joined again is Redis's choice in every
// detail, or the bytes would differ.
const (
	shortZeros = 64 // longest run of zeros in one byte
	runMax     = 4  // longest run of a value
	sparseMax  = 32 // highest value
	// sparseLen is how long a sparse value may become before it turns dense,
	// Redis's hll-sparse-max-bytes.
	sparseLen = 3000
)

// run is one run.
type run struct {
	n    int   // registers
	val  uint8 // of each
	size int   // bytes
}

// readRun reads the run at a place of v, which is of bytes or a string. A cut
// off one is as long as the NUL that Redis has after a string makes it.
func readRun[T ~string | ~[]byte](v T, at int) run {
	b := v[at]
	switch {
	case b&0x80 != 0:
		return run{n: int(b&3) + 1, val: b>>2&0x1f + 1, size: 1}
	case b&0x40 == 0:
		return run{n: int(b&0x3f) + 1, size: 1}
	case at+1 == len(v):
		return run{n: int(b&0x3f)<<8 + 1, size: 2}
	}
	return run{n: int(b&0x3f)<<8 + int(v[at+1]) + 1, size: 2}
}

func appendZeros(b []byte, n int) []byte {
	switch {
	case n == 0:
		return b
	case n <= shortZeros:
		return append(b, byte(n-1))
	}
	return append(b, 0x40|byte((n-1)>>8), byte(n-1))
}

func appendRun(b []byte, n int, val uint8) []byte {
	switch {
	case val == 0:
		return appendZeros(b, n)
	case n == 0:
		return b
	}
	return append(b, valRun(n, val))
}

func valRun(n int, val uint8) byte { return 0x80 | (val-1)<<2 | byte(n-1) }

// setSparse is set on a sparse value.
func setSparse(v []byte, index int, val uint8) ([]byte, bool, error) {
	if val > sparseMax {
		return promote(v, index, val)
	}
	at, prev, first := headLen, headLen, 0
	var r run
	for ; at < len(v); at += r.size {
		if r = readRun(v, at); index < first+r.n {
			break
		}
		prev = at
		first += r.n
	}
	switch {
	case at >= len(v) || at+r.size > len(v):
		return v, false, errCorrupt
	case r.val >= val:
		return v, false, nil
	}
	// At most three runs take the place of the one, of 5 bytes.
	var buf [5]byte
	seq := appendRun(buf[:0], index-first, r.val)
	seq = appendRun(seq, 1, val)
	seq = appendRun(seq, first+r.n-1-index, r.val)
	if grow := len(seq) - r.size; grow > 0 && len(v)+grow > sparseLen {
		return promote(v, index, val)
	}
	v = replace(v, at, r.size, seq)
	v = join(v, prev)
	v[staleAt] |= 0x80
	return v, true, nil
}

// replace puts seq in the place of n bytes at a place of v.
func replace(v []byte, at, n int, seq []byte) []byte {
	old := len(v)
	if grow := len(seq) - n; grow >= 0 {
		v = append(v, seq[:grow]...)
		copy(v[at+len(seq):], v[at+n:old])
	} else {
		copy(v[at+len(seq):], v[at+n:])
		v = v[:old+grow]
	}
	copy(v[at:], seq)
	return v
}

// join makes one run of neighbours of the same value, if it may be so long,
// within the five runs from at on.
func join(v []byte, at int) []byte {
	const reach = 5
	for i := 0; i < reach && at < len(v); i++ {
		r := readRun(v, at)
		if r.val == 0 || at+1 == len(v) {
			at += r.size
			continue
		}
		next := readRun(v, at+1)
		if next.val != r.val || r.n+next.n > runMax {
			at++
			continue
		}
		v[at] = valRun(r.n+next.n, r.val)
		v = append(v[:at+1], v[at+2:]...)
	}
	return v
}

// promote is set on a sparse value that turns dense with it.
func promote(v []byte, index int, val uint8) ([]byte, bool, error) {
	v, err := toDense(v)
	if err != nil {
		return v, false, err
	}
	return v, setDense(v[headLen:], index, val), nil
}
