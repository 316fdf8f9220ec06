// Package luatest draws scripts at random: for comparing what they return with
// what redis-server returns, and for trying to hold or harm the process.
package luatest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// gen draws scripts. The same seed draws the same ones.
type gen struct{ *rand.Rand }

func newGen(seed, n uint64) *gen { return &gen{rand.New(rand.NewPCG(seed, n))} }

func (g *gen) pick(from ...string) string { return from[g.IntN(len(from))] }
func (g *gen) chance(n int) bool          { return g.IntN(n) == 0 }

// times joins up to most results of fn.
func (g *gen) times(most int, sep string, fn func() string) string {
	parts := make([]string, g.IntN(most+1))
	for i := range parts {
		parts[i] = fn()
	}
	return strings.Join(parts, sep)
}

// Prelude is the beginning of each script: S prints values, each with its type, and
// what tables have, in the order in which they are walked.
const Prelude = `local J=cjson.new() math.randomseed(1)
local function S(...) local o={} local n=0
local function p(v,d) local t=type(v) n=n+1
if n>400 then return '...' end
if t=='number' then return tostring(v)
elseif t=='string' then v=v:gsub('(%a+): 0x%x+','%1: ADDRESS') if #v>300 then return '<'..#v..':'..v:sub(1,150)..'>' end return '<'..v..'>'
elseif t=='table' then if d>4 then return '{..}' end local q={}
for k,x in next,v do q[#q+1]=p(k,d+1)..'='..p(x,d+1) if #q>60 then break end end return '{'..table.concat(q,',')..'}'
elseif t=='function' or t=='thread' or t=='userdata' then return t end return tostring(v) end
for i=1,select('#',...) do o[i]=p((select(i,...)),0) end return table.concat(o,' ') end
`

var numbers = []string{"0", "1", "-1", "2", "3", "5", "10", "16", "255", "256", "-2", "0.5", "-0.5", "1.5", "2.5",
	"1e15", "2^31", "2^31-1", "-2^31", "2^32", "2^32+3", "2^53", "2^63", "-2^63", "2^64", "1e300", "-1e300", "1e-300",
	"0/0", "-(0/0)", "1/0", "-1/0", "-0", "0.1", "1/3", "123456789012", "1e14", "99999999999999", "3.7", "100", "-100"}

func (g *gen) number() string {
	if g.chance(2) {
		return fmt.Sprint(g.IntN(12) - 2)
	}
	return g.pick(numbers...)
}

var texts = []string{`""`, `"a"`, `"hello world"`, `"a\0b"`, `"%d"`, `"[a-z]+"`, `"key=value, k2=v2"`, `"\255\128"`,
	`"abcabc"`, `"THE (quick) fox"`, `" x "`, `"\n\r\t"`, `"a.b.c"`, `("xy"):rep(60)`, `"\0"`, `"aaaa"`, `"f(a(b)c)d"`,
	`"\"quoted\\"`, `"%"`, `"%1"`, `"ü"`}

var numericTexts = []string{`"10"`, `" 0x10 "`, `"1e2"`, `"-5"`, `"1e400"`, `"nan"`, `"inf"`, `"0x"`, `" "`, `"12abc"`,
	`"3"`, `"0"`, `"1"`, `"-1"`, `"2.5"`, `"1\0"`, `"0x1p4"`, `"+7"`, `"- 1"`, `"-nan"`, `"2"`}

func (g *gen) text() string {
	if g.chance(4) {
		return g.pick(numericTexts...)
	}
	return g.pick(texts...)
}

var tables = []string{"{}", "{1,2,3}", "{3,1,2}", "{1,nil,3}", "{a=1,b=2}", "{[1]=1,[3]=3}", "{{1},{2}}", `{"b","a","c"}`,
	"{1,2,a=3}", "{[0]=1}", "{[1.5]=2}", "{[-1]=1,[2^40]=2}", "{true,false}", `{10,"9",8}`, `{"x",1}`, "{nil,nil,3}",
	"setmetatable({},{__index=function(t,k) return k end})", `setmetatable({1,2},{__tostring=function() return "T" end})`,
	"setmetatable({},{__call=function(self,...) return ... end})", "setmetatable({},{__metatable=5})",
	"setmetatable({5},{__len=function() return 9 end,__eq=function() return true end})", "{n=3}", `{err="E"}`, `{err=5}`}

