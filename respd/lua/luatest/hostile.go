package luatest

import (
	"fmt"
	"strings"
)

var hostileNumbers = []string{"1e8", "2^31-1", "-2^31", "2^31", "2^32", "2^53", "2^63", "-2^63", "1e300", "1/0", "-1/0", "0/0", "1e5", "8000",
	"7999", "65536", "1e6", "536870912", "268435456", "-1", "0", "1", "2"}

var hostileTexts = []string{"big", "big2", `("a"):rep(3e4)`, `("("):rep(300)`, `("%"):rep(999)`, `("[["):rep(1e4)`, `("{"):rep(1e5)`, `("\145"):rep(1e5)`,
	`("\129\1"):rep(9000)`, `"\221\255\255\255\255"`, `"\223\255\255\255\255"`, `"\219\255\255\255\255"`, `"\198\255\255\255\255a"`,
	`('{"a":'):rep(1e4)`, `("["):rep(999).."1"..("]"):rep(999)`, `("b"):rep(1e5)`, `("i32"):rep(1e4)`, `"!1073741824i32"`, `("!8b"):rep(1e5)`,
	`("x"):rep(1e6)`, `("%99.99f"):rep(1e3)`, `("%s"):rep(5000)`, `("a?"):rep(4000)..("a"):rep(4000)`, `("(a*)"):rep(31).."b"`,
	`(".-"):rep(20).."b"`, `("a*"):rep(40).."b"`, `(".*"):rep(9)`, `"%b()"`, `("()"):rep(40)`, `"[^"..("a"):rep(1e5).."]"`, `"%f["..("b-c"):rep(1e4).."]"`,
	`"("..("(a)?"):rep(100)..")"`, `("return "):rep(1e4)`, `"return "..("("):rep(1e4)`, `"return "..("{"):rep(1e4)`, `"return "..("-"):rep(1e4).."1"`,
	`("if 1 then "):rep(1e4)`, `"return "..("a.."):rep(1e4).."a"`, `("a=1 "):rep(1e5)`, `"x=\""..("a"):rep(1e6)`, `("9"):rep(1e6)`, `"0x"..("f"):rep(1e6)`,
	`(" "):rep(1e6)`, `"["..("1,"):rep(1e5).."1]"`, `("\\u0041"):rep(1e4)`}

var hostileTables = []string{"deep", "wide", "{}", "setmetatable({},{__index=function(t,k) return k end})", "cyclic", "chain", "sparse",
	"setmetatable({},{__index=function(t) return t.x end})", "setmetatable({},{__tostring=tostring})", "meta",
	"setmetatable({},{__call=function(self) return self() end})", "hashed"}

var hostileFunctions = []string{"function() while true do end end", "function(...) return ... end", "recurse", "function() return big end",
	"function() return deep end", "pcall", "error", "tostring", "string.rep", "unpack", "function(a,b) return true end", "function(x) return {x} end",
	"function() return {} , {} end", "coroutine.wrap(function() while true do coroutine.yield(big) end end)", "loadstring", "recurse2",
	"function(a) return big2 end", "string.format", "next", "coroutine.create", "table.sort"}

// HostilePrelude is what each hostile script begins with.
const HostilePrelude = `local J=cjson.new() J.encode_max_depth(2^31-1) J.decode_max_depth(2^31-1) J.encode_sparse_array(true,0,0)
local big,big2=("a"):rep(1e6),("ab("):rep(3e5)
local deep={} for i=1,2e4 do deep={deep} end
local wide={} for i=1,1e5 do wide[i]=i%7 end
local hashed={} for i=1,2e4 do hashed['k'..i]=i end
local cyclic={} cyclic[1]=cyclic cyclic.x=cyclic
local chain={} for i=1,1e4 do chain=setmetatable({},{__index=chain,__newindex=chain}) end
local meta meta=setmetatable({},{__index=function(t,k) return t[k] end,__add=function(a,b) return a+b end,__concat=function(a,b) return a..b end,
__eq=function(a,b) return a==b end,__lt=function(a,b) return a<b end,__call=function(f,...) return f(...) end,__tostring=function(t) return tostring(t) end})
local sparse={[2^31-1]=1,[2^26]=2,[1]=1,[-1]=1,[1e300]=1}
local function recurse(...) return 1+recurse(...) end
local function recurse2(...) return pcall(recurse2,...) end
local sink={}
`

