package luatest

import (
	"fmt"
	"strings"
)

// families are what scripts are drawn from, with how often.
var families = []struct {
	name   string
	weight int
	draw   func(*gen) string
}{
	{"calls", 30, func(g *gen) string {
		n := 1 + g.IntN(3)
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, "o(pcall(function() return %s end))\n", g.call())
		}
		return b.String()
	}},
	{"nested calls", 8, func(g *gen) string {
		return fmt.Sprintf("local a,b,c=%s,%s,%s\no(pcall(function() return %s end))\no(a,b)\n", g.value(), g.value(), g.plain(), g.compose(3))
	}},
	{"raised", 4, func(g *gen) string { return "o(" + g.call() + ")\n" }},
	{"patterns", 16, (*gen).patterns},
	{"formats", 10, (*gen).formats},
	{"tables", 8, (*gen).tableOps},
	{"sorts", 5, (*gen).sorts},
	{"coroutines", 8, (*gen).coroutines},
	{"metatables", 8, (*gen).metatables},
	{"errors", 8, (*gen).errors},
	{"closures", 4, (*gen).closures},
	{"json", 12, (*gen).jsons},
	{"msgpack", 8, (*gen).msgpacks},
	{"struct", 8, (*gen).structs},
	{"operators", 8, (*gen).operators},
	{"loads", 4, (*gen).loads},
}

// Script draws a script that returns a text, and returns of which family it is.
// The same numbers draw the same script.
//
// What differs by nature between two servers is not drawn: addresses in what
// tostring prints, the memory that collectgarbage and gcinfo report and what else
// collectgarbage answers, what string.dump returns, and the order of keys that
// are tables or functions.
func Script(seed, n uint64) (family, text string) { return newGen(seed, n).script() }

func (g *gen) script() (family, text string) {
	total := 0
	for _, f := range families {
		total += f.weight
	}
	n := g.IntN(total)
	for _, f := range families {
		if n -= f.weight; n < 0 {
			return f.name, Prelude + "local out={} local function o(...) out[#out+1]=S(...) end\n" +
				f.draw(g) + "return table.concat(out,'\\n')"
		}
	}
	panic("unreachable")
}

// compose draws calls within calls.
func (g *gen) compose(depth int) string {
	if depth == 0 || g.chance(4) {
		return g.pick("a", "b", "c", g.plain())
	}
	c := callables[g.IntN(len(callables))]
	for c.name == "table.insert" || c.name == "string.rep" {
		c = callables[g.IntN(len(callables))]
	}
	var args []string
	for i := range len(c.args) {
		if c.args[i] < 'a' && g.chance(2) {
			break
		}
		if c.args[i]|0x20 == 'i' || g.chance(3) {
			args = append(args, g.arg(c.args[i]|0x20))
		} else {
			args = append(args, g.compose(depth-1))
		}
	}
	return c.name + "(" + strings.Join(args, ",") + ")"
}

func (g *gen) patterns() string {
	s, p := g.subject(), g.quoted(g.pattern())
	repl := g.pick(`"%0"`, `"%1"`, `"<%1%2>"`, `"%%"`, `"%"`, `"x"`, `""`, "{a='A',b=1,abc=false,[1]='one'}", "5", g.function(), `"%9"`,
		"function(a,b) return a and a..tostring(b) end", "setmetatable({},{__index=function(_,k) return k..k end})")
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("o(pcall(string.find,%s,%s%s))\n", s, p, g.pick("", ","+g.arg('i'), ","+g.number(), ",1,true"))
	case 1:
		return fmt.Sprintf("o(pcall(function() return (%s):match(%s) end))\n", s, p)
	case 2:
		return fmt.Sprintf("o(pcall(function() local n=0 for a,b,c in (%s):gmatch(%s) do o(a,b,c) n=n+1 if n>20 then break end end end))\n", s, p)
	case 3:
		return fmt.Sprintf("o(pcall(string.gsub,%s,%s,%s%s))\n", s, p, repl, g.pick("", ",1", ",2", ",0", ",-1", ",1e300"))
	case 4:
		return fmt.Sprintf("o(pcall(function() return string.gsub(%s,%s,%s) end))\n", s, p, repl)
	}
	return fmt.Sprintf("o(pcall(function() return (%s):find(%s) end))\no(pcall(string.match,%s,%s,%s))\n", s, p, s, p, g.arg('i'))
}

