package lua

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

var errStop = errors.New("stopped")

// endless has scripts that would go on for ever, each in another way.
var endless = map[string]string{
	"while":     "while true do end",
	"while if":  "local x = 0 while true do if x then x = x + 1 end end",
	"repeat":    "repeat until false",
	"repeat if": "local a = 1 repeat local b = 2 until a == b",
	"for":       "for i = 1, 1/0 do end",
	"step 0":    "for i = 1, 1, 0 do end",
	"for nil":   "for k in function() return 1 end do end",
	"for next":  "local t = {1} for k in function() return next(t) end do end",
	"tail":      "local function f() return f() end return f()",
	"two tails": "local g local function f() return g() end function g() return f() end return f()",
	"go tail":   "while true do (function() return type(1) end)() end",
	"pcall":     "while true do pcall(function() while true do end end) end",
	"pcalls":    "local function f() pcall(f) return f() end f()",
	"xpcall":    "while true do xpcall(function() error('x') end, function() while true do end end) end",
	"error":     "while true do pcall(error, 'x') end",
	"index":     "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end",
	"eq":        "local m = {__eq = function() while true do end end} return setmetatable({}, m) == setmetatable({}, m)",
	"concat":    "local m = {__concat = function(a, b) return a .. b end} local t = setmetatable({}, m) while true do pcall(function() return t .. t end) end",
	"coroutine": "while true do coroutine.wrap(function() coroutine.yield() end)() end",
	"yields":    "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
	"in one":    "coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()",
	"recursion": "local function f() local ok = pcall(f) return f() end while true do pcall(f) end",
	"tree":      "local function f(n) pcall(f, n + 1) pcall(f, n + 1) end f(1)",
	"tostring":  "local t = setmetatable({}, {__tostring = function(t) while true do end end}) tostring(t)",
	"closures":  "local f while true do local x f = function() return x end end",
	"tables":    "while true do local t = {1, 2, x = 3} end",
	"texts":     "while true do local s = ('x'):rep(1000) .. 'y' end",
	"clear":     "local t = {} for i = 1, 1e6 do t[i] = 1 end for i = 1, 1e6 do t[i] = nil end while true do next(t) end",
	"relayout":  "local t = {} for i = 1, 1e6 do t[i] = 1 end while true do t.a = 1 t.b = 1 t.c = 1 t.a = nil t.b = nil t.c = nil end",
	"varargs":   "local t = {} for i = 1, 7000 do t[i] = 1 end local function f(...) while true do local t = {...} end end f(unpack(t))",
	"compare":   "local a = ('x'):rep(1e6) local b, c = a .. 'y', a .. 'z' while true do local d = b < c, b == c end",
	"long keys": "local t, s = {}, ('x'):rep(1e6) while true do t[s .. 'x'] = 1 end",
}