func (g *gen) table() string {
	if g.chance(3) {
		return "{" + g.times(5, ",", func() string {
			switch g.IntN(4) {
			case 0:
				return g.pick("a", "b", "x", "n", "key") + "=" + g.plain()
			case 1:
				return "[" + g.pick("1", "2", "4", "-1", "10", `"k"`, "true", "0.5") + "]=" + g.plain()
			}
			return g.plain()
		}) + "}"
	}
	return g.pick(tables...)
}

var functions = []string{"function(...) return ... end", "function() end", "function(a,b) return a<b end", "string.upper",
	`function() error("x") end`, "error", "tostring", "function(x) return x end", "function(a) return a,a end",
	"function() return {} end", "function(a,b) return tostring(a)>tostring(b) end", "pcall", "type", "function() return 1 end",
	`function(x) return x and "<"..tostring(x)..">" end`, "function() return true end", "function() return false end",
	`function() error({err="tbl"}) end`, `function() error() end`, "coroutine.yield"}

func (g *gen) function() string { return g.pick(functions...) }

// plain is a value without tables and functions.
func (g *gen) plain() string {
	switch g.IntN(8) {
	case 0:
		return g.pick("nil", "true", "false")
	case 1, 2, 3:
		return g.number()
	}
	return g.text()
}

// value is any value.
func (g *gen) value() string {
	switch g.IntN(10) {
	case 0, 1:
		return g.table()
	case 2:
		return g.function()
	case 3:
		if g.chance(3) {
			return g.pick("coroutine.create(function(...) return ... end)", "J.null", "nil")
		}
		return "nil"
	}
	return g.plain()
}

// callable is a library function with the kinds of its arguments: n number, i small integer, s string,
// t table, f function, v any, p pattern, c coroutine; upper case is optional.
type callable struct{ name, args string }

var callables = []callable{
	{"assert", "vV"}, {"error", "vI"}, {"getmetatable", "v"}, {"ipairs", "t"}, {"next", "tV"}, {"pairs", "t"},
	{"pcall", "fVV"}, {"rawequal", "vv"}, {"rawget", "tv"}, {"rawset", "tkv"}, {"select", "iVVV"}, {"setmetatable", "tt"},
	{"tonumber", "vI"}, {"tonumber", "sI"}, {"tostring", "v"}, {"type", "v"}, {"unpack", "tII"}, {"xpcall", "ff"},
	{"loadstring", "sS"}, {"unpack", "tNN"},
	{"string.byte", "sII"}, {"string.byte", "sNN"}, {"string.char", "IIII"}, {"string.find", "spIV"}, {"string.find", "sp"},
	{"string.format", "sVVV"}, {"string.gmatch", "sp"}, {"string.gsub", "spvI"}, {"string.gsub", "sps"}, {"string.len", "s"},
	{"string.lower", "s"}, {"string.match", "spI"}, {"string.match", "sp"}, {"string.rep", "si"}, {"string.reverse", "s"},
	{"string.sub", "siI"}, {"string.sub", "snN"}, {"string.upper", "s"}, {"string.gfind", "sp"},
	{"table.concat", "tSII"}, {"table.concat", "tsNN"}, {"table.foreach", "tf"}, {"table.foreachi", "tf"}, {"table.getn", "t"},
	{"table.insert", "tv"}, {"table.insert", "tiv"}, {"table.maxn", "t"}, {"table.remove", "tI"}, {"table.remove", "tN"},
	{"table.setn", "ti"}, {"table.sort", "tF"},
	{"math.abs", "n"}, {"math.acos", "n"}, {"math.asin", "n"}, {"math.atan", "n"}, {"math.atan2", "nn"}, {"math.ceil", "n"},
	{"math.cos", "n"}, {"math.cosh", "n"}, {"math.deg", "n"}, {"math.exp", "n"}, {"math.floor", "n"}, {"math.fmod", "nn"},
	{"math.frexp", "n"}, {"math.ldexp", "nn"}, {"math.log", "n"}, {"math.log10", "n"}, {"math.max", "nNN"},
	{"math.min", "nNN"}, {"math.mod", "nn"}, {"math.modf", "n"}, {"math.pow", "nn"}, {"math.rad", "n"}, {"math.random", "II"},
	{"math.random", "NN"}, {"math.randomseed", "n"}, {"math.sin", "n"}, {"math.sinh", "n"}, {"math.sqrt", "n"},
	{"math.tan", "n"}, {"math.tanh", "n"},
	{"coroutine.create", "f"}, {"coroutine.resume", "cVV"}, {"coroutine.running", ""}, {"coroutine.status", "c"},
	{"coroutine.wrap", "f"}, {"coroutine.yield", "V"},
	{"bit.tobit", "n"}, {"bit.bnot", "n"}, {"bit.band", "nNN"}, {"bit.bor", "nNN"}, {"bit.bxor", "nNN"}, {"bit.lshift", "nn"},
	{"bit.rshift", "nn"}, {"bit.arshift", "nn"}, {"bit.rol", "nn"}, {"bit.ror", "nn"}, {"bit.bswap", "n"}, {"bit.tohex", "nN"},
	{"J.encode", "v"}, {"J.decode", "s"}, {"J.encode_max_depth", "N"}, {"J.decode_max_depth", "N"},
	{"J.encode_sparse_array", "VNN"}, {"J.encode_number_precision", "N"}, {"J.encode_invalid_numbers", "V"},
	{"J.decode_invalid_numbers", "V"}, {"J.encode_keep_buffer", "V"}, {"J.new", ""},
	{"cmsgpack.pack", "vVV"}, {"cmsgpack.unpack", "s"}, {"cmsgpack.unpack_one", "sN"}, {"cmsgpack.unpack_limit", "snN"},
	{"struct.pack", "sVVV"}, {"struct.unpack", "ssN"}, {"struct.size", "s"},
}

