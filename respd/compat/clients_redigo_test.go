package compat_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

func TestRedigo(t *testing.T) {
	with := func(run func(*testing.T, redigoDo, redis.Conn)) func(*testing.T, string) {
		return func(t *testing.T, addr string) {
			c, err := redis.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			run(t, func(name string, args ...any) func(any) {
				v, err := c.Do(name, args...)
				return func(want any) {
					t.Helper()
					expect(t, name, redigoText(v), err, want)
				}
			}, c)
		}
	}
	converse(t, []conversation{
		{"strings", with(redigoStrings)},
		{"keys", with(redigoKeys)},
		{"transactions", with(redigoTransactions)},
		{"hashes", with(redigoHashes)},
		{"lists", with(redigoLists)},
		{"sets", with(redigoSets)},
		{"zsets", with(redigoZsets)},
		{"bits", with(redigoBits)},
		{"scripts", with(redigoScripts)},
		{"blocking", redigoBlocking},
		{"pubsub", redigoPubSub},
	})
}

// redigoDo sends a command and takes what the reply must be, in print.
type redigoDo func(name string, args ...any) func(want any)

// redigoText makes a reply readable: redigo leaves strings as bytes.
func redigoText(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = redigoText(v[i])
		}
		return out
	}
	return v
}

func redigoStrings(t *testing.T, do redigoDo, c redis.Conn) {
	if _, err := redis.String(c.Do("GET", "none")); !errors.Is(err, redis.ErrNil) {
		t.Errorf("GET of no key: %v; want ErrNil", err)
	}
	do("SET", "k", []byte("v\x00\xff"), "EX", 1000)("OK")
	do("GET", "k")("v\x00\xff")
	do("SET", "k", "w", "NX")(nil)
	do("GETSET", "k", 41)("v\x00\xff")
	do("INCR", "k")(42)
	do("INCRBYFLOAT", "k", 0.5)("42.5")
	do("MSET", redis.Args{}.AddFlat(map[string]int{"a": 1})...)("OK")
	do("MGET", "a", "none")("[1 <nil>]")
	do("APPEND", "a", "xyz")(4)
	do("GETRANGE", "a", -3, -2)("xy")
	f, err := redis.Float64(c.Do("GET", "k"))
	expect(t, "Float64", f, err, 42.5)
	_, err = c.Do("INCR", "a")
	expectError(t, "INCR", err, "not an integer")
}

