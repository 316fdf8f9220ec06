package lua

import "testing"

var speedScripts = []struct{ name, text string }{
	{"fib27", `local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end return fib(27)`},
	{"loop", `local x = 0 for i = 1, 5000000 do x = x + i % 7 end return x`},
	{"while", `local i, x = 0, 0 while i < 3000000 do i = i + 1 if i > 10 then x = x + 2 end end return x`},
	{"fill", `local n = 0 for j = 1, 20 do local t = {} for i = 1, 50000 do t[i] = i end n = n + #t end return n`},
	{"fields", `local t = {a=1, b=2, c=3} for i = 1, 2000000 do t.a = t.b + t.c end return t.a`},
	{"build", `local t = {} for i = 1, 200000 do t[#t+1] = 'item' .. i end return #table.concat(t, ',')`},
	{"append", `local s = '' for i = 1, 20000 do s = s .. 'x' end return #s`},
	{"objects", `local n = 0 for i = 1, 300000 do local o = {x = i, y = 2} n = n + o.x end return n`},
	{"closures", `local n = 0 for i = 1, 300000 do local f = function() return i end n = n + f() end return n`},
	{"pairs", `local t = {} for i = 1, 1000 do t[i] = i t['k'..i] = i end local n = 0 for j = 1, 200 do for k, v in pairs(t) do n = n + v end end return n`},
	{"method", `local o = {n = 0} function o:inc() self.n = self.n + 1 end for i = 1, 1000000 do o:inc() end return o.n`},
	{"gocall", `local n = 0 for i = 1, 1000000 do n = n + select('#', i) end return n`},
	{"sieve", `local n, p = 0, {} for i = 2, 500000 do p[i] = true end for i = 2, 500000 do if p[i] then n = n + 1 for j = i*i, 500000, i do p[j] = false end end end return n`},
}

func BenchmarkScripts(b *testing.B) {
	for _, c := range speedScripts {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(Config{Check: func() error { return nil }})
			p, err := Compile(c.text, "@user_script")
			if err != nil {
				b.Fatal(err)
			}
			f := w.s.Load(p, w.g)
			for b.Loop() {
				w.s.Begin(1 << 30)
				if _, err := w.s.Main().Run(f, nil); err != nil {
					b.Fatal(err)
				}
				w.s.End()
			}
		})
	}
}
