package lua

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ledge/respd/redistest"
)

var programs = flag.Int("lua.programs", 400, "programs of TestPrograms for each seed")

// Programs that are put together at random do here what they do on
// redis-server, errors included: their texts have places and names of variables,
// so that the code and its registers must be the same, too.
func TestPrograms(t *testing.T) {
	r := redistest.NewScripts(t, redistest.Start(t))
	w := newWorld(Config{})
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		for range *programs {
			g := &program{rnd: rnd, vars: []string{"out1", "str", "tab", "obj", "num", "none"}}
			text := g.text()
			if compare(t, r, w, printing+text+printed); t.Failed() {
				return
			}
		}
	}
}

// program makes statements.
type program struct {
	rnd   *rand.Rand
	vars  []string
	loops int
	made  int
	// nested is how many functions are around.
	nested int
	// fixed is set inside functions that have no "...".
	fixed bool
}

// text is a whole program. The keys of tab, which is walked, are neither tables nor
// functions: where those lie in it goes by their addresses.
func (g *program) text() string {
	return `local function key(k) if type(k) == 'table' or type(k) == 'function' then return type(k) end return k end
local steps = 0 local function tick() steps = steps + 1 if steps > 300 then error('enough', 0) end end
local out1, str, tab, num, none = 1, 'text', {1, 2, 3, x = 'f', y = {z = 1}}, 7
local mt = {__index = function(t, k) return k end, __call = function(self, a, b) return b, a end,
__add = function(a, b) return 'sum' end, __concat = function(a, b) return 'cat' end,
__eq = function(a, b) return true end, __lt = function(a, b) return false end, __unm = function(a) return a end}
local obj = setmetatable({}, mt)
function tab.f(a, ...) return a, ... end function tab:m(a) return self == tab, a end
for round = 1, 4 do p(pcall(function(...)
` + g.block(4) + "end, round, 'two', nil)) end"
}

func (g *program) pick(s ...string) string { return s[g.rnd.IntN(len(s))] }

func (g *program) variable() string { return g.vars[g.rnd.IntN(len(g.vars))] }

func (g *program) local() string {
	g.made++
	return fmt.Sprintf("v%d", g.made)
}

// block is some statements, whose local variables end with it.
func (g *program) block(depth int) string {
	var b strings.Builder
	n := len(g.vars)
	for range 1 + g.rnd.IntN(5) {
		b.WriteString(g.statement(depth))
	}
	g.vars = g.vars[:n]
	return b.String()
}

func (g *program) statement(depth int) string {
	if depth == 0 {
		return g.simple()
	}
	switch g.rnd.IntN(12) {
	case 0:
		return fmt.Sprintf("if %s then\n%selse\n%send\n", g.exp(2), g.block(depth-1), g.block(depth-1))
	case 1:
		v := g.local()
		head := fmt.Sprintf("for %s = %s, %s%s do tick()\n", v, g.exp(0), g.exp(0), g.pick("", "", ", 1", ", -1", ", 2"))
		return g.inside(head, depth, v)
	case 2:
		k, v := g.local(), g.local()
		return g.inside(fmt.Sprintf("for %s, %s in %s(%s) do tick()\n", k, v, g.pick("pairs", "ipairs"), g.pick("tab", g.exp(1))), depth, k, v)
	case 3:
		return g.inside(fmt.Sprintf("while %s do tick()\n", g.exp(2)), depth)
	case 4:
		g.loops++
		s := "repeat tick()\n" + g.block(depth-1) + "until " + g.exp(2) + "\n"
		g.loops--
		return s
	case 5:
		v := g.local()
		g.vars = append(g.vars, v)
		return fmt.Sprintf("local function %s", v) + g.function(depth-1) + "\n"
	case 6:
		return "do\n" + g.block(depth-1) + "end\n"
	case 7:
		return fmt.Sprintf("p(pcall(function%s%s))\n", g.function(depth-1), g.pick("", ", 1", ", 'a', nil"))
	case 8:
		if g.loops > 0 {
			return "if " + g.exp(1) + " then break end\n"
		}
	}
	return g.simple()
}

func (g *program) inside(head string, depth int, vars ...string) string {
	n := len(g.vars)
	g.vars = append(g.vars, vars...)
	g.loops++
	s := head + g.block(depth-1) + "end\n"
	g.loops--
	g.vars = g.vars[:n]
	return s
}

