package hlls

import "math"

// histogram counts how many registers have each value.
type histogram [regMax + 1]int32

// histogramOf counts the registers of a value.
func histogramOf(v string) (*histogram, error) {
	h := new(histogram)
	if v[encodedAt] == dense {
		h.addDense(v[headLen:])
		return h, nil
	}
	n := 0
	for at := headLen; at < len(v); {
		r := readRun(v, at)
		h[r.val] += int32(r.n)
		n += r.n
		at += r.size
	}
	if n != registers {
		return nil, errCorrupt
	}
	return h, nil
}

// addDense counts four registers of three bytes at a time.
func (h *histogram) addDense(regs string) {
	for ; len(regs) >= 3; regs = regs[3:] {
		w := uint32(regs[0]) | uint32(regs[1])<<8 | uint32(regs[2])<<16
		h[w&regMax]++
		h[w>>6&regMax]++
		h[w>>12&regMax]++
		h[w>>18&regMax]++
	}
}

// estimate is the cardinality that the registers speak for, by Ertl's "New
// cardinality estimation algorithms for HyperLogLog sketches", as in Redis.
// Products are rounded before they are added, on every processor: what is
// counted must not depend on it.
func (h *histogram) estimate() uint64 {
	const alpha = 0.721347520444481703680 // 1 / (2 ln 2)
	m := float64(registers)
	z := m * tau((m-float64(h[restBits+1]))/m)
	for i := restBits; i >= 1; i-- {
		z += float64(h[i])
		z *= 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	return uint64(math.Round(alpha * m * m / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == before {
			return z / 3
		}
	}
}

// union is the highest of each register among several values.
type union [registers]uint8

// add takes a value in.
func (u *union) add(v string) error {
	if v[encodedAt] == dense {
		u.addDense(v[headLen:])
		return nil
	}
	index := 0
	for at := headLen; at < len(v); {
		r := readRun(v, at)
		if index += r.n; index > registers {
			return errCorrupt
		}
		for i := index - r.n; i < index && r.val > 0; i++ {
			u[i] = max(u[i], r.val)
		}
		at += r.size
	}
	if index != registers {
		return errCorrupt
	}
	return nil
}

func (u *union) addDense(regs string) {
	for i := 0; len(regs) >= 3; i, regs = i+4, regs[3:] {
		w := uint32(regs[0]) | uint32(regs[1])<<8 | uint32(regs[2])<<16
		u[i] = max(u[i], uint8(w&regMax))
		u[i+1] = max(u[i+1], uint8(w>>6&regMax))
		u[i+2] = max(u[i+2], uint8(w>>12&regMax))
		u[i+3] = max(u[i+3], uint8(w>>18&regMax))
	}
}

func (u *union) histogram() *histogram {
	h := new(histogram)
	for _, n := range u {
		h[n&regMax]++
	}
	return h
}