func (g *gen) formats() string {
	var args []string
	f := g.times(4, "", func() string {
		spec := "%" + g.times(3, "", func() string { return g.pick("-", "+", " ", "#", "0") }) +
			g.pick("", "", "", "1", "5", "12", "99", "100") + g.pick("", "", "", ".", ".0", ".3", ".10", ".99", ".100")
		verb := g.pick("d", "i", "u", "c", "o", "x", "X", "e", "E", "f", "g", "G", "s", "q", "s", "d", "g", "%", "y", "a", "p", "")
		switch verb {
		case "%", "y", "":
		case "s", "q":
			args = append(args, g.plain())
		case "c":
			args = append(args, g.pick("65", "0", "255", "256", "-1", "48.5", "1e300", `"66"`))
		default:
			args = append(args, g.arg('n'))
		}
		return g.pick("", "x", " ", "%%", "\x00") + spec + verb
	})
	if g.chance(10) && len(args) > 0 {
		args = args[1:]
	}
	list := strings.Join(append([]string{g.quoted(f)}, args...), ",")
	if g.chance(3) {
		return "o(pcall(function() return string.format(" + list + ") end))\n"
	}
	return "o(pcall(string.format," + list + "))\n"
}

func (g *gen) tableOps() string {
	var b strings.Builder
	fmt.Fprintf(&b, "local t=%s\no(pcall(function()\n", g.table())
	for range 2 + g.IntN(8) {
		switch g.IntN(9) {
		case 0, 1:
			fmt.Fprintf(&b, "table.insert(t,%s)\n", g.plain())
		case 2:
			fmt.Fprintf(&b, "table.insert(t,%s,%s)\n", g.arg('i'), g.plain())
		case 3:
			fmt.Fprintf(&b, "o(table.remove(t%s))\n", g.pick("", ",1", ",2", ",0", ",-1", ",10"))
		case 4:
			fmt.Fprintf(&b, "t[%s]=%s\n", g.plain(), g.plain())
		case 5:
			fmt.Fprintf(&b, "o(#t,table.maxn(t),table.getn(t))\n")
		case 6:
			fmt.Fprintf(&b, "t[#t+1]=%s\n", g.plain())
		case 7:
			fmt.Fprintf(&b, "for i=1,%d do t[%s]=i end\n", g.IntN(40), g.pick("i", "i*2", "'k'..i", "#t+1", "-i", "41-i"))
		case 8:
			fmt.Fprintf(&b, "for k in pairs(t) do if %s then t[k]=nil end end\n", g.pick("type(k)=='string'", "k==1", "true", "tostring(k)<'3'"))
		}
	}
	b.WriteString("end))\no(t)\no(pcall(table.concat,t,','))\n")
	return b.String()
}

func (g *gen) sorts() string {
	items := g.times(14, ",", func() string {
		if g.chance(60) {
			return g.plain()
		}
		return fmt.Sprint(g.IntN(20))
	})
	less := g.pick("", "", ",function(a,b) n=n+1 return a>b end", ",function(a,b) n=n+1 return a<b end", ",function(a,b) n=n+1 return true end",
		",function(a,b) n=n+1 return a<=b end", ",function(a,b) n=n+1 return n%3==0 end", ",function(a,b) n=n+1 l[#l+1]=tostring(a)..':'..tostring(b) return a<b end",
		",function(a,b) if n>5 then error('stop') end n=n+1 return a<b end", ",function(a,b) n=n+1 return tostring(a)<tostring(b) end", ",1", ",nil")
	if g.chance(4) {
		return fmt.Sprintf("local n,l=0,{} local t={} for i=1,%d do t[i]=%s end o(pcall(table.sort,t%s)) o(n,t,l)\n",
			g.IntN(200), g.pick("i*7%31", "-i", "i", "i%5", "(i*i)%17", "tostring(i)"), less)
	}
	return fmt.Sprintf("local n,l=0,{} local t={%s} o(pcall(table.sort,t%s)) o(n,t,l)\n", items, less)
}

