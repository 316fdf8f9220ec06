package main

import (
	"fmt"
	"strconv"
)

// collection is a type with what is measured on it.
type collection struct {
	fill   string
	member func(i int) []string
	ops    []op
}

// op is an operation: the arguments of its i-th command on n members.
type op struct {
	name string
	args func(n, i int) []string
	// times is how many go into a round; 0 is many.
	times int
	// spoils: it makes the collection smaller or larger.
	spoils bool
	// before and after are commands, untimed, around each round.
	before, after []string
	// most is the largest collection to try it on; 0 is any.
	most int
}

// step goes through all members in an order that looks like none.
func step(n, i int) int { return int(uint64(i) * 7_368_787 % uint64(n)) }

func name(i int) string { return fmt.Sprintf("member:%09d", i) }

func fresh(i int) string { return "fresh:" + strconv.Itoa(i) }

// at is a command on a member that is there, with more arguments after it.
func at(command string, more ...string) func(n, i int) []string {
	return func(n, i int) []string { return append([]string{command, key, name(step(n, i))}, more...) }
}

// onNew is a command on a member that isn't there yet.
func onNew(command string, more ...string) func(n, i int) []string {
	return func(_, i int) []string { return append([]string{command, key, fresh(i)}, more...) }
}

// plain is a command on the key alone.
func plain(command string, more ...string) func(n, i int) []string {
	return func(int, int) []string { return append([]string{command, key}, more...) }
}

// index is a command on a place anywhere.
func index(command string, more ...string) func(n, i int) []string {
	return func(n, i int) []string {
		return append([]string{command, key, strconv.Itoa(step(n, i))}, more...)
	}
}

// ten is a command on ten places in a row, anywhere.
func ten(command string, more ...string) func(n, i int) []string {
	return func(n, i int) []string {
		from := step(n, i)
		return append([]string{command, key, strconv.Itoa(from), strconv.Itoa(from + 9)}, more...)
	}
}

// removal is a DEL of a copy.
func removal(of string) op {
	return op{name: "DEL of a " + of, args: func(int, int) []string { return []string{"DEL", "copy"} },
		times: 1, before: []string{"COPY", key, "copy", "REPLACE"}}
}

var collections = []collection{hash, list, set, zset}

var hash = collection{
	fill:   "HSET",
	member: func(i int) []string { return []string{name(i), "value"} },
	ops: []op{
		{name: "HGET", args: at("HGET")},
		{name: "HSET of a field that is there", args: at("HSET", "other")},
		{name: "HSET of a new field", args: onNew("HSET", "value"), spoils: true},
		{name: "HINCRBY of a new field", args: func(_, i int) []string { return []string{"HINCRBY", key, "n" + fresh(i), "1"} }, spoils: true},
		{name: "HLEN", args: plain("HLEN")},
		{name: "HRANDFIELD", args: plain("HRANDFIELD")},
		{name: "HRANDFIELD of 10", args: plain("HRANDFIELD", "10")},
		{name: "HSCAN", args: plain("HSCAN", "0")},
		{name: "EXPIRE of a hash", args: plain("EXPIRE", "100000")},
		{name: "HDEL", args: at("HDEL"), spoils: true},
		{name: "HGETALL", args: plain("HGETALL"), times: 1, most: 1_000_000},
		{name: "COPY of a hash", args: plain("COPY", "copy", "REPLACE"), times: 1},
		{name: "RENAME of a hash", args: plain("RENAME", "renamed"), times: 1, after: []string{"RENAME", "renamed", key}},
		removal("hash"),
	},
}

var list = collection{
	fill:   "RPUSH",
	member: func(i int) []string { return []string{name(i)} },
	ops: []op{
		{name: "LPUSH", args: onNew("LPUSH"), spoils: true},
		{name: "RPUSH", args: onNew("RPUSH"), spoils: true},
		{name: "LINDEX anywhere", args: index("LINDEX"), times: 200},
		{name: "LSET anywhere", args: index("LSET", "value"), times: 200},
		{name: "LRANGE of 10 anywhere", args: ten("LRANGE"), times: 200},
		{name: "LPOP", args: plain("LPOP"), spoils: true},
		{name: "RPOP", args: plain("RPOP"), spoils: true},
		{name: "LMOVE to itself", args: plain("LMOVE", key, "LEFT", "RIGHT")},
		{name: "LINSERT in the middle", args: func(n, i int) []string {
			return []string{"LINSERT", key, "BEFORE", name(n/2 + i), "value"}
		}, times: 3},
		{name: "LREM in the middle", args: func(n, i int) []string { return []string{"LREM", key, "1", name(n/2 + i)} }, times: 3},
		{name: "LTRIM of one", args: plain("LTRIM", "1", "-1"), spoils: true},
		removal("list"),
	},
}

var set = collection{
	fill:   "SADD",
	member: func(i int) []string { return []string{name(i)} },
	ops: []op{
		{name: "SISMEMBER", args: at("SISMEMBER")},
		{name: "SADD of a new member", args: onNew("SADD"), spoils: true},
		{name: "SADD of a member that is there", args: at("SADD")},
		{name: "SRANDMEMBER", args: plain("SRANDMEMBER")},
		{name: "SRANDMEMBER of 10", args: plain("SRANDMEMBER", "10")},
		{name: "SPOP", args: plain("SPOP"), spoils: true},
		{name: "SREM", args: at("SREM"), spoils: true},
		{name: "SSCAN", args: plain("SSCAN", "0")},
		{name: "SINTERCARD with itself", args: func(int, int) []string {
			return []string{"SINTERCARD", "2", key, key, "LIMIT", "10"}
		}},
		{name: "SUNIONSTORE", args: func(int, int) []string { return []string{"SUNIONSTORE", "copy", key} }, times: 1},
		removal("set"),
	},
}

var zset = collection{
	fill:   "ZADD",
	member: func(i int) []string { return []string{strconv.Itoa(i), name(i)} },
	ops: []op{
		{name: "ZSCORE", args: at("ZSCORE")},
		{name: "ZRANK", args: at("ZRANK")},
		{name: "ZREVRANK", args: at("ZREVRANK")},
		{name: "ZRANGE of 10 by index", args: ten("ZRANGE")},
		{name: "ZRANGE of 10 by score", args: ten("ZRANGE", "BYSCORE")},
		{name: "ZCOUNT of half", args: func(n, i int) []string {
			return []string{"ZCOUNT", key, strconv.Itoa(step(n, i) / 2), strconv.Itoa(n)}
		}},
		{name: "ZADD of a new member", args: func(n, i int) []string {
			return []string{"ZADD", key, strconv.Itoa(step(n, i)), fresh(i)}
		}, spoils: true},
		{name: "ZADD of a new score", args: func(n, i int) []string {
			return []string{"ZADD", key, strconv.Itoa(step(n, i+1)), name(step(n, i))}
		}},
		{name: "ZINCRBY", args: func(n, i int) []string { return []string{"ZINCRBY", key, "1", name(step(n, i))} }},
		{name: "ZRANDMEMBER", args: plain("ZRANDMEMBER")},
		{name: "ZPOPMIN", args: plain("ZPOPMIN"), spoils: true},
		{name: "ZPOPMAX", args: plain("ZPOPMAX"), spoils: true},
		{name: "ZREM", args: at("ZREM"), spoils: true},
		{name: "ZREMRANGEBYRANK of the first", args: plain("ZREMRANGEBYRANK", "0", "0"), spoils: true},
		{name: "ZSCAN", args: plain("ZSCAN", "0")},
		removal("sorted set"),
	},
}
