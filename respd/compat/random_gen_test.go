package compat_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// entry is one command that can be drawn.
type entry struct {
	name   string // as COMMAND LIST has it
	weight int
	make   func(*gen) request
}

// keep says what of a request's arguments must stay as it is when arguments
// are changed at random.
type keep uint8

const (
	keepNothing keep = iota
	// keepValues: another number could race with the clock, or take memory.
	keepValues
	// keepAll: it could block for ever, or be no longer comparable.
	keepAll
)

// family is the entries of one type.
type family struct {
	name    string
	entries func() []entry
}

var families = []family{
	{"strings", stringEntries},
	{"keys", keyEntries},
	{"expiry", expiryEntries},
	{"bits", bitEntries},
	{"hashes", hashEntries},
	{"lists", listEntries},
	{"sets", setEntries},
	{"zsets", zsetEntries},
	{"zsetalgebra", zsetAlgebraEntries},
	{"hll", hllEntries},
	{"geo", geoEntries},
	{"sort", sortEntries},
	{"txns", txnEntries},
	{"scripts", scriptEntries},
	{"special", specialEntries},
}

// gen draws requests. It knows nothing of what the servers hold, except which
// links are inside MULTI.
type gen struct {
	rnd     *rand.Rand
	entries []entry
	total   int
	multi   [links]bool
}

func newGen(rnd *rand.Rand, entries []entry) *gen {
	g := &gen{rnd: rnd, entries: entries}
	for _, e := range entries {
		g.total += e.weight
	}
	return g
}

// restart forgets the connections, which were made anew.
func (g *gen) restart() { g.multi = [links]bool{} }

// flushEvery is after how many commands, on average, a database is emptied.
const flushEvery = 4000

// batch draws the turns of one link, or one that concerns both servers as a
// whole.
func (g *gen) batch() []turn {
	link := g.rnd.IntN(links)
	n := 1 + g.rnd.IntN(1+g.rnd.IntN(150))
	var turns []turn
	for len(turns) < n {
		req := g.request(link)
		turns = append(turns, turn{link: link, req: req})
	}
	return turns
}

func (g *gen) request(link int) request {
	if g.multi[link] && g.chance(8) {
		g.multi[link] = false
		return request{args: []string{g.pick("EXEC", "EXEC", "EXEC", "exec", "DISCARD")}}
	}
	if g.rnd.IntN(flushEvery) == 0 {
		return g.flush()
	}
	req := g.draw()
	switch strings.ToUpper(req.args[0]) {
	case "MULTI":
		g.multi[link] = g.multi[link] || len(req.args) == 1
	case "EXEC", "DISCARD", "RESET":
		g.multi[link] = g.multi[link] && len(req.args) > 1
	}
	return req
}

// draw draws one request, and now and then spoils it.
func (g *gen) draw() request {
	n := g.rnd.IntN(g.total)
	for _, e := range g.entries {
		if n -= e.weight; n < 0 {
			req := e.make(g)
			if req.run == nil && req.keep != keepAll && g.chance(3) {
				req.args = g.spoil(req.args, req.keep)
			}
			return req
		}
	}
	panic("weights don't add up")
}