func (g *gen) coroutines() string {
	body := func() string {
		return g.times(4, " ", func() string {
			return g.pick("x=coroutine.yield(x)", "o('in',x)", "error(x)", "error({err='e'})", "x=coroutine.yield(x,...)", "if x then return x,1 end",
				"for i=1,3 do x=coroutine.yield(i) end", "o(pcall(coroutine.yield,1))", "o(coroutine.status(co or coroutine.running()))",
				"o(coroutine.running()~=nil)", "local c2=coroutine.wrap(function(y) coroutine.yield(y) error('in2') end) o(c2(x)) o(pcall(c2))",
				"x=x+1", "x=nil", "o(pcall(coroutine.resume,co))", "o(coroutine.resume(co))", "table.foreach({1},coroutine.yield)",
				"for k in pairs({1}) do coroutine.yield(k) end", "return x,...", "string.gsub('a','a',coroutine.yield)",
				"setmetatable({},{__index=function() coroutine.yield(1) end}).x()")
		})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "local x,co\nco=coroutine.%s(function(...) x=... %s end)\n", g.pick("create", "create", "wrap"), body())
	for range 1 + g.IntN(5) {
		fmt.Fprintf(&b, "o(pcall(function() %s end))\n", g.pick("return coroutine.resume(co,"+g.plain()+")", "return coroutine.resume(co)",
			"return coroutine.status(co)", "return co("+g.plain()+")", "return coroutine.resume(co,1,2,3)", "return co()", "o(type(co))"))
	}
	return b.String()
}

