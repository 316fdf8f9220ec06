package lua

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ledge/respd/redistest"
)

var orderSeed = flag.Uint64("lua.seed", 0, "seed of the random tests of package lua; 0 is a fixed one, and then one that is drawn")

// seeds returns the seeds that a random test takes.
func seeds(t *testing.T) []uint64 {
	s := []uint64{1, uint64(time.Now().UnixNano())}
	if *orderSeed != 0 {
		s = []uint64{*orderSeed}
	}
	t.Logf("again with -lua.seed=%d", s[len(s)-1])
	return s
}

// Tables are walked in the order in which Lua 5.1 walks them, and have the same
// borders, whatever was done to them.
func TestOrder(t *testing.T) {
	r := redistest.NewScripts(t, redistest.Start(t))
	w := newWorld(Config{})
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		for range 300 {
			if compare(t, r, w, printing+tableScript(rnd)+printed); t.Failed() {
				return
			}
		}
	}
}

// tableScript is a script that makes a table at random and prints it now and
// then.
func tableScript(rnd *rand.Rand) string {
	var b strings.Builder
	b.WriteString("local function show(t) local s = '#' .. #t for k, v in pairs(t) do " +
		"s = s .. ' ' .. tostring(k) .. '=' .. tostring(v) end p(s) end\n")
	b.WriteString("local t = {")
	for range rnd.IntN(20) * rnd.IntN(2) {
		switch rnd.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "%s = %d, ", name(rnd), rnd.IntN(100))
		case 1:
			fmt.Fprintf(&b, "[%s] = %d, ", key(rnd), rnd.IntN(100))
		case 2:
			b.WriteString("nil, ")
		default:
			fmt.Fprintf(&b, "%d, ", rnd.IntN(100))
		}
	}
	b.WriteString("}\nshow(t)\n")
	var keys []string
	for range 1 + rnd.IntN(30) {
		switch rnd.IntN(10) {
		case 0:
			n := rnd.IntN(60)
			fmt.Fprintf(&b, "for i = %d, %d do t[i] = i end\n", rnd.IntN(5)-1, n)
		case 1:
			fmt.Fprintf(&b, "for i = %d, %d, -1 do t[i] = i end\n", rnd.IntN(60), rnd.IntN(5)-1)
		case 2:
			fmt.Fprintf(&b, "for i = 1, %d do t['%s' .. i] = i end\n", rnd.IntN(40), name(rnd))
		case 3:
			fmt.Fprintf(&b, "for i = %d, %d do t[i] = nil end\n", rnd.IntN(20), rnd.IntN(60))
		case 4:
			fmt.Fprintf(&b, "for k in pairs(t) do if #tostring(k) %% 3 == %d then t[k] = nil end end\n", rnd.IntN(3))
		case 5:
			b.WriteString("t[#t+1] = 'end'\n")
		case 6, 7:
			if len(keys) > 0 {
				fmt.Fprintf(&b, "t[%s] = nil\n", keys[rnd.IntN(len(keys))])
			}
		default:
			k := key(rnd)
			keys = append(keys, k)
			fmt.Fprintf(&b, "t[%s] = %d\n", k, rnd.IntN(100))
		}
		if rnd.IntN(3) == 0 {
			b.WriteString("show(t)\n")
		}
	}
	b.WriteString("show(t)")
	return b.String()
}

func name(rnd *rand.Rand) string {
	b := make([]byte, 1+rnd.IntN(6))
	for i := range b {
		b[i] = "abcxyz_"[rnd.IntN(7)]
	}
	return "n" + string(b)
}

func key(rnd *rand.Rand) string {
	switch rnd.IntN(7) {
	case 0:
		return fmt.Sprint(rnd.IntN(100) - 20)
	case 1:
		return fmt.Sprintf("%d.5", rnd.IntN(20))
	case 2:
		return fmt.Sprintf("%de%d", 1+rnd.IntN(9), rnd.IntN(30))
	case 3:
		return []string{"true", "false", "1/0", "-1/0", "-0", "2^31", "2^26", "2^53"}[rnd.IntN(8)]
	case 4:
		return fmt.Sprintf("('%s'):rep(%d)", name(rnd), rnd.IntN(30))
	default:
		return fmt.Sprintf("'%s'", name(rnd))
	}
}