// Every loop that a script can make is stopped by Check, within time, and by no
// pcall.
func TestStop(t *testing.T) {
	for name, text := range endless {
		t.Run(name, func(t *testing.T) {
			asked, begun := 0, time.Now()
			last, longest := begun, time.Duration(0)
			w := newWorld(Config{CheckEvery: 1000, Check: func() error {
				now := time.Now()
				longest = max(longest, now.Sub(last))
				last = now
				if asked++; now.Sub(begun) > 150*time.Millisecond {
					return errStop
				}
				return nil
			}})
			w.s.Begin(1 << 26)
			if _, err := w.run(text); !errors.Is(err, errStop) {
				t.Errorf("got %v; want %v", err, errStop)
			}
			w.s.End()
			if asked < 2 || time.Since(begun) > 15*time.Second {
				t.Errorf("Check was asked %d times in %v", asked, time.Since(begun))
			}
			t.Logf("longest time between two questions: %v", longest)
			if got := w.eval("return 1", 1<<20); got != "1" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// A script that keeps what it makes ends with ErrMemory, however it is made, and
// the process has not taken much more by then. One that lets go of it goes on.
func TestMemory(t *testing.T) {
	const limit = 1 << 23
	for name, text := range map[string]string{
		"items":      "local t = {} for i = 1, 1/0 do t[i] = i end",
		"fields":     "local t = {} for i = 1, 1/0 do t['x' .. i] = i end",
		"floats":     "local t = {} for i = 1, 1/0 do t[i + 0.5] = i end",
		"tables":     "local t = {} while true do t = {t} end",
		"list":       "local t while true do t = {next = t} end",
		"text":       "local s = 'x' while true do s = s .. s end",
		"append":     "local s, more = 'x', ('more'):rep(1e4) while true do s = s .. more end",
		"joined":     "local s = ('x'):rep(1000) local t = {} while true do t[#t + 1] = s .. #t end",
		"rep":        "return ('x'):rep(1e9)",
		"closures":   "local t = {} while true do local x = #t t[#t + 1] = function() return x end end",
		"closure":    "local f while true do local g = f f = function() return g end end",
		"coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
		"suspended":  "local t = {} while true do local co = coroutine.wrap(function() local x = {} coroutine.yield() return x end) co() t[#t + 1] = co end",
		"stack":      "local function f(...) return f(" + strings.Repeat("1, ", 200) + "...) end return f()",
		"calls":      "local function f(a, b, c, d, e, f1, g, h, i, j) local x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10} return 1 + f(x, x, x, x, x, x, x, x, x) end while true do pcall(f) local t = {} for i = 1, 1/0 do t[i] = i end end",
		"pcall":      "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end",
		"coroutine":  "local t = {} while true do pcall(coroutine.wrap(function() while true do t[#t + 1] = {} end end)) end",
		"strings":    "local t = {} while true do t[#t + 1] = ('x'):rep(100) .. #t end",
		"metatables": "local t = {} while true do t = setmetatable({}, {__index = t}) end",
		"upvalues":   "local function f(n) local a, b, c = n, n, n local g = function() return a, b, c end return n == 0 and g or {g, f(n - 1)} end local t = {} while true do t[#t + 1] = f(100) end",
		"deep":       "local function f() local t = {} for i = 1, 100 do t[i] = i end local x = f() return t, x end while true do local ok, e = pcall(f) end",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(Config{Check: func() error { return nil }})
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w.s.Begin(limit)
			_, err := w.run(text)
			_, allocated := w.s.Used()
			w.s.End()
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrMemory) {
				t.Errorf("got %v; want %v", err, ErrMemory)
			}
			taken := int64(after.TotalAlloc - before.TotalAlloc)
			t.Logf("charged %d; taken %d", allocated, taken)
			// What is charged is about what is taken, allocator's rounding aside.
			if taken > 2*allocated+limit {
				t.Errorf("charged %d; taken %d", allocated, taken)
			}
			if got := w.eval("return #{1, 2}", 1<<20); got != "2" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// Memory that is not used any longer doesn't count.
func TestMemoryFreed(t *testing.T) {
	for name, text := range map[string]string{
		"tables":     "for i = 1, 1e6 do local t = {1, 2, x = {}} end return 1",
		"texts":      "local s = ('x'):rep(1e5) for i = 1, 1e4 do local u = s .. i end return 1",
		"coroutines": "for i = 1, 1e4 do local co = coroutine.wrap(function() coroutine.yield() end) co() end return 1",
		"closures":   "for i = 1, 3e5 do local f = function() return i end end return 1",
		"stacks":     "local function f(n) if n > 0 then return 1 + f(n - 1) end return 0 end for i = 1, 100 do f(10000) end return 1",
		"kept":       "local t = {} for i = 1, 30000 do t[i] = {} end for i = 1, 1e6 do t[i % 30000 + 1] = {} end return 1",
		"huge index": "local t = {} t[67108863] = 1 t[2^40] = 1 t[-5] = 1 return 1",
	} {
		w := newWorld(Config{})
		if got := w.eval(text, 1<<23); got != "1" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Counting memory changes nothing for the script, whenever it happens.
func TestSurveyAnywhere(t *testing.T) {
	const script = `
local function f(a, b, ...) return a + b + arg.n + arg[1] end
local function g(a, ...) local x = {...} return a + #x end
local mt = {__index = function(t, k) return {k} end, __add = function(a, b) return {a, b} end,
	__concat = function(a, b) return {a, b} end, __call = function(self, a, b) return {a, b, {}} end}
local n, keep = 0, {}
local co = coroutine.wrap(function(...) while true do local t = {...} coroutine.yield(#t, {}) end end)
for i = 1, 3000 do
	local o = setmetatable({}, mt)
	n = n + f(1, 2, {} and 3, 4) + g(1, {}, {}, {}) + o.x[1]:len() + #(o + o) + #(o .. {}) + #o(1, {})
	keep[i % 50 + 1] = {i, tostring(i) .. 'x', function() return o, i end}
	n = n + (co({}, {}, {})) + select('#', pcall(error, {})) + #keep[i % 50 + 1][2]
end
return n`
	want := newWorld(Config{}).eval(script, 1<<30)
	for _, memory := range []int64{64 << 10, 65 << 10, 67 << 10, 100 << 10, 1 << 20} {
		w := newWorld(Config{})
		if got := w.eval(script, memory); got != want {
			t.Errorf("in %d bytes: %s; want %s", memory, got, want)
		}
	}
}
