-- functions, upvalues through several levels, varargs, blocks that close
local a, b = 1, 2
local function outer(x, y, ...)
  local n = select('#', ...)
  local function middle(z)
    local function inner() a = a + x; return b, n, z, a end
    b = inner
    return inner, function(...) return arg.n, a, x end
  end
  for i = x, y, -1 do
    local up = i
    if i == 3 then break end
    middle(function() return up, i end)
    do local up = "shadow"; b = function() return up end end
  end
  for k, v, w in next, arg do
    local f = function() return k, w end
    if f() then return f() end
    while v do local q = v; v = function() return q end; if q then break end end
  end
  repeat
    local done = middle(x)
    local f = function() return done end
    if f then break end
  until done and f() or not a
  return middle
end
function a.b.c.d() end
function a.b:m(x, ...) return self, x, ... end
local rec; function rec(n) if n > 0 then return rec(n - 1) end return 0 end
local t = { outer(1), n = outer(2), [outer] = 3, (outer(4)), outer(...); f = function() end }
a, b, t[a], t.x.y[b + 1], a = b, a
a[b], b = outer(t), 5
t.a, t.b, t.c = 1, 2
local p, q, r = outer(1), ...
local p, q, r = (outer(1))
return outer(a)(b) { c } "d" [[e]]:f(1).g
