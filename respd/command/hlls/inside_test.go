package hlls

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// Estimates adds up to the last of sizes elements of a set and returns the
// estimate at each size.
func Estimates(set uint64, sizes []int) []uint64 {
	v, err := toDense(fresh())
	if err != nil {
		panic(err)
	}
	var out []uint64
	element := binary.LittleEndian.AppendUint64(nil, set)
	element = append(element, make([]byte, 8)...)
	n := 0
	for _, size := range sizes {
		for ; n < size; n++ {
			binary.LittleEndian.PutUint64(element[8:], uint64(n))
			v, _, _ = add(v, element)
		}
		h := new(histogram)
		h.addDense(string(v[headLen:]))
		out = append(out, h.estimate())
	}
	return out
}

func TestSelfTest(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	if err := selfTest(seed); err != nil {
		t.Error(err)
	}
}

// Sparse registers are set in any order, as often as they like, and say the
// same as registers in an array.
func TestSparse(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		v := fresh()
		var want union
		for range 1 + r.IntN(1500) {
			// Close together, so that runs of a value come about and split.
			i, n := r.IntN(1+r.IntN(registers)), uint8(1+r.IntN(1+r.IntN(34)))
			var grew bool
			var err error
			if v, grew, err = set(v, i, n); err != nil || grew != (n > want[i]) {
				t.Fatalf("set(%d, %d) = %v, %v; want %v, nil", i, n, grew, err, n > want[i])
			}
			want[i] = max(want[i], n)
		}
		var got union
		if err := got.add(string(v)); err != nil || got != want {
			t.Fatalf("the registers are not what they were set to, or %v", err)
		}
		if len(v) != denseLen && len(v) > sparseLen {
			t.Errorf("a sparse value of %d bytes; want at most %d", len(v), sparseLen)
		}
		h, err := histogramOf(string(v))
		if err != nil || *h != *want.histogram() {
			t.Errorf("the histogram isn't that of the registers, or %v", err)
		}
	}
}

// Whatever a string holds, reading it as a HyperLogLog ends well, and all
// readers agree on whether it is one.
func FuzzValue(f *testing.F) {
	f.Add(string(fresh()), uint16(77), uint8(3))
	f.Add("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x80", uint16(16383), uint8(9))
	f.Add("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f", uint16(0), uint8(40))
	f.Fuzz(func(t *testing.T, s string, index uint16, n uint8) {
		if check(s) != nil {
			return
		}
		i, val := int(index)%registers, n%regMax+1
		var u union
		bad := u.add(s)
		if _, err := toDense([]byte(s)); (err == nil) != (bad == nil) {
			t.Errorf("toDense: %v; union: %v", err, bad)
		}
		if h, err := histogramOf(s); bad == nil && (err != nil || *h != *u.histogram()) {
			t.Errorf("histogramOf: %v, or another histogram", err)
		}
		v, _, err := set([]byte(s), i, val)
		if bad != nil {
			return // set only reads as far as it must
		}
		var now union
		if err == nil {
			err = now.add(string(v))
		}
		u[i] = max(u[i], val)
		if err != nil || now != u {
			t.Errorf("set(%d, %d): %v, or other registers changed", i, val, err)
		}
	})
}
