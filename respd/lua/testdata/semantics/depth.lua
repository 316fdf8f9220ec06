local function f() return 1 + f() end
p(pcall(f))
local n = 0
local function g() n = n + 1 return 1 + g() end
p(pcall(g))
p(n > 10000, n <= 20000)
local function v(...) return 1 + v(...) end
p(pcall(v, 1, 2, 3))
---
local n = 0
local function f() n = n + 1 local ok, e = pcall(f) if not ok then error(e, 0) end end
p(pcall(f))
p(n)
---
local n = 0
local function f() n = n + 1 return pcall(f) end
p(f())
p(n)
---
local n = 0
local function f() n = n + 1 local a, b = pcall(f) return a, b end
p(f())
p(n)
---
local t = setmetatable({}, {})
local mt = {}
mt.__index = function(t, k) return t[k] end
setmetatable(t, mt)
p(pcall(function() return t.x end))
mt.__newindex = function(t, k, v) t[k] = v end
p(pcall(function() t.x = 1 end))
mt.__add = function(a, b) return a + b end
p(pcall(function() return t + 1 end))
mt.__concat = function(a, b) return a .. b end
p(pcall(function() return t .. 'x' end))
mt.__eq = function(a, b) return a == b end
local u = setmetatable({}, mt)
p(pcall(function() return t == u end))
mt.__lt = function(a, b) return a < b end
p(pcall(function() return t < u end))
mt.__call = function(self) return 1 + self() end
p(pcall(function() return t() end))
mt.__tostring = function(self) return tostring(self) end
p(pcall(function() return tostring(t) end))
mt.__unm = function(self) return -self end
p(pcall(function() return -t end))
---
local n = 0
local mt = {} mt.__index = function(t, k) n = n + 1 return t[k] .. 'x' end
local t = setmetatable({}, mt)
p(pcall(function() return t.x end))
p(n)
n = 0
p(pcall(pcall, function() return t.x end))
p(n)
p(xpcall(function() return t.x end, function(e) return 'H:' .. e end))
p(xpcall(function() return t.x end, function(e) return 'H:' .. e .. tostring(pcall(error)) end))
---
local function f() return f() + 1 end
p(xpcall(f, function(e) return 'H:' .. e end))
local function h(e) return h(e) + 1 end
p(xpcall(f, h))
p(xpcall(f, function(e) local function g(n) if n == 0 then return 0 end return 1 + g(n - 1) end return g(500) end))
---
local n = 0
local function f() n = n + 1 for _ in f do end end
p(pcall(f))
p(n)
---
local co = coroutine.wrap(function() local function f() return 1 + f() end return f() end)
p(pcall(co))
local function mk(n) if n == 0 then return 'bottom' end return coroutine.wrap(mk)(n - 1) end
p(pcall(mk, 10))
p(pcall(mk, 100))
p(pcall(mk, 150))
---
-- The first overflow of a server's life comes earlier: its list of calls doubles.
local function g() return 1 + g() end
pcall(g)
local n = 0
local function g() n = n + 1 return 1 + g() end
p(pcall(g))
p(n)
n = 0
local function h() n = n + 1 local x = g() end
p(pcall(h))
p(n)
n = 0
local function e() n = n + 1 local t = type(n) return 1 + e() end
p(pcall(e))
p(n)
---
local function mk(n) if n == 0 then return 'bottom' end return coroutine.wrap(mk)(n - 1) end
for i = 190, 205 do p(i, pcall(mk, i)) end
local function rs(n) if n == 0 then return 'bottom' end return coroutine.resume(coroutine.create(rs), n - 1) end
for i = 190, 205 do p(i, rs(i)) end
---
local function deep(n, f, ...) if n == 0 then return f(...) end return select(2, pcall(deep, n - 1, f, ...)) end
local function mk(n) if n == 0 then return 'bottom' end return coroutine.wrap(mk)(n - 1) end
for i = 90, 110 do p(i, deep(i, mk, 95)) end
local co = coroutine.wrap(function() for i = 180, 205 do p(i, deep(i, mk, 2)) end end)
co()
---
local t = {} for i = 1, 250 do t[i] = 'a' .. i end
p(select('#', unpack(t)))
local big = {} for i = 1, 7990 do big[i] = i end
local function count(...) return select('#', ...) end
p(count(unpack(big)))
p(count(unpack(big), unpack(big)))
p(pcall(count, unpack(big)))
local function grow(n, ...) if n == 0 then return select('#', ...) end return grow(n - 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, ...) end
p(grow(300))
p(pcall(grow, 1000))
p(pcall(function() return string.upper(unpack(big)) end))
p(#{unpack(big)}, #{1, unpack(big)})
local function pass(...) return ... end
p(select('#', pass(unpack(big))))
