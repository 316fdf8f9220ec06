do local a; local b = function() return a end; do local c; d = function() c=1 return b,c end end end
local a,b,c = f()
local a,b = f(), g()
local a,b = ...
local x = a.b.c.d[e][1]["z"]
a.b.c = 1; a.b["c"] = nil; a[nil] = true; a[1], a[2] = f()
f{1}; f"x"; f:m"x"; f:m{...}; f(g(h()))
local z = a < b and b <= c and c > a and a >= b or a ~= b and a == b
if not a then return end
if a and (b or c) and not (d or e) then x = 1 elseif nil then x=2 elseif true then x = 3 elseif 1 then x=4 elseif false then x=5 end
while true do break end
while nil do end
while 1 do if x then break end end
local n = not nil, not true, not 1, not "x", not not x
local y = (a or b) and c, ((a and b) or c) and d
local y = a + 1 + 2, 1 + 2 + a, 1 + a + 2, 2^10/4%3
return f(x)