func (g *gen) hostileValue(kind byte) string {
	if g.chance(15) {
		kind = "nstf"[g.IntN(4)]
	}
	switch kind {
	case 'n', 'i':
		return g.pick(hostileNumbers...)
	case 's', 'p', 'k':
		return g.pick(hostileTexts...)
	case 't':
		return g.pick(hostileTables...)
	case 'f':
		return g.pick(hostileFunctions...)
	case 'c':
		return g.pick("coroutine.create(recurse)", "coroutine.create(recurse2)", "coroutine.create(function() return unpack({},1,7000) end)")
	}
	return g.hostileValue("nstf"[g.IntN(4)])
}

func (g *gen) hostileCall() string {
	c := callables[g.IntN(len(callables))]
	var args []string
	for i := range len(c.args) {
		if c.args[i] < 'a' && g.chance(2) {
			break
		}
		args = append(args, g.hostileValue(c.args[i]|0x20))
	}
	return c.name + "(" + strings.Join(args, ",") + ")"
}

// hostileScript draws a script that wants to take more than it may.
func (g *gen) hostileScript() string {
	call := g.hostileCall()
	v, u := g.hostileValue('v'), g.hostileValue('v')
	return HostilePrelude + g.pick(
		"return "+call,
		"while true do pcall(function() return "+call+" end) end",
		"while true do sink[#sink+1]={pcall(function() return "+call+" end)} end",
		"for i=1,1e9 do sink[i]="+v+" end",
		"local s="+g.hostileValue('s')+" while true do s=s..s end",
		"local s='' while true do s=s.."+g.hostileValue('s')+" end",
		"local t={} while true do t={t,"+v+"} end",
		"local t={} t["+g.pick(hostileNumbers...)+"]=1 t["+g.pick(hostileNumbers...)+"]=2 return "+g.pick("#t", "table.concat(t)", "J.encode(t)", "cmsgpack.pack(t)", "unpack(t,1,#t)", "table.sort(t)"),
		"local function f() return pcall(f) end return f()",
		"local function f() local ok,e=pcall(f) error(e) end f()",
		"local function f() return xpcall(f,f) end return f()",
		"local function f() return coroutine.wrap(f)() end return f()",
		"local function f(...) return f(1,...) end return f()",
		"local function f() return string.gsub('a','a',f) end return f()",
		"local function f() return loadstring('return ...')(f)() end return f()",
		"local function f(a,b) table.sort({3,2,1},f) return true end return f()",
		"local function f() return (setmetatable({},{__index=f})).x end return f()",
		"local co={} for i=1,1e6 do co[i]=coroutine.create(function() local a={} coroutine.yield() end) coroutine.resume(co[i]) end",
		"local function f() while true do pcall(error,{}) end end while true do pcall(f) end",
		"while true do local ok,e=pcall(error,big) sink[1]=e end",
		fmt.Sprintf("local a,b=%s,%s while true do pcall(function() return a %s b end) end", v, u, g.pick("+", "..", "==", "<", "<=", "%", "^")),
		"local t=setmetatable({},{__gc=function() end,__mode='k'}) for i=1,1e8 do t[{}]=i end",
		"while true do for k in pairs(wide) do wide[k]=nil end for i=1,1e5 do wide[i]=i end end",
		"for k,v in pairs("+g.pick(hostileTables...)+") do for k2 in pairs(hashed) do sink[k2]=tostring(v) end end",
		"local f=string.gmatch(big2,'()') local all={} for i in f do all[i]=string.gmatch(big..i,'.') end",
		"local x=big for i=1,60 do x=J.encode(x) end return #x",
		"local x=1 while true do x=cmsgpack.pack(x,x) end",
		"return "+g.pick("J.encode", "cmsgpack.pack", "tostring", "J.decode", "cmsgpack.unpack", "unpack", "next")+"("+v+")",
		"return string.rep("+g.hostileValue('s')+","+g.hostileValue('n')+")",
		"return (string.gsub("+g.hostileValue('s')+","+g.hostileValue('p')+","+g.hostileValue('s')+"))",
		"return string.find("+g.hostileValue('s')+","+g.hostileValue('p')+")",
		"local p={} for i=1,3e5 do p[i]='local a'..i..'=1 ' end return loadstring(table.concat(p))",
		"local i=0 return load(function() i=i+1 return 'a'..i..'=1 ' end)",
		"return load(function() return '5' end)",
		"for i=1,1e9 do local t={unpack(wide,1,7000)} end",
		"local t={} for i=1,1e7 do t[i]=function() return t,i end end",
	)
}

// Hostile draws a script that wants to take more than it may.
func Hostile(seed, n uint64) string { return newGen(seed, n).hostileScript() }