func (g *gen) metatables() string {
	var fields []string
	for range 1 + g.IntN(5) {
		e := g.pick("__index", "__newindex", "__call", "__eq", "__lt", "__le", "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm",
			"__concat", "__tostring", "__len", "__metatable", "__mode", "__gc")
		fields = append(fields, e+"="+g.pick("function(a,b,...) o(e(a),e(b),...) return 1 end", "function(a,b) return a end", "function() return true end",
			"function() return false end", "function() end", "{x=1,y={}}", "5", `"str"`, "function(a,b) error('in meta') end", "rawget", "rawset",
			"function(...) return select('#',...) end", "setmetatable({},{__index=function(_,k) return k end})"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "local mt\nlocal function e(v) if type(v)=='table' and getmetatable(v)==mt then return 'OBJ' end return type(v) end\nmt={%s}\n", strings.Join(fields, ","))
	fmt.Fprintf(&b, "local p,q=setmetatable(%s,mt),setmetatable({},mt)\nlocal u=%s\n", g.pick("{}", "{1,2}", "{x=5}"), g.plain())
	for range 1 + g.IntN(6) {
		x := g.pick("p", "q", "u", "1", `"s"`, "p")
		y := g.pick("p", "q", "u", "2", `"t"`, "nil")
		fmt.Fprintf(&b, "o(pcall(function() %s end))\n", g.pick("return "+x+"+"+y, "return "+x+"-"+y, "return "+x+"*"+y, "return "+x+"/"+y, "return "+x+"%"+y,
			"return "+x+"^"+y, "return -"+x, "return "+x+".."+y, "return "+x+"=="+y, "return "+x+"<"+y, "return "+x+"<="+y, "return "+x+">"+y,
			"return #"+x, "return "+x+".x", "return "+x+"[1]", "return "+x+".y.z", x+".z=1 return rawget("+x+",'z')", "return "+x+"(1,2)",
			"return tostring("+x+"):gsub('0x%x+','ADDR')", "return getmetatable("+x+")==mt", "return setmetatable("+x+",{})~=nil", "return "+x+":m()",
			"return "+x+".x.y.z", "return rawequal("+x+","+y+")", "return "+x+".."+y+"..'end'", "return pcall("+x+")"))
	}
	return b.String()
}

func (g *gen) errors() string {
	raise := g.pick("error('m')", "error('m',0)", "error('m',1)", "error('m',2)", "error('m',3)", "error({err='t'})", "error({code=1})", "error()", "error(nil)",
		"error(5)", "error(true)", "local x=nil; x.y=1", "local x; x()", "u.v.w=1", "return u+1", "return {}..'x'", "return {}<{}", "return 1<'2'",
		"return #5", "string.rep()", "('x'):bad()", "setmetatable(1,{})", "nosuch()", "nosuch.x=1", "newglobal=1", "return t.a.b.c", "t.f()", "t:m()",
		"local a='x' return a.b.c", "string.format('%d','x')", "return math.floor({})", "for i='a',2 do end", "for i=1,{} do end", "return -{}", "return 2^{}",
		"t[nil]=1", "t[0/0]=1", "assert(false)", "assert(nil,'am')", "assert(false,5)", "return ('x')()", "return (1)()", "return t.x.y", "return t[1][2]",
		"string.gsub('x','(','')", "ipairs()", "return t.f.g(1)", "return coroutine.yield()", "loadstring('x x')()", "return tostring()")
	switch g.IntN(6) {
	case 0:
		return "local u local t={}\no(pcall(function() " + raise + " end))\n"
	case 1:
		return "local u local t={}\no(xpcall(function() " + raise + " end," + g.pick("function(e) return 'H:'..tostring(e) end", "function(e) return e,1 end",
			"function(e) error('again') end", "tostring", "nil", "5", "function(e) return type(e) end", "function(e) return pcall(error,e) end") + "))\n"
	case 2:
		return "local u local t={}\nlocal function f(...) " + raise + " end\nlocal function g2() f() end\no(pcall(g2))\no(pcall(f,1,2))\n"
	case 3:
		return "local u local t={}\no(pcall(pcall,function() " + raise + " end))\no(select('#',pcall(function() " + raise + " end)))\n"
	case 4:
		// redis-server crashes when a table without "err" ends a script.
		return "local u local t={}\n" + strings.Replace(raise, "{code=1}", "{err='2'}", 1) + "\n"
	}
	return "local u local t={}\no(pcall(function() local ok,e=pcall(function() " + raise + " end) error(e," + g.pick("0", "1", "2") + ") end))\n"
}

func (g *gen) closures() string {
	return fmt.Sprintf(g.pick(
		"local fs={} for i=1,%d do fs[i]=function(x) i=i+(x or 1) return i end end for i=1,#fs do o(fs[i](),fs[i](%s)) end\n",
		"local function f(...) local a,b=... return select('#',...),a,b,... end o(f(%d,%s)) o((f(1))) o(f(nil,nil))\n",
		"local function fib(n) if n<2 then return n end return fib(n-1)+fib(n-2) end o(fib(%d),%s)\n",
		"local n=0 while n<%d do n=n+1 if n==5 then break end end o(n,%s) repeat local z=n n=n-1 until z<2 o(n)\n",
		"for i=%d,1,-1 do o(i) end for i=1,2,0.25 do o(i) end o(%s)\n",
		"local t={f=function(self,...) return self==nil,... end} o(t:f(%d,%s)) o(t.f()) local a={...} o(#a)\n",
		"local s=0 for k,v in pairs({%d,2,3,x=4}) do s=s+v end o(s,%s) for i,v in ipairs({1,2,nil,4}) do o(i,v) end\n",
	), g.IntN(12), g.plain())
}

func (g *gen) json(depth int) string {
	switch g.IntN(7) {
	case 0, 1:
		if depth > 0 {
			return "[" + g.times(4, ",", func() string { return g.json(depth - 1) }) + "]"
		}
	case 2, 3:
		if depth > 0 {
			return "{" + g.times(4, ", ", func() string { return g.pick(`"a"`, `"b"`, `"1"`, `""`, `"x\u0041"`) + ":" + g.json(depth-1) }) + "}"
		}
	case 4:
		return g.pick("true", "false", "null")
	case 5:
		return g.pick(`"x"`, `""`, `"\n\t\"\\\/\b\f\r"`, `"\u00e9\u4e2d"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\x"`, `"abc`, "\"a\x00b\"", "\"\x01\"", "\"é\"")
	}
	return g.pick("0", "1", "-1", "1.5", "1e5", "1E-3", "-0", "01", "0x10", "nan", "inf", "-inf", "+1", "1.", ".5", "1e400", "123456789012345678", "-", "NaN", "Infinity", "1e")
}

func (g *gen) jsons() string {
	set := g.pick("", "", "", "", "J.encode_sparse_array(true) ", "J.encode_max_depth(2) ", "J.decode_max_depth(2) ", "J.encode_number_precision(3) ",
		"J.encode_invalid_numbers('null') ", "J.encode_invalid_numbers(true) ", "J.decode_invalid_numbers(false) ", "J.encode_sparse_array(false,1,1) ", "J.encode_sparse_array(true,3,2) ")
	if g.chance(2) {
		return set + fmt.Sprintf("o(pcall(J.encode,%s))\no(pcall(function() return J.encode({%s,x={%s}}) end))\n", g.value(), g.table(), g.plain())
	}
	text := g.json(3)
	if g.chance(4) && text != "" {
		i := g.IntN(len(text))
		text = text[:i] + g.pick("", ",", "]", "}", ":", "\"", " ", "\x00", "x", "1") + text[min(len(text), i+g.IntN(2)):]
	}
	return set + fmt.Sprintf("local ok,v=pcall(J.decode,%s) o(ok,v) if ok then o(pcall(J.encode,v)) end\n", g.quoted(text))
}

func (g *gen) bytes() string {
	return g.quoted(g.times(12, "", func() string {
		if g.chance(2) {
			return string([]byte{byte(g.IntN(256))})
		}
		return g.pick("\x01", "\x91", "\x81", "\xa1a", "\xc0", "\xc3", "\xcc\xff", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "\xca\x3f\x80\x00\x00", "\xd9\x01x",
			"\xdc\x00\x01", "\xde\x00\x01", "\xd1\xff\x00", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xe0", "\x7f", "\x90", "\x80")
	}))
}

func (g *gen) msgpacks() string {
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("o(pcall(cmsgpack.unpack,%s))\n", g.bytes())
	case 1:
		return fmt.Sprintf("o(pcall(cmsgpack.%s,%s,%s))\n", g.pick("unpack_one", "unpack_limit", "unpack"), g.bytes(),
			g.pick("0", "1", "2", "-1", "3,1", "1,2", "100", "0,0", "0,1", "2,-1"))
	case 2:
		return fmt.Sprintf("local ok,s=pcall(cmsgpack.pack,%s,%s) o(ok,s) if ok then o(pcall(cmsgpack.unpack,s)) end\n", g.value(), g.table())
	}
	return fmt.Sprintf("local t=%s for i=1,%d do t={t,%s} end local s=cmsgpack.pack(t) o(s) o(cmsgpack.unpack(s))\n", g.table(), g.IntN(20), g.plain())
}

func (g *gen) structs() string {
	f := g.quoted(g.times(6, "", func() string {
		return g.pick("b", "B", "h", "H", "l", "L", "T", "f", "d", "s", "c0", "c3", "i", "I", "i1", "I3", "i8", "I16", "i9", "x", "<", ">", "!", "!2", "!8", "!3", " ", "i33",
			"c", "q", "i0", "!16", "c99999999999", "\x00", "-")
	}))
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("o(pcall(struct.size,%s))\n", f)
	case 1:
		return fmt.Sprintf("o(pcall(struct.unpack,%s,%s%s))\n", f, g.bytes(), g.pick("", "", ",1", ",2", ",0", ",-1", ",100", ",1.5", ",'2'"))
	}
	args := g.times(7, ",", func() string { return g.plain() })
	return fmt.Sprintf("local ok,s=pcall(struct.pack,%s) o(ok,s) if ok then o(pcall(struct.unpack,%s,s)) end\n", strings.TrimSuffix(f+","+args, ","), f)
}

func (g *gen) operators() string {
	var b strings.Builder
	for range 1 + g.IntN(4) {
		x, y := g.plain(), g.plain()
		if g.chance(8) {
			x = g.value()
		}
		op := g.pick("+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or")
		switch g.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "o(pcall(function() local a,b=%s,%s return a %s b end))\n", x, y, op)
		case 1:
			fmt.Fprintf(&b, "o(pcall(function() return (%s) %s (%s) end))\n", x, op, y)
		case 2:
			fmt.Fprintf(&b, "o(pcall(function() local a=%s return %s end))\n", x, g.pick("-a", "#a", "not a", "a..a", "a[1]", "a.x", "a()", "tostring(a)", "a+1", "1 ..a"))
		}
	}
	return b.String()
}