// arg is an argument of a kind, or something else now and then.
func (g *gen) arg(kind byte) string {
	if g.chance(12) && kind != 'i' {
		return g.value()
	}
	switch kind {
	case 'n':
		if g.chance(6) {
			return g.pick(numericTexts...)
		}
		return g.number()
	case 'i':
		return fmt.Sprint(g.IntN(15) - 4)
	case 's':
		return g.text()
	case 'p':
		return g.quoted(g.pattern())
	case 't':
		return g.table()
	case 'f':
		return g.function()
	case 'k':
		return g.plain()
	case 'c':
		return g.pick("coroutine.create(function(...) return ... end)", "coroutine.create(function(a) local b=coroutine.yield(a) error(b) end)",
			"coroutine.create(error)", "coroutine.create(function() coroutine.yield(1,2) end)")
	}
	return g.value()
}

// call draws a call of any function.
func (g *gen) call() string {
	c := callables[g.IntN(len(callables))]
	var args []string
	for i := range len(c.args) {
		kind := c.args[i]
		if kind < 'a' {
			if g.chance(2) {
				break
			}
			kind |= 0x20
		}
		if g.chance(40) {
			break
		}
		args = append(args, g.arg(kind))
	}
	if g.chance(40) && c.name != "table.insert" && c.name != "string.rep" {
		args = append(args, g.value())
	}
	list := strings.Join(args, ",")
	switch {
	case g.chance(4):
		return "pcall(" + strings.TrimSuffix(c.name+","+list, ",") + ")"
	case g.chance(6) && strings.HasPrefix(c.name, "string.") && len(args) > 0:
		return "(" + args[0] + "):" + c.name[7:] + "(" + strings.Join(args[1:], ",") + ")"
	case g.chance(5):
		return "pcall(function() local f=" + c.name + " return f(" + list + ") end)"
	}
	return c.name + "(" + list + ")"
}

// quoted is a text as Lua reads it.
func (g *gen) quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// pattern draws a pattern, now and then a wrong one.
func (g *gen) pattern() string {
	p := g.times(5, "", func() string {
		item := g.pick("a", "b", "c", ".", "x", " ", "%a", "%d", "%s", "%w", "%p", "%u", "%l", "%x", "%c", "%z", "%A", "%S", "%.", "%%",
			"[abc]", "[^abc]", "[a-z]", "[%w_]", "[^%s]", "[]a]", "[a-]", "[%a-z]", "%b()", "%f[%w]", "%f[%W]", "()", "(a)", "(.-)", "(%w+)",
			"(%w*)", "%1", "=", ",", "(", ")", "[", "]", "%", "\xff", "\x00", "-", "((a)b)", "h", "k", "%b", "%f", "[^]", "^", "$", "%g")
		return item + g.pick("", "", "", "", "*", "+", "-", "?")
	})
	if g.chance(6) {
		p = "^" + p
	}
	if g.chance(8) {
		p += "$"
	}
	return p
}

func (g *gen) subject() string {
	if g.chance(3) {
		return g.text()
	}
	return g.quoted(g.times(12, "", func() string {
		return g.pick("a", "b", "c", "x", "ab", "abc", " ", "1", "23", "=", ",", "(", ")", "key", "hello", "H", "_", ".", "\x00", "\xff", "\n")
	}))
}
