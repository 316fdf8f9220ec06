package lualib

import (
	"math"
	"math/rand/v2"

	"ledge/respd/lua"
)

// Random is the sequence of drand48, which Redis gives scripts.
type Random struct {
	x uint64
	// Seeded tells whether a script has set where the sequence begins.
	Seeded bool
}

// Seed begins the sequence of a number.
func (r *Random) Seed(n int32) { r.x = uint64(uint32(n))<<16 | 0x330e }

// Reset begins any sequence.
func (r *Random) Reset() { r.x, r.Seeded = rand.Uint64(), false }

// next returns the next number, below 1.
func (r *Random) next() float64 {
	r.x = (r.x*0x5deece66d + 0xb) & (1<<48 - 1)
	return float64((r.x>>17)%math.MaxInt32) / math.MaxInt32
}

// random is math.random.
func (r *Random) random(L *lua.Thread) (int, error) {
	a := L.Args()
	x := r.next()
	switch L.Top() {
	case 0:
	case 1:
		n := a.Int32(1)
		if n < 1 {
			a.Bad(1, "interval is empty")
		}
		x = math.Floor(x*float64(n)) + 1
	case 2:
		low, high := a.Int32(1), a.Int32(2)
		if low > high {
			a.Bad(2, "interval is empty")
		}
		// The width is an int in C.
		x = math.Floor(x*float64(int32(high-low+1))) + float64(low)
	default:
		return 0, L.Errorf("wrong number of arguments")
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(lua.Number(x))
	return 1, nil
}

// randomSeed is math.randomseed.
func (r *Random) randomSeed(L *lua.Thread) (int, error) {
	a := L.Args()
	n := a.Int32(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	r.Seed(int32(n))
	r.Seeded = true
	return 0, nil
}