func (g *gen) loads() string {
	code := g.times(4, " ", func() string {
		return g.pick("return", "1", "+", "x", "=", "local", "function", "end", "(", ")", "{", "}", "if", "then", "nil", "'s'", "..", "...", "for", "do", "while", "a.b", "a:b()",
			"0x", "1e", "[[", "]]", "--", "\"", "~", "~=", "@", "\x01", "break", "goto", "#", "return 1", "error('l')", "and", "not", "\n", "return ...")
	})
	switch g.IntN(3) {
	case 0:
		return fmt.Sprintf("local f,e=loadstring(%s%s) o(f,e) if f then o(pcall(f,1,2)) end\n", g.quoted(code), g.pick("", ",'@n'", ",'=n'", ",'text'", ",'@'", ",''"))
	case 1:
		return fmt.Sprintf("local i,p=0,{%s,'return',%s} o(pcall(load,function() i=i+1 return p[i] end%s))\n", g.quoted(code), g.pick("' 1'", "' 2'", "5", "{}", "''", "true"), g.pick("", ",'@n'", ",'n'"))
	}
	return fmt.Sprintf("local f,e=load(function() %s end) o(f,e)\n", g.pick("error('r')", "error({})", "return nil", "return {}", "return ''", "coroutine.yield()"))
}
