package hlls

// The value is a header of 16 bytes and the registers.
//
//	"HYLL" · encoding · 3 unused · count, 8 bytes little-endian · registers
//
// The highest bit of the count says that it is out of date. Dense registers
// are 6 bits each, from the low bits of the first byte on. Sparse ones are runs
// (sparse.go).
const (
	magic     = "HYLL"
	encodedAt = 4
	countAt   = 8
	staleAt   = 15 // the byte whose high bit says that the count is stale
	headLen   = 16

	indexBits = 14
	registers = 1 << indexBits
	// restBits are the bits of a hash that are not its index. A register is at
	// most one more.
	restBits = 64 - indexBits

	regBits  = 6
	regMax   = 1<<regBits - 1
	denseLen = headLen + registers*regBits/8
)

const (
	dense  = 0
	sparse = 1
)

// fresh returns an empty HyperLogLog.
func fresh() []byte {
	v := make([]byte, headLen, headLen+8)
	copy(v, magic)
	v[encodedAt] = sparse
	return appendZeros(v, registers)
}

// check refuses what can't be a HyperLogLog by its first look. The runs of a
// sparse one are only known to be whole when they are read.
func check(v string) error {
	if len(v) < headLen || v[:len(magic)] != magic || v[encodedAt] > sparse ||
		v[encodedAt] == dense && len(v) != denseLen {
		return errNotHLL
	}
	return nil
}

// cached returns the count in the header if it is up to date.
func cached(v string) (n uint64, ok bool) {
	for i := countAt + 7; i >= countAt; i-- {
		n = n<<8 | uint64(v[i])
	}
	return n, v[staleAt]&0x80 == 0
}

// add takes an element in and reports whether a register grew. The value may
// become another slice.
func add(v, element []byte) ([]byte, bool, error) {
	hash := murmur(element)
	index := int(hash & (registers - 1))
	return set(v, index, rank(hash>>indexBits))
}

// set raises a register to n, unless it is as high already.
func set(v []byte, index int, n uint8) ([]byte, bool, error) {
	if v[encodedAt] == dense {
		return v, setDense(v[headLen:], index, n), nil
	}
	return setSparse(v, index, n)
}

// setDense is set on dense registers.
func setDense(regs []byte, index int, n uint8) bool {
	at, shift := index*regBits/8, index*regBits%8
	w := uint16(regs[at])
	if at+1 < len(regs) {
		w |= uint16(regs[at+1]) << 8
	}
	if uint8(w>>shift&regMax) >= n {
		return false
	}
	w = w&^(regMax<<shift) | uint16(n)<<shift
	regs[at] = byte(w)
	if at+1 < len(regs) {
		regs[at+1] = byte(w >> 8)
	}
	return true
}

// toDense returns the value with dense registers, itself if they are.
func toDense(v []byte) ([]byte, error) {
	if v[encodedAt] == dense {
		return v, nil
	}
	out := make([]byte, denseLen)
	copy(out, v[:headLen])
	out[encodedAt] = dense
	index := 0
	for at := headLen; at < len(v); {
		r := readRun(v, at)
		if index += r.n; index > registers {
			return nil, errCorrupt
		}
		for i := index - r.n; i < index && r.val > 0; i++ {
			setDense(out[headLen:], i, r.val)
		}
		at += r.size
	}
	if index != registers {
		return nil, errCorrupt
	}
	return out, nil
}
