package respd_test

// Scripts that were written to hold the server or to fill its memory. Each must
// end within its bounds, and nobody else may notice.

import (
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"ledge/respd/resp"
)

// hostile are scripts that ask for more than they may have: results, memory,
// time, depth; in one instruction, in many, and from within callbacks.
var hostile = []string{
	`return select('#',unpack({},1,1e8))`,
	`local function f() return pcall(f) end return f()`,
	`return #string.gsub(string.rep('a',1e6),'a',string.rep('b',1000))`,
	`local t={} t[67108863]=1 return 1`,
	`local s=string.rep('a',8e6) for i=1,100 do s:upper() end return 1`,
	`return #{pcall(unpack,{},1,1e6)}`,
	`local v=string.rep('a',8e6) local s='' while true do s=v..'x' end`,
	`local v=string.rep('a',8e6) local t={} for i=1,1e6 do t[i]=v..i end`,
	`return #string.gsub(string.rep('a',4e4),'a','b')`,
	`local t={} for i=1,7000 do t[i]=i end for i=1,1000 do local x=select('#',unpack(t)) end return 1`,
	`local t={} for i=1,1e9 do t[i]=i end`,
	`local t={} for i=1,1e9 do t['k'..i]=i end`,
	`local t={} for i=1,1e9 do t={t} end`,
	`local t={} for i=1,40 do t={t,t} end return t`,
	`local t={} for i=1,1e9 do t[i]=function() return i end end`,
	`local t={} for i=1,1e9 do t[i]=coroutine.create(function() end) end`,
	`local t={} for i=1,1e9 do t[i]=coroutine.wrap(function() coroutine.yield() end) t[i]() end`,
	`while true do pcall(error) end`,
	`local s='x' while true do s=s..s end`,
	`return string.rep('x',1e9)`,
	`return string.rep('x',-1) .. string.rep('ab',1e8)`,
	`return string.find(string.rep('a',1e5),string.rep('a*',50)..'b')`,
	`return string.find(string.rep('a',3e5),'.-.-.-b')`,
	`return table.concat(setmetatable({},{__index=function() return 'x' end}),'',1,1e9)`,
	`local t={} for i=1,1e5 do t[i]='x' end return #table.concat(t,string.rep('y',1e5))`,
	`local t={} for i=1,3e5 do t[i]=i%7 end table.sort(t,function(a,b) return true end)`,
	`local t={} for i=1,1e6 do t[i]=1 end while true do table.sort(t) end`,
	`local t={} for i=1,2e5 do t[i]=1 end while true do table.insert(t,1,1) end`,
	`local t={} for i=1,1e5 do t[i]=1 end while true do table.remove(t,1) table.insert(t,1) end`,
	`return cjson.encode(setmetatable({},{__index=function() return 1 end}))`,
	`local t={} for i=1,20 do t={t,t,t} end return cjson.encode(t)`,
	`local t={} for i=1,20 do t={t,t,t} end return cmsgpack.pack(t)`,
	`return cjson.decode(string.rep('[',1e6))`,
	`return #cjson.decode('['..string.rep('1,',5e6)..'1]')`,
	`local s=cjson.encode(string.rep('\0',1e7)) return #s`,
	`return cmsgpack.unpack(string.rep('\221\255\255\255\255',1000))`,
	`return struct.unpack(string.rep('b',1e6),string.rep('x',1e6))`,
	`return struct.pack(string.rep('i16',1e5))`,
	`return #struct.pack('c0',string.rep('x',1e8))`,
	`return string.format(string.rep('%99d',1e5),1)`,
	`return string.format('%s',string.rep('x',6e7)) .. string.rep('y',6e7)`,
	`local f=loadstring('return '..string.rep('(',1e5)) return 1`,
	`return #tostring(loadstring(string.rep('x=1 ',1e6)))`,
	`while true do loadstring(string.rep('x=1 ',1e5)) end`,
	`local t=setmetatable({},{}) getmetatable(t).__index=t return t.x`,
	`local t=setmetatable({},{__index=function(t,k) return t[k] end}) while true do pcall(function() return t.x end) end`,
	`local t={} for i=1,1e7 do t[i*1.5]=i end`,
	`local s=string.rep('x',1e6) local t={} for i=1,1e6 do t[i]=s:sub(1,-2) end`,
	`local s=string.rep('x',1e6) local t={} for i=1,1e6 do t[i]=s:gsub('x','y',1) end`,
	`local s=string.rep('x',1e7) while true do s:reverse() end`,
	`local s=string.rep('x',1e7) while true do redis.sha1hex(s) end`,
	`local s=string.rep('x',1e7) while true do redis.pcall('echo',s,s,s) end`,
	`local t={} for i=1,7000 do t[i]=string.rep('x',1e6) end return redis.call('mset',unpack(t))`,
	`local s=string.rep('x',1e7) local t={} for i=1,7000 do t[i]=s end return redis.call('mset',unpack(t))`,
	`local s=string.rep('x',5e7) local t={} for i=1,100 do t[i]=s end return t`,
	`while true do redis.call('get','x') end`,
	`local function f() return f() end return f()`,
	`local function f() f() end while true do pcall(f) end`,
	`local function f(...) return f(1,...) end return f()`,
	`local function f(...) return select('#',...) end return f(unpack({},1,7000))`,
	`local co co=coroutine.wrap(function() return co() end) return co()`,
	`local function f() return coroutine.wrap(f)() end return f()`,
	`return xpcall(error,function(e) return error(e) end)`,
	`local function h(e) return h(e)+1 end return xpcall(error,h)`,
	`for k in pairs(setmetatable({},{__index=function() end})) do end for w in string.gmatch(string.rep('a ',1e6),'%a') do w=w..w end while true do for w in string.gmatch('aaa','') do end end`,
	`local t={} for i=1,250 do t[i]='%f[a]' end return string.find('a',table.concat(t))`,
	`local p=string.rep('(',40)..'a' return string.find('a',p)`,
	`local x=0 while true do x=x+1 end`,
	`repeat until false`,
	`for i=1,1/0 do end`,
	`for i=1,10,0 do end`,
	`return string.byte(string.rep('x',1e6),1,-1)`,
	`return string.char(unpack({},1,7999))`,
	`return tostring(setmetatable({},{__tostring=function(s) return tostring(s) end}))`,
	`return #table.concat({string.rep('a',3e7),string.rep('b',3e7),string.rep('c',3e7)})`,
	`local m={} m.__concat=function(a,b) return m.x..m.x end m.x=setmetatable({},m) return m.x..m.x`,
	`local m={} m.__eq=function(a,b) return a==b end local a,b=setmetatable({},m),setmetatable({},m) return a==b`,
	`local m={} m.__lt=function(a,b) return a<b end local a,b=setmetatable({},m),setmetatable({},m) return a<b`,
	`local m={} m.__call=function(...) return m.x(...) end m.x=setmetatable({},m) return m.x()`,
	`local t={} for i=1,1e9 do t[i]=string.format('%d',i) end`,
	`local t={} while true do t[#t+1]={} t[#t].x=t end`,
	`return bit.lshift(1,2^60) + bit.tobit(0/0)`,
	`return {math.random(2^31)}`,
}

