package compat_test

import (
	"strings"
	"testing"
)

// Writes that leave a key as it is, or as good as: for some of them Redis has the
// key changed for whoever watches it, for others not. ledge must say the same.
func TestWatchedAndLeftAlone(t *testing.T) {
	redis, ours := dial(t, startRedis(t), 2), dial(t, startLedge(t), 2)
	fill := []string{
		"SET s abc", "SET n 5", "SET ttl x PXAT 4102444800000", "SETBIT b 7 1", "PFADD p a b", "PFADD q a",
		"RPUSH l a b c", "RPUSH one a", "HSET h f 1 g 1.5", "SADD set a b", "SADD single a", "ZADD z 1 a 2 b", "GEOADD g 1 1 a",
		"PFCOUNT p", "PFCOUNT q", "ZADD c 1 a 2 b", "SADD u a b",
	}
	for _, line := range []string{
		"SET s abc", "GETSET s abc", "APPEND s ", "SETRANGE s 0 ", "SETRANGE s 0 abc", "SETNX s abc", "SET s abc XX GET", "MSET s abc",
		"MSETNX s abc", "GETEX s", "GETEX s PERSIST", "GETEX ttl PERSIST", "GETEX ttl PXAT 4102444800000", "INCRBY n 0", "DECRBY n 0",
		"INCRBYFLOAT n 0", "SETBIT b 7 1", "SETBIT b 8 0", "BITFIELD b SET u8 0 1", "BITFIELD b INCRBY u8 0 0", "BITFIELD b GET u8 0", "BITFIELD b OVERFLOW FAIL INCRBY u8 0 255",
		"BITOP AND b b", "BITOP OR none nothing", "PFADD p a", "PFADD p", "PFMERGE p q", "PFMERGE p", "PFCOUNT p",
		"PERSIST s", "PERSIST ttl", "PEXPIREAT ttl 4102444800000", "PEXPIREAT ttl 4102444800000 GT", "PEXPIREAT s 4102444800000 XX",
		"RENAME s s", "RENAMENX s n", "COPY s n", "COPY s n REPLACE", "MOVE none 1", "DEL none", "UNLINK none", "TOUCH s", "OBJECT FREQ s", "SORT l ALPHA STORE l", "SORT none STORE none",
		"LTRIM l 0 -1", "LTRIM l -9 9", "LTRIM none 0 -1", "LSET l 0 a", "LREM l 0 x", "LINSERT l BEFORE x y", "LPUSHX none a", "LMOVE one one LEFT RIGHT",
		"RPOPLPUSH one one", "LPOP l 0", "LMPOP 1 none LEFT", "LPOP none",
		"HSET h f 1", "HSETNX h f 2", "HINCRBY h f 0", "HINCRBYFLOAT h g 0", "HDEL h x", "HMSET h f 1",
		"SADD set a", "SREM set x", "SMOVE set set a", "SMOVE set single a", "SMOVE set single x", "SPOP set 0", "SPOP none", "SUNIONSTORE set set", "SINTERSTORE none nothing", "SDIFFSTORE set set",
		"ZADD z 1 a", "ZADD z GT 0 a", "ZADD z XX 1 x", "ZADD z INCR 0 a", "ZINCRBY z 0 a", "ZREM z x", "ZREMRANGEBYRANK z 5 9", "ZREMRANGEBYSCORE z 5 9", "ZREMRANGEBYLEX z [x [y", "ZPOPMIN z 0", "ZPOPMIN none",
		"ZUNIONSTORE z 1 z", "ZRANGESTORE z z 0 -1", "ZRANGESTORE none nothing 0 -1", "GEOADD g 1 1 a", "GEOADD g XX 1 1 b", "GEOSEARCHSTORE none nothing FROMLONLAT 0 0 BYRADIUS 1 m",
		"FLUSHDB", "SWAPDB 0 0", "EVAL redis.call('get','s') 0", "PUBLISH s x",
	} {
		redis.reset(t)
		ours.reset(t)
		for _, f := range fill {
			redis.must(t, words(f)...)
			ours.must(t, words(f)...)
		}
		for _, key := range []string{"s", "n", "ttl", "b", "p", "l", "one", "h", "set", "single", "z", "g", "none"} {
			var got [2]string
			for i, p := range []*peer{redis, ours} {
				p.must(t, "WATCH", key)
				_, _ = p.do(0, words(line))
				p.must(t, "MULTI")
				got[i] = p.must(t, "EXEC").String()
			}
			if got[0] != got[1] {
				t.Errorf("WATCH %s, %s, EXEC = %s; redis %s", key, line, got[1], got[0])
			}
		}
	}
}

// words are the words of a line, which may end with an empty one.
func words(line string) []string { return strings.Split(line, " ") }
