local a,b,c = 1,2
x = a+b*c^2 .. "x" .. a
local t = {1,2,3;x=1,["y"]=2,[3]=x,f(),...}
local u = {f()}
for i=1,10 do if i==3 then break elseif i>4 and t.x or not t[i] then print(i) else x=not i end end
for k,v in pairs(t) do local g = function() return k,v,a end; g() end
while a<b do a=a+1; local z=a; t[z]=function() return z end if z then break end end
repeat local q=f(); local h=function() return q end until q==1
repeat local q=f() until q and q>1 or q<3
local function rec(n) return n==0 and 1 or n*rec(n-1) end
function t.a.b:c(x,...) self.x = x; return self:m(x, ...) end
function t.a.b(...) return arg, arg.n end
a,b,t[1],t.x = b,a,3
a,t[a],a.x = 1
local s = a == b
local s2 = a ~= 1 and b or c
local s3 = not (a < b) == nil
return (f()), -2^2, 2^53, 1/0, 0/0, 5%3, -5%3, 5%0, -x, #t, "a\65\n\
b", [[
long]], [==[x]]]==], 0x10, 1e3, .5, 3., true, false, nil, a and b, a or b, not a, nil == x, (a and b) or c