func redigoKeys(t *testing.T, do redigoDo, c redis.Conn) {
	for i := range 100 { // a pipeline
		if err := c.Send("SET", fmt.Sprint("key", i), i); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Do("")
	expect(t, "a pipeline", "", err, "")
	var keys []string
	for cursor := 0; ; {
		v, err := redis.Values(c.Do("SCAN", cursor, "COUNT", 7))
		if err != nil {
			t.Fatal(err)
		}
		var some []string
		if _, err := redis.Scan(v, &cursor, &some); err != nil {
			t.Fatal(err)
		}
		if keys = append(keys, some...); cursor == 0 {
			break
		}
	}
	slices.Sort(keys)
	expect(t, "SCAN", len(slices.Compact(keys)), nil, 100)
	do("DEL", "key1", "key2", "key2")(2)
	do("EXISTS", "key1", "key3")(1)
	do("PEXPIRE", "key3", 1_000_000)(1)
	do("PERSIST", "key3")(1)
	do("TTL", "key3")(-1)
	do("TYPE", "key3")("string")
	do("RENAME", "key3", "moved")("OK")
	do("MOVE", "moved", 1)(1)
	do("SELECT", 1)("OK")
	do("GET", "moved")("3")
	do("SWAPDB", 0, 1)("OK")
	do("DBSIZE")(97)
	do("FLUSHALL")("OK")
}

func redigoTransactions(t *testing.T, do redigoDo, c redis.Conn) {
	do("MULTI")("OK")
	do("SET", "k", 1)("QUEUED")
	do("INCR", "k")("QUEUED")
	do("GET", "k")("QUEUED")
	do("EXEC")("[OK 2 2]")
	do("WATCH", "k")("OK")
	do("SET", "k", 5)("OK")
	do("MULTI")("OK")
	do("SET", "k", 6)("QUEUED")
	do("EXEC")(nil)
	do("MULTI")("OK")
	_, err := c.Do("GET")
	expectError(t, "GET", err, "wrong number of arguments")
	_, err = c.Do("EXEC")
	expectError(t, "EXEC", err, "EXECABORT")
	do("GET", "k")("5")
	do("MULTI")("OK")
	do("DISCARD")("OK")
}

func redigoHashes(t *testing.T, do redigoDo, c redis.Conn) {
	type row struct {
		Name string `redis:"name"`
		Age  int    `redis:"age"`
	}
	do("HSET", redis.Args{"h"}.AddFlat(row{"a", 7})...)(2)
	v, err := redis.Values(c.Do("HGETALL", "h"))
	if err != nil {
		t.Fatal(err)
	}
	var got row
	err = redis.ScanStruct(v, &got)
	expect(t, "ScanStruct", got, err, "{a 7}")
	do("HINCRBY", "h", "age", 1)(8)
	do("HMGET", "h", "age", "none")("[8 <nil>]")
	do("HDEL", "h", "age")(1)
	do("HRANDFIELD", "h", -2, "WITHVALUES")("[name a name a]")
	do("HSCAN", "h", 0)("[0 [name a]]")
}

func redigoLists(_ *testing.T, do redigoDo, _ redis.Conn) {
	do("RPUSH", "l", "a", "b", "c")(3)
	do("LPOS", "l", "b")(1)
	do("LMOVE", "l", "m", "LEFT", "LEFT")("a")
	do("LRANGE", "l", 0, -1)("[b c]")
	do("LMPOP", 2, "none", "l", "RIGHT", "COUNT", 9)("[l [c b]]")
	do("LPOP", "l")(nil)
	do("LPOP", "m", 3)("[a]")
}

func redigoSets(t *testing.T, do redigoDo, c redis.Conn) {
	do("SADD", "s", "a", "b")(2)
	do("SADD", "u", "b", "c")(2)
	all, err := redis.Strings(c.Do("SUNION", "s", "u"))
	slices.Sort(all)
	expect(t, "SUNION", all, err, "[a b c]")
	do("SINTER", "s", "u")("[b]")
	do("SDIFFSTORE", "d", "s", "u")(1)
	do("SMISMEMBER", "s", "a", "x")("[1 0]")
	do("SPOP", "d")("a")
	do("EXISTS", "d")(0)
}

func redigoZsets(_ *testing.T, do redigoDo, _ redis.Conn) {
	do("ZADD", "z", 1, "a", 2.5, "b", "+inf", "c")(3)
	do("ZADD", "z", "XX", "INCR", 2, "a")("3")
	do("ZRANGE", "z", 0, -1, "WITHSCORES")("[b 2.5 a 3 c inf]")
	do("ZRANGE", "z", "(3", "-inf", "BYSCORE", "REV", "LIMIT", 0, 1)("[b]")
	do("ZRANK", "z", "c")(2)
	do("ZUNIONSTORE", "zu", 2, "z", "z", "WEIGHTS", 1, 2, "AGGREGATE", "MAX")(3)
	do("ZPOPMIN", "zu")("[b 5]")
	do("ZSCORE", "z", "none")(nil)
}

func redigoBits(_ *testing.T, do redigoDo, _ redis.Conn) {
	do("SETBIT", "b", 7, 1)(0)
	do("BITCOUNT", "b")(1)
	do("BITFIELD", "b", "INCRBY", "u4", 4, 20, "GET", "u8", 0)("[5 5]")
	do("PFADD", "p", "a", "b")(1)
	do("PFCOUNT", "p")(2)
	do("GEOADD", "g", 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")(2)
	do("GEODIST", "g", "Palermo", "Catania")("166274.1516")
	do("GEOSEARCH", "g", "FROMLONLAT", 15, 37, "BYRADIUS", 100, "km", "WITHDIST")("[[Catania 56.4413]]")
}

func redigoScripts(t *testing.T, _ redigoDo, c redis.Conn) {
	s := redis.NewScript(1, `return {KEYS[1], ARGV[1], redis.call("INCR", KEYS[1])}`)
	for i := range 2 { // by digest, and by text when that isn't known
		v, err := s.Do(c, "n", "x")
		expect(t, "Do", redigoText(v), err, fmt.Sprintf("[n x %d]", i+1))
	}
	expect(t, "Load", "", s.Load(c), "")
}

func redigoBlocking(t *testing.T, addr string) {
	c, err := redis.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	type outcome struct {
		v   any
		err error
	}
	got := make(chan outcome, 1)
	go func() {
		v, err := c.Do("BLPOP", "q", 10)
		got <- outcome{redigoText(v), err}
	}()
	awaitBlocked(t, addr)
	other, err := redis.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Do("LPUSH", "q", "a", "b"); err != nil {
		t.Error(err)
	}
	o := <-got
	expect(t, "BLPOP", o.v, o.err, "[q b]")
	v, err := c.Do("BLPOP", "none", "0.01")
	expect(t, "BLPOP of nothing", v, err, nil)
}

func redigoPubSub(t *testing.T, addr string) {
	c, err := redis.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	other, err := redis.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	sub := redis.PubSubConn{Conn: c}
	defer sub.Close()
	if err := errors.Join(sub.Subscribe("news"), sub.PSubscribe("n?ws")); err != nil {
		t.Fatal(err)
	}
	next := func(want string) {
		t.Helper()
		switch v := sub.ReceiveWithTimeout(10 * time.Second).(type) {
		case error:
			t.Errorf("Receive: %v; want %s", v, want)
		default:
			expect(t, "Receive", fmt.Sprintf("%+v", v), nil, want)
		}
	}
	next("{Kind:subscribe Channel:news Count:1}")
	next("{Kind:psubscribe Channel:n?ws Count:2}")
	n, err := other.Do("PUBLISH", "news", "hi")
	expect(t, "PUBLISH", n, err, 2)
	next("{Channel:news Pattern: Data:[104 105]}")
	next("{Channel:news Pattern:n?ws Data:[104 105]}")
	if err := sub.Ping("x"); err != nil {
		t.Error(err)
	}
	next("{Data:x}")
	if err := sub.Unsubscribe(); err != nil {
		t.Error(err)
	}
	next("{Kind:unsubscribe Channel:news Count:1}")
}
