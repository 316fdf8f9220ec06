package lualib_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ledge/respd/lua"
	"ledge/respd/redistest"
)

// Mathematical functions must print as many digits as scripts see by default as
// redis-server prints them, and all of them but for one number in a few hundred:
// C's library does not round each result rightly.
func TestCompareMath(t *testing.T) {
	r := redistest.NewScripts(t, redistest.Start(t))
	w := newWorld(lua.Config{})
	fns := []string{"acos(%s)", "asin(%s)", "atan(%s)", "atan2(%s,%s)", "cos(%s)", "cosh(%s)", "exp(%s)", "log(%s)",
		"log10(%s)", "pow(%s,%s)", "sin(%s)", "sinh(%s)", "tan(%s)", "tanh(%s)", "sqrt(%s)", "fmod(%s,%s)", "deg(%s)",
		"rad(%s)", "ldexp(%s,3)"}
	g := rand.New(rand.NewPCG(seed(t, "LUA_SEED"), 0))
	const rounds, each = 30, 100
	for _, f := range fns {
		bad17, bad14, shown := 0, 0, 0
		for range rounds {
			var exprs []string
			for range each {
				e := f
				for strings.Contains(e, "%s") {
					e = strings.Replace(e, "%s", number(g), 1)
				}
				exprs = append(exprs, "math."+e)
			}
			text := "local o={} for i,v in ipairs({" + strings.Join(exprs, ",") + "}) do o[i]=string.format('%.17g',v) end return table.concat(o,' ')"
			a, _ := w.eval(text, 1<<30)
			b := r.Eval(text)
			x, y := strings.Fields(a), strings.Fields(b)
			for i := range x {
				if x[i] != y[i] {
					bad17++
					var p, q float64
					fmt.Sscan(x[i], &p)
					fmt.Sscan(y[i], &q)
					if fmt.Sprintf("%.13e", p) != fmt.Sprintf("%.13e", q) || strings.Contains(x[i], "nan") {
						bad14++
						if shown < 4 {
							shown++
							t.Logf("%s: %s, want %s", exprs[i], x[i], y[i])
						}
					}
				}
			}
		}
		t.Logf("%-14s of 3000: %d differ in 17 digits, %d in 14", f, bad17, bad14)
		if bad14 > 0 || bad17 > 30 {
			t.Errorf("%s: %d of 3000 differ, %d of them in 14 digits", f, bad17, bad14)
		}
	}
}

// number makes up a number: a small one, one with many digits, or an odd one.
func number(g *rand.Rand) string {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("%d", g.IntN(200)-100)
	case 1:
		return fmt.Sprintf("%.3f", g.Float64()*20-10)
	case 2:
		return fmt.Sprintf("%.17g", g.Float64()*2-1)
	case 3:
		return fmt.Sprintf("%.5e", g.Float64()*1e10-5e9)
	case 4:
		return []string{"0", "-0", "0.5", "1e300", "-1e300", "1e-300", "1/0", "-1/0", "0/0", "-(0/0)", "2^31", "2^53", "-2^63",
			"1/3", "1e15"}[g.IntN(15)]
	}
	return fmt.Sprintf("%.17g", g.Float64()*1000)
}
