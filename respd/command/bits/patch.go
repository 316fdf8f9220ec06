package bits

import (
	"slices"

	"ledge/replay"
)

// patch is a string and the bytes that are to be written over it. It is not
// the whole string again, which may be long.
type patch struct {
	old  string
	over map[int64]byte
}

// room makes the string long enough for all that is to be written, as Redis
// does even if all of it then fails, and returns its length.
func (p *patch) room(ops []fieldOp) int {
	size := int64(len(p.old))
	for _, op := range ops {
		if op.what != getField {
			size = max(size, (op.off+int64(op.width)-1)>>3+1)
		}
	}
	if size > int64(len(p.old)) {
		p.over = map[int64]byte{size - 1: 0}
	}
	return int(size)
}

func (p *patch) byteAt(i int64) byte {
	if b, ok := p.over[i]; ok {
		return b
	}
	if i < int64(len(p.old)) {
		return p.old[i]
	}
	return 0
}

// get returns the bits of a field.
func (p *patch) get(off int64, width int) (u uint64) {
	for width > 0 {
		n := min(8-int(off&7), width) // bits of this byte
		b := p.byteAt(off>>3) << (off & 7) >> (8 - n)
		u = u<<n | uint64(b)
		off += int64(n)
		width -= n
	}
	return u
}

// set writes the low bits of u as a field.
func (p *patch) set(off int64, width int, u uint64) {
	if p.over == nil {
		p.over = make(map[int64]byte)
	}
	for width > 0 {
		n := min(8-int(off&7), width)
		shift := 8 - n - int(off&7)
		mask := byte(1<<n-1) << shift
		b := byte(u>>(width-n)) << shift & mask
		p.over[off>>3] = p.byteAt(off>>3)&^mask | b
		off += int64(n)
		width -= n
	}
}

// store journals the bytes that differ, those near each other as one.
func (p *patch) store(d *replay.Draft, key []byte, there bool) error {
	const near = 16 // an effect of its own costs about so much
	var at []int64
	for i, b := range p.over {
		if i >= int64(len(p.old)) || p.old[i] != b {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	for len(at) > 0 {
		n := 1
		for n < len(at) && at[n]-at[n-1] <= near {
			n++
		}
		data := make([]byte, at[n-1]-at[0]+1)
		for i := range data {
			data[i] = p.byteAt(at[0] + int64(i))
		}
		if err := grow(d, key, there, at[0], data); err != nil {
			return err
		}
		there = true
		at = at[n:]
	}
	return nil
}