// spoil makes a command that is probably wrong out of one that may be right.
func (g *gen) spoil(args []string, k keep) []string {
	out := append([]string(nil), args...)
	last := len(out) - 1
	switch n := g.rnd.IntN(6); {
	case n == 0:
		return append(out, g.pick("", "junk", "NX", "\x00", "WITHSCORES"))
	case last == 0:
		return out
	case n <= 2 || k == keepValues:
		return out[:last]
	case n == 3:
		out[1+g.rnd.IntN(last)] = g.nasty()
	case n == 4:
		out[1+g.rnd.IntN(last)] = g.pick("", "junk", "\xff\r\n", "*")
	default:
		i, j := 1+g.rnd.IntN(last), 1+g.rnd.IntN(last)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func (g *gen) chance(percent int) bool { return g.rnd.IntN(100) < percent }

func (g *gen) pick(words ...string) string { return words[g.rnd.IntN(len(words))] }

// maybe returns words with a chance in percent, else nothing.
func (g *gen) maybe(percent int, words ...string) []string {
	if g.chance(percent) {
		return words
	}
	return nil
}

// kinds are the sorts of keys, by first letter: each type has keys that mostly
// hold it.
const kinds = "snbhltzpg"

// keysOf is how many keys there are of each sort. Those from bigFrom on take
// members of a large set, so that they outgrow the compact encodings.
const (
	keysOf  = 8
	bigFrom = 6
)

// odd are keys that no type calls its own.
var odd = []string{"", "\x00", "a key\r\nwith \xff\xfe", "{tag}k", "*", "k?[a]", strings.Repeat("long", 60)}

// key draws a key that mostly holds what the kind says.
func (g *gen) key(kind string) string {
	switch n := g.rnd.IntN(100); {
	case kind == "p": // random_hll_test.go says why
	case n < 3:
		if k := g.anyKey(); !isHLL(k) || !strings.Contains("snb", kind) {
			return k
		}
	case n < 4:
		return odd[g.rnd.IntN(len(odd))]
	case n < 5:
		return "none"
	}
	return kind + strconv.Itoa(g.rnd.IntN(keysOf))
}

func (g *gen) anyKey() string {
	if g.chance(10) {
		return odd[g.rnd.IntN(len(odd))]
	}
	return string(kinds[g.rnd.IntN(len(kinds))]) + strconv.Itoa(g.rnd.IntN(keysOf))
}

// fromTo draws two keys, of which the second may be given the value of the
// first.
func (g *gen) fromTo() []string {
	for {
		if from, to := g.anyKey(), g.anyKey(); isHLL(from) == isHLL(to) {
			return []string{from, to}
		}
	}
}

func (g *gen) keys(kind string) []string { return g.list(1, func() string { return g.key(kind) }) }

// list draws a few, sometimes more: at least min.
func (g *gen) list(min int, draw func() string) []string {
	n := min + g.rnd.IntN(3)
	if g.chance(5) {
		n = min + g.rnd.IntN(12)
	}
	out := make([]string, n)
	for i := range out {
		out[i] = draw()
	}
	return out
}

// isBig reports whether a key's members come from a large set.
func isBig(key string) bool {
	return len(key) == 2 && key[1] >= '0'+bigFrom && key[1] <= '9'
}

// many is how many members a command adds to a key at once.
func (g *gen) many(key string) int {
	if isBig(key) && g.chance(20) {
		return 1 + g.rnd.IntN(150)
	}
	return 1 + g.rnd.IntN(4)
}

// member draws a member or field of a key.
func (g *gen) member(key string) string {
	switch n := g.rnd.IntN(100); {
	case n < 2:
		return g.nasty()
	case n < 3:
		return g.pick("", "\x00", "\xff", "a\r\nb", strings.Repeat("m", 64), strings.Repeat("m", 65))
	case isBig(key):
		return "m" + strconv.Itoa(g.rnd.IntN(900))
	}
	return "m" + strconv.Itoa(g.rnd.IntN(12))
}

// value draws what a string or an element holds.
func (g *gen) value() string {
	switch n := g.rnd.IntN(100); {
	case n < 30:
		return strconv.Itoa(g.rnd.IntN(200) - 50)
	case n < 40:
		return g.nasty()
	case n < 45:
		return strings.Repeat("x", 40+g.rnd.IntN(30)) // around 44 and 64
	case n < 48:
		return strings.Repeat(string(rune('a'+g.rnd.IntN(26))), g.rnd.IntN(2000))
	case n < 55:
		b := make([]byte, g.rnd.IntN(20))
		for i := range b {
			b[i] = byte(g.rnd.UintN(256))
		}
		return string(b)
	case n < 60:
		return g.float()
	}
	return fmt.Sprintf("v%d", g.rnd.IntN(50))
}

// nasty draws text at the edge of what a number is.
func (g *gen) nasty() string { return nasties[g.rnd.IntN(len(nasties))] }

var nasties = []string{
	"9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
	"18446744073709551615", "18446744073709551616", "2147483647", "2147483648", "-2147483648", "-2147483649",
	"4294967295", "4294967296", "9223372036854775806", "-9223372036854775807",
	"", " ", "1 ", " 1", "+1", "01", "-0", "0", "-1", "1", "--1", "1.0", "3.0", "0x10", "1e3", "1e308", "-1e308",
	"1e309", "1e-320", "inf", "-inf", "+inf", "Infinity", "nan", "-nan", "NaN", ".5", "5.", "1_000", "1\x00", "\x001",
	"0.1", "1.7976931348623157e308", "4.9e-324", "3.00000000000000000001", "abc", "(1", "[a", "-", "+",
	"99999999999999999999999999999999", "1e4932", "0.30000000000000004", "9007199254740993",
}

// integer draws a number, mostly small.
func (g *gen) integer() string {
	switch n := g.rnd.IntN(100); {
	case n < 6:
		return g.nasty()
	case n < 12:
		return strconv.FormatInt(int64(g.rnd.Uint64()), 10)
	}
	return strconv.Itoa(g.rnd.IntN(40) - 12)
}

// count draws a number that is mostly right as a count: not large.
func (g *gen) count() string {
	if g.chance(5) {
		return g.nasty()
	}
	return strconv.Itoa(g.rnd.IntN(8))
}

// index draws a place in a list or a string.
func (g *gen) index() string {
	switch n := g.rnd.IntN(100); {
	case n < 5:
		return g.nasty()
	case n < 25:
		return strconv.Itoa(g.rnd.IntN(2000) - 1000)
	}
	return strconv.Itoa(g.rnd.IntN(16) - 7)
}

// float draws a number with a fraction, mostly small.
func (g *gen) float() string {
	switch n := g.rnd.IntN(100); {
	case n < 6:
		return g.nasty()
	case n < 10:
		return strconv.FormatFloat(math.Float64frombits(g.rnd.Uint64()), 'g', -1, 64)
	case n < 40:
		return strconv.Itoa(g.rnd.IntN(30) - 10)
	}
	return strconv.FormatFloat(float64(g.rnd.IntN(4000)-2000)/float64(1+g.rnd.IntN(16)), 'g', 1+g.rnd.IntN(17), 64)
}

// pattern draws a glob.
func (g *gen) pattern() string {
	return g.pick("*", "*", "?1", "[a-m]*", "[^s]?", "m1*", "*2", "s\\1", "h[0-3]", "", "none", "\\*", "[z-a]3", "[", "**1", "*\\")
}

// word writes an option in one of the ways in which it may be written.
func (g *gen) word(w string) string {
	if g.chance(20) {
		return strings.ToLower(w)
	}
	return w
}

// cat joins the parts of a command: texts and lists of texts.
func cat(parts ...any) []string {
	var out []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case []string:
			out = append(out, p...)
		default:
			panic(fmt.Sprintf("cat: %T", p))
		}
	}
	return out
}

// plain is an entry whose replies must be equal.
func plain(name string, weight int, args func(*gen) []string) entry {
	return ruled(name, weight, nil, keepNothing, args)
}

// ruled is an entry whose replies are compared by a rule.
func ruled(name string, weight int, same rule, k keep, args func(*gen) []string) entry {
	return entry{name, weight, func(g *gen) request {
		return request{args: cat(strings.ToUpper(name), args(g)), same: same, keep: k}
	}}
}
