package geos

import "math/bits"

// point is a place in degrees.
type point struct{ lon, lat float64 }

// The world that geohashes cover: that of web maps, without the poles.
const (
	lonMax = 180.0
	latMax = 85.05112878
)

// steps is how often a score halves each side of the world.
const steps = 26

// cell is a rectangle of the world: step bits each for latitude and longitude,
// interleaved, latitude in the even ones. The zero cell is none.
type cell struct {
	bits uint64
	step int
}

// area is the extent of a cell in degrees.
type area struct{ min, max point }

// cellAt returns the cell that p lies in. On the upper edge of the world it is
// one beyond the last, as in Redis.
func cellAt(p point, latLimit float64, step int) cell {
	scale := float64(uint64(1) << step)
	lat := (p.lat + latLimit) / (latLimit + latLimit) * scale
	lon := (p.lon + lonMax) / (lonMax + lonMax) * scale
	return cell{spread(uint32(lat)) | spread(uint32(lon))<<1, step}
}

// score is the least score of a member in the cell.
func (c cell) score() uint64 { return c.bits << (2 * (steps - c.step)) }

// end is the least score after the cell.
func (c cell) end() uint64 { return (c.bits + 1) << (2 * (steps - c.step)) }

func (c cell) area() area {
	lat, lon := squeeze(c.bits), squeeze(c.bits>>1)
	scale := float64(uint64(1) << c.step)
	edge := func(n uint32, limit float64) float64 {
		return -limit + float64(float64(n)/scale*(limit+limit))
	}
	return area{
		min: point{edge(lon, lonMax), edge(lat, latMax)},
		max: point{edge(lon+1, lonMax), edge(lat+1, latMax)},
	}
}

// pointOf returns the middle of the cell that a score means.
func pointOf(score float64) point {
	a := cell{whole(score), steps}.area()
	return point{
		lon: min(max((a.min.lon+a.max.lon)/2, -lonMax), lonMax),
		lat: min(max((a.min.lat+a.max.lat)/2, -latMax), latMax),
	}
}

// whole makes an integer of a score, of those too that ZADD made and that are
// no geohashes, as x86 processors do.
func whole(score float64) uint64 {
	const half = 1 << 63
	switch {
	case score >= -half && score < half:
		return uint64(int64(score))
	case score >= half && score < 2*half:
		return uint64(int64(score-half)) ^ half
	case score > 0:
		return 0
	}
	return half
}

// scoreOf returns the score of a place.
func scoreOf(p point) uint64 { return cellAt(p, latMax, steps).bits }

// move returns the cell east of c by so many cells and north by so many, each
// -1, 0 or 1. The world has no edges. A cell that lies beyond the last one, as
// cellAt makes them, stays so in a direction that it is not moved in, as in
// Redis.
func (c cell) move(east, north int) cell {
	step := func(n uint32, by int) uint32 {
		if by == 0 {
			return n
		}
		return (n + uint32(by)) & (uint32(1)<<c.step - 1)
	}
	lat, lon := step(squeeze(c.bits), north), step(squeeze(c.bits>>1), east)
	return cell{spread(lat) | spread(lon)<<1, c.step}
}

// spread puts the bits of n into the even bits.
func spread(n uint32) uint64 {
	x := uint64(n)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// squeeze takes the even bits of x together.
func squeeze(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

// hashText is the usual geohash of 11 letters. It is of a world that reaches up
// to the poles, and 52 bits are ten letters and a half: Redis says "0" for what
// they lack.
func hashText(p point) string {
	const letters = "0123456789bcdefghjkmnpqrstuvwxyz"
	c := cellAt(p, 90, steps)
	var out [11]byte
	for i := range 10 {
		out[i] = letters[bits.RotateLeft64(c.bits, -(52-5*(i+1)))&31]
	}
	out[10] = letters[0]
	return string(out[:])
}
