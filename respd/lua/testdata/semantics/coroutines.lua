local co = coroutine.create(function(a, b)
  p('start', a, b)
  local c = coroutine.yield(a + b)
  p('got', c)
  local d, e = coroutine.yield(c * 2, 'two')
  p('got', d, e)
  return 'end', d
end)
p(coroutine.status(co))
p(coroutine.resume(co, 1, 2))
p(coroutine.status(co))
p(coroutine.resume(co, 10))
p(coroutine.resume(co, 'x', 'y'))
p(coroutine.status(co))
p(coroutine.resume(co))
p(coroutine.resume(co))
---
local co
co = coroutine.create(function() p(coroutine.status(co)) p(coroutine.resume(co)) local inner = coroutine.create(function() p(coroutine.status(co)) p(coroutine.resume(co)) end) p(coroutine.resume(inner)) end)
p(coroutine.resume(co))
p(coroutine.running())
p(pcall(coroutine.yield, 1))
p(pcall(function() coroutine.yield(1) end))
---
local co = coroutine.create(function() error('boom') end)
p(coroutine.resume(co))
p(coroutine.status(co))
p(coroutine.resume(co))
co = coroutine.create(function() error({}) end)
p(type(select(2, coroutine.resume(co))))
co = coroutine.create(function() local x = nil; x() end)
p(coroutine.resume(co))
local w = coroutine.wrap(function() error('in wrap') end)
p(pcall(w))
p(pcall(w))
w = coroutine.wrap(function() return 1 end)
p(w()) p(pcall(w))
---
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
for i in gen do p(i) end
local function nat(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end) end
for a, b in nat(4) do p(a, b) end
local function perm(a, n)
  n = n or #a
  if n <= 1 then coroutine.yield(a) else
    for i = 1, n do a[n], a[i] = a[i], a[n] perm(a, n - 1) a[n], a[i] = a[i], a[n] end
  end
end
for a in coroutine.wrap(function() perm({1, 2, 3}) end) do p(table.concat(a, ' ')) end
---
local co = coroutine.create(function() p(pcall(function() coroutine.yield(1) end)) return 'after' end)
p(coroutine.resume(co))
p(coroutine.status(co))
co = coroutine.create(function() local t = setmetatable({}, {__index = function() return coroutine.yield(1) end}) return t.x end)
p(coroutine.resume(co))
co = coroutine.create(function() for k in function() return coroutine.yield('it') end do end end)
p(coroutine.resume(co))
co = coroutine.create(function() for k in coroutine.yield do end end)
p(coroutine.resume(co))
co = coroutine.create(function() return coroutine.yield('tail') end)
p(coroutine.resume(co))
p(coroutine.resume(co, 7, 8))
p(coroutine.status(co))
---
local co = coroutine.wrap(function(...) local n = select('#', ...) while true do n = select('#', coroutine.yield(n, ...)) end end)
p(co(1, 2, 3)) p(co()) p(co(nil, nil))
local function f() local x = 0 return function() x = x + 1 coroutine.yield(x) return x end end
local g = f()
local a, b = coroutine.create(g), coroutine.create(g)
p(coroutine.resume(a)) p(coroutine.resume(b)) p(coroutine.resume(a)) p(coroutine.resume(b))
local up
local c = coroutine.create(function() local v = 1 up = function() v = v + 1 return v end coroutine.yield() p('v', v) end)
coroutine.resume(c)
p(up(), up())
coroutine.resume(c)
p(up())
local d = coroutine.create(function() local v = 1 up = function() v = v + 1 return v end error('e') end)
coroutine.resume(d)
p(up(), up())
---
local function deep(n) if n == 0 then coroutine.yield('bottom') return 0 end return 1 + deep(n - 1) end
local co = coroutine.create(deep)
p(coroutine.resume(co, 1000))
p(coroutine.resume(co))
local co = coroutine.create(function() local function f() return f() + 1 end return f() end)
local ok, e = coroutine.resume(co)
p(ok, e)
p(pcall(coroutine.create, 1))
p(pcall(coroutine.create, type))
p(pcall(coroutine.resume, 1))
