package compat_test

import "strconv"

// Scripts run commands that the other families draw, and convert what they
// answer.
func scriptEntries() []entry {
	return []entry{
		{"eval", 5, func(g *gen) request { return g.eval("EVAL") }},
		{"eval_ro", 2, func(g *gen) request { return g.eval("EVAL_RO") }},
		ruled("eval", 4, nil, keepAll, func(g *gen) []string {
			return cat(luas[g.rnd.IntN(len(luas))], "2", g.anyKey(), g.anyKey(), g.value(), g.integer())
		}),
		ruled("eval", 1, nil, keepNothing, func(g *gen) []string {
			return []string{"return {KEYS, ARGV}", g.pick("0", "1", "2", "3", "-1", "x", ""), g.anyKey(), g.value()}
		}),
	}
}

// luas are scripts that convert between the two worlds, and some that fail. None
// raises an error after it has written: what it wrote then stays in Redis and
// goes in ledge.
var luas = []string{
	"return redis.call('SET', KEYS[1], ARGV[1])",
	"return redis.call('GET', KEYS[1])",
	"return redis.pcall('INCRBY', KEYS[1], ARGV[2])",
	"local v = redis.pcall('GET', KEYS[1]); if type(v) == 'table' then return v.err end; return v or 'none'",
	"redis.call('SET', KEYS[1], ARGV[1]); return redis.pcall('LPUSH', KEYS[1], 'x')",
	"redis.call('DEL', KEYS[1], KEYS[2]); redis.call('SET', KEYS[2], ARGV[2]); return redis.call('MGET', KEYS[1], KEYS[2])",
	"return {1, 2.9, 'x', false, 4}",
	"return {1, true, {'a', {'b'}}, nil, 5}",
	"return redis.error_reply('MY error')",
	"return redis.status_reply('fine')",
	"return {err='plain'}",
	"return {ok='plain'}",
	"return tonumber(ARGV[2])",
	"return tostring(tonumber(ARGV[2]))",
	"return redis.sha1hex(ARGV[1])",
	"return #ARGV[1] + #KEYS",
	"return redis.call('nosuch')",
	"return redis.call('GET')",
	"return redis.call()",
	"error('mine')",
	"error({err='My table'})",
	"syntax error here",
	"return undefined_global",
	"x = 1",
	"return redis.call('TYPE', KEYS[1]).ok",
	"return redis.call('EXISTS', KEYS[1], KEYS[2]) == 2",
	"return cjson.encode({ARGV[1], tonumber(ARGV[2])})",
	"return cjson.decode('[1,2.5,\"x\",null,{\"a\":[]}]')",
	"return cmsgpack.unpack(cmsgpack.pack({ARGV[1], 7, true}))",
	"return struct.pack('>I4', 7)",
	"return bit.tohex(bit.bxor(0xff, 7))",
	"local v; for i = 1, 100 do v = redis.pcall('INCR', KEYS[1]); if type(v) == 'table' then return v.err end end; return v",
	"redis.setresp(3); return redis.call('HGETALL', KEYS[1])['map'] ~= nil",
	"return string.format('%.17g %d %5s', 0.1, 3, 'x')",
	"return math.floor(-2.5) .. ' ' .. tostring(1e15) .. ' ' .. tostring(2^53)",
}

// eval wraps a command of another family. Lua's arrays end at the first nil
// and maps are flattened, which the rule for the command allows for.
func (g *gen) eval(name string) request {
	for {
		inner := g.draw()
		if inner.run != nil || inner.keep == keepAll || isFrame(inner.args[0]) || isEval(inner.args[0]) {
			continue
		}
		lua := g.pick("return redis.call(unpack(ARGV))", "return redis.pcall(unpack(ARGV))")
		n := g.rnd.IntN(3)
		return request{
			args: cat(name, lua, strconv.Itoa(n), []string{g.anyKey(), g.anyKey()}[:n], inner.args),
			same: inner.same, keep: keepAll,
		}
	}
}

func isEval(name string) bool { return len(name) >= 4 && (name[:4] == "EVAL" || name[:4] == "eval") }