const (
	hostileTime   = time.Second
	hostileMemory = 64 << 20
)

func TestScriptBounds(t *testing.T) {
	n := start(t)
	typist{n.dial()}.want("CONFIG SET script-max-time 1000 script-max-memory 67108864 busy-reply-threshold 0", "OK")
	// What the script lets go of is there until it is collected: with less
	// room for that, what is measured is rather what the script has.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	var longest time.Duration
	var most uint64
	for i, script := range hostile {
		c, other := typist{n.dial()}, typist{n.dial()}
		limit := hostileTime
		if i >= 20 {
			// Most go on until they are stopped; all of them at full length
			// would take a minute.
			limit = hostileTime / 5
			c.want("CONFIG SET script-max-time 200", "OK")
		}
		debug.FreeOSMemory()
		before, peak, stop := inUse(), make(chan uint64), make(chan struct{})
		go func() { peak <- highest(stop) }()
		began := time.Now()
		c.send(resp.AppendCommand(nil, "EVAL", script, "0"))
		reply := c.next()
		took := time.Since(began)
		close(stop)
		over := max(<-peak, before) - before
		longest, most = max(longest, took-limit), max(most, over)
		// A second past its time is what it may take; machines that test are
		// slow, and some test with the race detector.
		if took > limit+9*time.Second || over > 2*hostileMemory {
			t.Errorf("%s: %v, %d MiB; want at most %v and %d MiB", script, took, over>>20, limit+time.Second, 2*hostileMemory>>20)
		}
		if strings.Contains(reply, "internal error") {
			t.Errorf("%s = %s", script, reply)
		}
		other.want("PING", "PONG")
	}
	c := typist{n.dial()}
	t.Logf("%d scripts; past its time by %v at most, the largest %d MiB", len(hostile), longest, most>>20)
	c.want("SET a b", "OK")
}

func inUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// highest returns the most that was in use until stop is closed.
func highest(stop chan struct{}) uint64 {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	most := uint64(0)
	for {
		most = max(most, inUse())
		select {
		case <-stop:
			return most
		case <-tick.C:
		}
	}
}