// function is parameters and body of a function.
func (g *program) function(depth int) string {
	if g.nested > 2 {
		return "(a, b) return b end"
	}
	g.nested++
	defer func() { g.nested-- }()
	n, loops, fixed := len(g.vars), g.loops, g.fixed
	a, b := g.local(), g.local()
	head := fmt.Sprintf("(%s, %s", a, b)
	g.fixed = g.rnd.IntN(2) == 0
	if !g.fixed {
		head += ", ..."
	}
	g.vars, g.loops = append(g.vars, a, b), 0
	s := head + ") tick()\n" + g.block(max(depth, 0))
	if g.rnd.IntN(3) > 0 {
		s += "return " + g.list(2) + "\n"
	}
	g.vars, g.loops, g.fixed = g.vars[:n], loops, fixed
	return s + "end"
}

func (g *program) simple() string {
	switch g.rnd.IntN(8) {
	case 0, 1:
		v := g.local()
		s := fmt.Sprintf("local %s = %s\n", v, g.exp(3))
		g.vars = append(g.vars, v)
		return s
	case 2:
		v, u := g.local(), g.local()
		s := fmt.Sprintf("local %s, %s = %s\n", v, u, g.list(2))
		g.vars = append(g.vars, v, u)
		return s
	case 3:
		return fmt.Sprintf("%s = %s\n", g.place(), g.exp(3))
	case 4:
		return fmt.Sprintf("%s, %s = %s\n", g.place(), g.place(), g.list(2))
	case 5:
		return g.call(2) + "\n"
	case 6:
		return "p(" + g.list(2) + ")\n"
	default:
		fixed := g.fixed
		g.fixed = false
		s := "p(pcall(function(...) return " + g.list(2) + " end, 5, 'six'))\n"
		g.fixed = fixed
		return s
	}
}

// place is what can be assigned to.
func (g *program) place() string {
	return g.pick(g.variable(), g.variable(), g.variable()+"."+g.pick("x", "y", "q"),
		"tab[key("+g.exp(1)+")]", "tab.y.z", "tab.q", "obj.n")
}

func (g *program) list(depth int) string {
	s := g.exp(depth)
	for range g.rnd.IntN(3) {
		s += ", " + g.exp(depth)
	}
	if !g.fixed && g.rnd.IntN(4) == 0 {
		s += ", ..."
	}
	return s
}

func (g *program) call(depth int) string {
	f := g.pick(g.variable(), "tab.f", "tab.f", "tab:m", "type", "string.len", "select", "tostring",
		"obj", "tab.y.g", "str:upper", "string.nope", "pcall")
	return f + "(" + g.list(depth-1) + ")"
}

func (g *program) exp(depth int) string {
	if depth <= 0 {
		if g.rnd.IntN(4) > 0 {
			return g.pick("num", "out1", "1", "2.5", "-3", "'10'", g.variable())
		}
		return g.pick(g.variable(), g.variable(), "0", "'a'", "nil", "true", "false", "{}")
	}
	switch g.rnd.IntN(16) {
	case 0, 1, 2:
		return g.exp(depth-1) + " " + g.pick("+", "-", "*", "/", "%", "^") + " " + g.exp(depth-1)
	case 3:
		return g.exp(depth-1) + " .. " + g.exp(depth-1)
	case 4, 5:
		return g.exp(depth-1) + " " + g.pick("==", "~=", "<", ">", "<=", ">=") + " " + g.exp(depth-1)
	case 6:
		return g.exp(depth-1) + " " + g.pick("and", "or") + " " + g.exp(depth-1)
	case 7:
		return g.pick("not ", "- ", "#") + g.exp(depth-1)
	case 8:
		return "(" + g.exp(depth-1) + ")"
	case 9, 10:
		return g.call(depth)
	case 11:
		return g.pick("tab", "obj", g.variable()) + "." + g.pick("x", "y", "q")
	case 12:
		return g.pick("tab", "obj", g.variable()) + "[" + g.exp(depth-1) + "]"
	case 13:
		return "{" + g.list(depth-1) + ", " + g.pick("x", "y") + " = " + g.exp(depth-1) + g.pick("", ", [1] = 5") + "}"
	case 14:
		return "function" + g.function(0) + ""
	}
	return g.exp(0)
}
