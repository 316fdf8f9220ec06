package lua

import (
	"math"

	"ledge/respd/lua/cmath"
)

// modulo is Lua's "%", whose result has the sign of y. The conversion keeps the
// product from being fused with the difference, which rounds once less on some
// processors.
func modulo(x, y float64) float64 { return x - float64(math.Floor(x/y)*y) }

// power is Lua's "^".
func power(x, y float64) float64 { return cmath.Pow(x, y) }
