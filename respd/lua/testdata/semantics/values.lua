p(1, -1, 0, -0, 1.5, 1e15, 1e16, 1e100, -1e100, 1/0, -1/0, 0/0, 123456789012345678)
p(0.1, 1/3, 100, 1e14, 123456.789e3, 2^53, 2^63, 2^64, -2^63, 3.14159265358979)
p(7 % 3, -7 % 3, 7 % -3, -7 % -3, 5.5 % 2, -5.5 % 2, 5 % 0, 5 % (1/0), -5 % (1/0))
p(2 ^ 10, 2 ^ 0.5, 2 ^ -1, (-2) ^ 2, -2 ^ 2, (-8) ^ (1/3), 0 ^ 0, 10 ^ 15, 10^22, 10^-5)
p(1 / 0, -1 / 0, 0 / 0 == 0 / 0, 1 / -0)
p('10' + 5, '0x10' + 0, ' 5 ' * '2', '1e2' / 1, -'3', '3' % 2, '2' ^ '3')
p(1 .. 2, 1.5 .. '', 'a' .. 1e20, 2^31 .. '', -0 .. '', 'x' .. 0.1)
p(1 == 1.0, '1' == 1, 'a' == 'a', {} == {}, nil == false)
p(not nil, not 0, not '', not false)
p(nil and 1, false or 2, 1 and 2, 1 or 2, nil or false, false and nil)
p(#'abc', #'', #{1, 2, 3}, #{1, nil, 3}, #{nil}, #{nil, nil, 3}, #{n = 1})
p('a' < 'b', 'a' < 'B', 'abc' < 'abd', '' < 'a', 'a' < 'a\0', 'a\0b' < 'a\0c', '\200' < 'a', 'Z' < 'a')
p(1 < 2, 2 <= 2, 1 > 2, 0/0 < 1, 0/0 <= 0/0, not (0/0 > 1))
p(tostring(nil), tostring(true), tostring(12), tostring('x'))
---
local function va(...) return select('#', ...), ... end
p(va())
p(va(nil))
p(va(1, nil, nil))
p((va(1, 2)))
p(va(va(1, 2)))
p(va(va(), va()))
local t = {va(5, 6)}
p(#t, t[1], t[2], t[3])
t = {va(5, 6), va(7)}
p(#t, t[1], t[2], t[3])
local a, b, c, d = va(1, 2)
p(a, b, c, d)
local function named(a, b, ...) local x, y = ... return a, b, x, y end
p(named()) p(named(1)) p(named(1, 2, 3)) p(named(1, 2, 3, 4, 5))
local function argt(...) return arg.n, arg[1], arg[2], #arg end
p(argt()) p(argt(5)) p(argt(5, nil, 7))
local function argn(a, ...) return a, arg end
p(argn(1, 2) , type((select(2, argn(1, 2)))))
local function noarg(...) local x = ... return arg end
p(noarg(1))
p(select('#', unpack({}, 1, 100)))
p(select(-1, 1, 2, 3))
p((function(...) return select('#', ...) end)(unpack({1, 2, nil, 4}, 1, 4)))
local function rec(n, ...) if n == 0 then return select('#', ...) end return rec(n - 1, n, ...) end
p(rec(100))
local function count(...) local n = 0 for i, v in ipairs({...}) do n = n + v end return n end
p(count(1, 2, 3, 4))
---
local fs = {}
for i = 1, 3 do fs[i] = function() i = i + 1 return i end end
p(fs[1](), fs[1](), fs[2](), fs[3]())
local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end
local inc, get = counter()
inc() inc()
p(get())
local x = 1
local function setx(v) x = v end
setx(5)
p(x)
do local y = 2 fs[4] = function() return y end y = 3 end
p(fs[4]())
local i = 1
while i < 4 do local j = i fs[i] = function() j = j + 10 return j end i = i + 1 end
p(fs[1](), fs[2](), fs[3](), fs[1]())
repeat local z = 9 fs[5] = function() return z end until z == 9
p(fs[5]())
local function deep() local a = 1 return function() local b = 2 return function() a = a + b return a end end end
p(deep()()())
local ok, e = pcall(function() local v = 1 fs[6] = function() v = v + 1 return v end error('x') end)
p(fs[6](), fs[6]())
for k, v in pairs({a = 1}) do fs[7] = function() return k, v end end
p(fs[7]())
local function shared() local n = 0 return {a = function() n = n + 1 end, b = function() return n end} end
local s = shared() s.a() s.a() p(s.b())
---
for i = 1, 3 do p(i) end
for i = 3, 1, -1 do p(i) end
for i = 1, 0 do p('never') end
for i = 1, 2, 0.5 do p(i) end
for i = 1.5, 3 do p(i) end
for i = 1, 1/0 do if i > 3 then break end p(i) end
for i = -1, -3, -1 do p(i) end
for i = 0.1, 0.35, 0.1 do p(i) end
local n = 0
for i = 1, 10 do if i % 2 == 0 then n = n + i end end
p(n)
local i = 5
repeat i = i - 1 until i < 2
p(i)
while true do i = i + 1 if i > 10 then break end end
p(i)
for i = 1, 3 do local i = i * 2 p(i) end
for i = 0/0, 1 do p('nan') end
for i = 1, 0/0 do p('nan') end
for i = 2^53, 2^53 + 2 do n = n + 1 if n > 100 then break end end
p(n)
---
local mt = {}
mt.__add = function(a, b) return 'add' end
mt.__sub = function(a, b) return 'sub' end
mt.__mul = function(a, b) return 'mul' end
mt.__div = function(a, b) return 'div' end
mt.__mod = function(a, b) return 'mod' end
mt.__pow = function(a, b) return 'pow' end
mt.__unm = function(a, b) return rawequal(a, b) and 'unm' end
mt.__len = function(a) return 42 end
mt.__concat = function(a, b) return (type(a) == 'table' and 'T' or a) .. '~' .. (type(b) == 'table' and 'T' or b) end
mt.__eq = function(a, b) return true, 'x' end
mt.__lt = function(a, b) return 1 end
mt.__le = function(a, b) return nil end
mt.__call = function(self, ...) return 'called', ... end
mt.__tostring = function() return 'object' end
local a, b = setmetatable({}, mt), setmetatable({}, mt)
p(a + 1, 1 + a, a + b, a - 1, a * 2, a / 2, a % 2, a ^ 2, -a, #a)
p(a .. 'x', 'x' .. a, a .. b, 1 .. a, 'x' .. 'y' .. a, a .. 'x' .. 'y', 'p' .. 'q' .. a .. 'r' .. 's')
p(a == b, a ~= b, a < b, a <= b, a > b, a >= b, a == 1, 1 == a)
p(a(1, 2), a())
p(tostring(a))
p(pcall(function() return a < 1 end))
p(pcall(function() return {} < a end))
p(pcall(function() return a + nil end))
local only = setmetatable({}, {__lt = function() return false end})
p(only < only, only <= only, only >= only)
local c1, c2 = setmetatable({}, {__eq = function() return true end}), setmetatable({}, {__eq = function() return true end})
p(c1 == c2)
---
local log = {}
local base = {x = 1}
local mid = setmetatable({y = 2}, {__index = base})
local top = setmetatable({}, {__index = mid, __newindex = function(t, k, v) rawset(t, k, v .. '!') end})
p(top.x, top.y, top.z)
top.q = 'new' top.q = 'old'
p(top.q, rawget(top, 'q'))
local f = setmetatable({}, {__index = function(t, k) return k .. '?' end})
p(f.abc, f[1], rawget(f, 'abc'))
local store = {}
local prox = setmetatable({}, {__newindex = store})
prox.a = 1
p(rawget(prox, 'a'), store.a)
local loop = {} setmetatable(loop, {__index = loop})
p(pcall(function() return loop.x end))
p(pcall(function() local a = {} local t = setmetatable({}, {__index = a}) setmetatable(a, {__index = t}) return t.x end))
p(pcall(function() local a = {} local t = setmetatable({}, {__newindex = a}) setmetatable(a, {__newindex = t}) t.x = 1 end))
p(pcall(function() local t = setmetatable({}, {__index = 5}) return t.x end))
p(pcall(function() local t = setmetatable({}, {__index = 'str'}) return type(t.len), t.x end))
p(pcall(function() local t = setmetatable({}, {__newindex = 5}) t.x = 1 end))
p(pcall(function() local t = setmetatable({}, {__add = 5}) return t + 1 end))
p(pcall(function() local t = setmetatable({}, {__call = 5}) return t() end))
p(pcall(function() local t = setmetatable({}, {__call = setmetatable({}, {__call = function() end})}) return t() end))
p(pcall(function() local t = setmetatable({}, {__concat = {}}) return t .. 1 end))
p(pcall(function() local t = setmetatable({}, {__lt = {}}) return t < t end))
p(type(('x').len), ('abc'):len(), #('abc'):rep(3))
p(pcall(function() return ('x').y.z end))
p(pcall(function() local s = 'x' s.y = 1 end))
p(pcall(function() local s = 5 return s.y end))
p(pcall(function() return (5).y end))
p(pcall(function() return (true).y end))
---
local mt = {__index = function(t, k) return k end}
local t = setmetatable({}, mt)
p(t.a)
mt.__index = nil
p(t.a)
mt.__index = {a = 'table'}
p(t.a)
rawset(mt, '__index', function() return 'raw' end)
p(t.a)
local e = setmetatable({}, {})
p(pcall(function() return e + 1 end))
---
local e, o
e = function(n) if n == 0 then return true end return o(n - 1) end
o = function(n) if n == 0 then return false end return e(n - 1) end
p(e(10000), o(10001), e(7))
local function loop(n, acc) if n == 0 then return acc end return loop(n - 1, acc + n) end
p(loop(100000, 0))
p((function(...) return tostring(...) end)(5))
p(select(2, (function() return 1, 2, 3 end)()))
local function t2() return pcall(error, 'x') end
p(t2())
