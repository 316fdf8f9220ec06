package hashes_test

// Fields that expire. The Redis that the compat scripts talk to has no such
// thing, so these are replies of Redis 7.4 and, for HGETEX, HSETEX and HGETDEL,
// of 8.0, by their documentation and code.

import (
	"slices"
	"testing"
	"time"

	"ledge/respd/command/commandtest"
)

// Replies, and when field a expires afterwards.
func TestExpireReplies(t *testing.T) {
	for _, tt := range []struct{ line, want, pttl string }{
		{"HEXPIRE h 5 FIELDS 1 a", "[(integer) 1]", "5000"},
		{"HPEXPIRE h 5 FIELDS 1 a", "[(integer) 1]", "5"},
		{"HEXPIREAT h 1700000003 FIELDS 1 a", "[(integer) 1]", "3000"},
		{"HPEXPIREAT h 1700000000003 FIELDS 1 a", "[(integer) 1]", "3"},
		{"HEXPIRE h 5 fields 5 a t none e a",
			"[(integer) 1 (integer) 1 (integer) -2 (integer) -2 (integer) 1]", "5000"},
		{"HEXPIRE none 5 FIELDS 2 a b", "[(integer) -2 (integer) -2]", "-1"},
		{"HEXPIRE h 0 FIELDS 1 a", "[(integer) 2]", "-2"},
		{"HPEXPIREAT h 0 FIELDS 2 a a", "[(integer) 2 (integer) -2]", "-2"},
		{"HPEXPIREAT h 1700000000000 FIELDS 2 a none", "[(integer) 2 (integer) -2]", "-2"},
		{"HPEXPIREAT h 1700000000001 FIELDS 1 a", "[(integer) 1]", "1"},
		{"HEXPIRE h 5 NX FIELDS 3 a t a", "[(integer) 1 (integer) 0 (integer) 0]", "5000"},
		{"HEXPIRE h 5 XX FIELDS 2 a t", "[(integer) 0 (integer) 1]", "-1"},
		{"HEXPIRE h 500 gt FIELDS 2 a t", "[(integer) 0 (integer) 1]", "-1"},
		{"HEXPIRE h 100 GT FIELDS 1 t", "[(integer) 0]", "-1"},
		{"HEXPIRE h 100 LT FIELDS 2 t a", "[(integer) 0 (integer) 1]", "100000"},
		{"HEXPIRE h 99 LT FIELDS 2 t a", "[(integer) 1 (integer) 1]", "99000"},
		{"HEXPIRE h 0 GT FIELDS 2 t a", "[(integer) 0 (integer) 0]", "-1"},
		{"HEXPIRE h 0 NX FIELDS 2 t a", "[(integer) 0 (integer) 2]", "-2"},
		{"HPERSIST h FIELDS 5 a t none e t",
			"[(integer) -1 (integer) 1 (integer) -2 (integer) -2 (integer) -1]", "-1"},
		{"HPERSIST none FIELDS 1 a", "[(integer) -2]", "-1"},
		{"HTTL h FIELDS 4 a t none e", "[(integer) -1 (integer) 100 (integer) -2 (integer) -2]", "-1"},
		{"HPTTL h FIELDS 2 t a", "[(integer) 100000 (integer) -1]", "-1"},
		{"HEXPIRETIME h FIELDS 2 t a", "[(integer) 1700000100 (integer) -1]", "-1"},
		{"HPEXPIRETIME h FIELDS 2 t a", "[(integer) 1700000100000 (integer) -1]", "-1"},
		{"HTTL none FIELDS 2 t a", "[(integer) -2 (integer) -2]", "-1"},
		{"HGETEX h FIELDS 4 a t none e", `["1" "2" (nil) (nil)]`, "-1"},
		{"HGETEX none EX 5 FIELDS 2 a b", "[(nil) (nil)]", "-1"},
		{"HGETEX h EX 5 FIELDS 3 a none a", `["1" (nil) "1"]`, "5000"},
		{"HGETEX h PX 5 FIELDS 1 a", `["1"]`, "5"},
		{"HGETEX h exat 1700000003 FIELDS 1 a", `["1"]`, "3000"},
		{"HGETEX h PXAT 1700000000003 FIELDS 1 a", `["1"]`, "3"},
		{"HGETEX h PXAT 1 FIELDS 2 a a", `["1" (nil)]`, "-2"},
		{"HGETEX h PERSIST FIELDS 2 a a", `["1" "1"]`, "-1"},
		{"HGETDEL h FIELDS 4 a none a e", `["1" (nil) (nil) (nil)]`, "-2"},
		{"HGETDEL none FIELDS 1 a", `[(nil)]`, "-1"},
		{"HSETEX h FIELDS 1 a 5", "(integer) 1", "-1"},
		{"HSETEX h EX 5 FIELDS 2 a 1 a 2", "(integer) 1", "5000"},
		{"HSETEX h FXX PX 5 FIELDS 2 a 1 t 2", "(integer) 1", "5"},
		{"HSETEX h PX 5 FXX FIELDS 2 a 1 e 2", "(integer) 0", "-1"},
		{"HSETEX h FNX PX 5 FIELDS 2 e 1 new 2", "(integer) 1", "-1"},
		{"HSETEX h FNX PX 5 FIELDS 2 new 1 a 2", "(integer) 0", "-1"},
		{"HSETEX none FXX FIELDS 1 a 1", "(integer) 0", "-1"},
		{"HSETEX h EXAT 1 FIELDS 1 a 1", "(integer) 1", "-2"},
		{"HSETEX none EXAT 1 FIELDS 1 a 1", "(integer) 1", "-1"},
	} {
		c := open(t)
		prepare(c)
		c.Want(tt.line, tt.want)
		c.Want("HPTTL h FIELDS 1 a", "[(integer) "+tt.pttl+"]")
	}
}

// prepare makes a hash of a, which has no deadline, t, which has one in 100
// seconds, and e, which has expired and is not swept yet.
func prepare(c *commandtest.Client) {
	c.Advance(-time.Millisecond)
	c.Want("HSETEX h PX 1 FIELDS 1 e 3", "(integer) 1")
	c.Advance(time.Millisecond)
	c.Want("HSETEX h EX 100 FIELDS 1 t 2", "(integer) 1")
	c.Want("HSET h a 1", "(integer) 1")
}

// Errors that more than one command has.
const (
	arity     = "ERR wrong number of arguments for '"
	noInt     = "ERR value is not an integer or out of range"
	noFields  = "ERR Mandatory argument FIELDS is missing or not at the right position"
	mismatch  = "ERR The `numfields` parameter must match the number of arguments"
	noCount   = "ERR Number of fields must be a positive integer"
	oneTime   = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
	oneWhen   = "ERR Only one of FXX or FNX arguments can be specified"
	wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
)

// expireErrors are the errors of commands that are about fields' deadlines alone.
var expireErrors = []struct{ line, want string }{
	{"HEXPIRE h 5 FIELDS 1", arity + "hexpire' command"},
	{"HEXPIRE s x FIELDS 1 a", wrongType},
	{"HEXPIRE h x FIELDS 1 a", noInt},
	{"HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"},
	{"HPEXPIRE none -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"},
	{"HEXPIRE h 70368744178 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"},
	{"HEXPIRE h 68668744178 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"},
	{"HPEXPIRE h 68668744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpire' command"},
	{"HEXPIREAT h 9223372036854775807 FIELDS 1 a", "ERR invalid expire time in 'hexpireat' command"},
	{"HPEXPIREAT h 70368744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpireat' command"},
	{"HEXPIRE h 5 a FIELDS 1", noFields},
	{"HEXPIRE h 5 NX XX FIELDS 1 a", noFields},
	{"HEXPIRE h 5 FIELDS 1 a NX", mismatch},
	{"HEXPIRE h 5 FIELDS 0 a", "ERR Parameter `numFields` should be greater than 0"},
	{"HEXPIRE h 5 FIELDS x a", "ERR Parameter `numFields` should be greater than 0"},
	{"HEXPIRE h 5 FIELDS 2 a", mismatch},
	{"HEXPIRE h 5 NX FIELDS 1", mismatch},
	{"HEXPIRE none 5 FIELDS 1 a b", mismatch},
	{"HTTL h FIELDS 1", arity + "httl' command"},
	{"HTTL s x 1 a", wrongType},
	{"HTTL h x 1 a", noFields},
	{"HPTTL h FIELDS 0 a", noCount},
	{"HEXPIRETIME h FIELDS -1 a", noCount},
	{"HPEXPIRETIME none FIELDS 2 a", mismatch},
	{"HPERSIST s x 1 a", wrongType},
	{"HPERSIST h x 1 a", noFields},
	{"HPERSIST h FIELDS x a", noCount},
	{"HPERSIST h FIELDS 9223372036854775807 a", mismatch},
}

// valueErrors are the errors of commands that read or write values, too.
var valueErrors = []struct{ line, want string }{
	{"HGETEX s EX x FIELDS 1 a", wrongType},
	{"HGETEX h EX x FIELDS 1 a", noInt},
	{"HGETEX h EX 70368744178 FIELDS 1 a", "ERR invalid expire time in 'hgetex' command"},
	{"HGETEX h PX -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"},
	{"HGETEX h EX 5 FIELDS", arity + "hgetex' command"},
	{"HGETEX h EX 5 PERSIST FIELDS 1 a", noFields},
	{"HGETEX h KEEPTTL FIELDS 1 a", noFields},
	{"HGETEX h PERSIST FIELDS 0 a", noCount},
	{"HGETEX h FIELDS 2 a", mismatch},
	{"HGETDEL s x 1 a", wrongType},
	{"HGETDEL h a b c", noFields},
	{"HGETDEL h FIELDS 0 a", noCount},
	{"HGETDEL h FIELDS 1 a b", mismatch},
	{"HSETEX s FIELDS 1 a b", wrongType},
	{"HSETEX s FIELDS 2 a b", arity + "hsetex' command"},
	{"HSETEX h FIELDS 1 a", arity + "hsetex' command"},
	{"HSETEX h FIELDS 1 a b c", arity + "hsetex' command"},
	{"HSETEX h EX 5 FIELDS 1 a", arity + "hsetex' command"},
	{"HSETEX h FIELDS 0 a b", "ERR invalid number of fields"},
	{"HSETEX h FIELDS 2147483648 a b", "ERR invalid number of fields"},
	{"HSETEX h FIELDS x a b", "ERR invalid number of fields"},
	{"HSETEX h EX 5 KEEPTTL FIELDS 1 a b", oneTime},
	{"HSETEX h KEEPTTL EX x FIELDS 1 a b", oneTime},
	{"HSETEX h PX 5 PX 5 FIELDS 1 a b", oneTime},
	{"HSETEX h FNX FXX FIELDS 1 a b", oneWhen},
	{"HSETEX h FNX FNX FIELDS 1 a b", oneWhen},
	{"HSETEX h EX x FIELDS 1 a b", noInt},
	{"HSETEX h EXAT -5 FIELDS 1 a b", "ERR invalid expire time, must be >= 0"},
	{"HSETEX h PXAT 70368744177664 FIELDS 1 a b", "ERR invalid expire time in 'hsetex' command"},
	{"HSETEX h FNX KEEPTTL Foo FIELDS 1 a b", "ERR unknown argument: Foo"},
	{"HSETEX h FNX KEEPTTL x EX", "ERR unknown argument: x"},
	{"HSETEX h FNX EX 5 PX", oneTime},
	{"HSETEX h FXX PXAT 5 FNX", oneWhen},
}

// What is wrong is found in Redis's order: the key's type comes before the
// arguments, but for HSETEX.
func TestExpireErrors(t *testing.T) {
	c := open(t)
	prepare(c)
	c.Want("SET s x", "OK")
	before := c.Entries()
	for _, tt := range slices.Concat(expireErrors, valueErrors) {
		c.Want(tt.line, "(error) "+tt.want)
	}
	if got := c.Entries(); got != before {
		t.Errorf("errors left %d batches; want none", got-before)
	}
}

// The last deadline that a field may have is Redis's.
func TestLastDeadline(t *testing.T) {
	c := open(t)
	c.Want("HSET h a 1", "(integer) 1")
	for _, line := range []string{"HPEXPIREAT h 70368744177663 FIELDS 1 a",
		"HPEXPIRE h 68668744177663 FIELDS 1 a"} {
		c.Want("HPERSIST h FIELDS 1 a", "[(integer) -1]")
		c.Want(line, "[(integer) 1]")
		c.Want("HPEXPIRETIME h FIELDS 1 a", "[(integer) 70368744177663]")
		c.Want("HSET h a 1", "(integer) 0")
	}
}

// What sets a field anew takes its deadline away; counting and KEEPTTL keep it.
func TestDeadlineKept(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"HSET h t 1", "-1"},
		{"HMSET h a 1 t 1", "-1"},
		{"HSETNX h t 1", "100000"},
		{"HINCRBY h t 1", "100000"},
		{"HINCRBYFLOAT h t 1.5", "100000"},
		{"HSETEX h FIELDS 1 t 1", "-1"},
		{"HSETEX h KEEPTTL FIELDS 4 a 1 t 1 new 1 t 2", "100000"},
		{"HSETEX h PX 7 FIELDS 1 t 1", "7"},
		{"HGETEX h FIELDS 1 t", "100000"},
		{"HDEL h t", "-2"},
		{"RENAME h h2", "-2"},
		{"COPY h2 h REPLACE", "100000"},
	} {
		c := open(t)
		prepare(c)
		c.Line(tt.line)
		c.Want("HPTTL h FIELDS 1 t", "[(integer) "+tt.want+"]")
	}
	c := open(t)
	prepare(c)
	c.Want("HSETEX h KEEPTTL FIELDS 4 a 5 t 6 new 7 e 8", "(integer) 1")
	c.Want("HPTTL h FIELDS 4 a t new e", "[(integer) -1 (integer) 100000 (integer) -1 (integer) -1]")
	c.Want("HMGET h a t new e", `["5" "6" "7" "8"]`)
	c.Want("COPY h h2", "(integer) 1")
	c.Want("HPTTL h2 FIELDS 2 a t", "[(integer) -1 (integer) 100000]")
	c.Want("EXPIRE h 50", "(integer) 1")
	c.Want("HEXPIRE h 60 FIELDS 1 a", "[(integer) 1]")
	c.Want("TTL h", "(integer) 50")
}

// A field that has expired is not there for any command, swept or not.
func TestExpiredField(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"HGET h e", "(nil)"},
		{"HMGET h e a", `[(nil) "1"]`},
		{"HGETALL h", `{"t" "2" "a" "1"}`},
		{"HKEYS h", `["t" "a"]`},
		{"HVALS h", `["2" "1"]`},
		{"HLEN h", "(integer) 2"},
		{"HEXISTS h e", "(integer) 0"},
		{"HSTRLEN h e", "(integer) 0"},
		{"HSET h e 1", "(integer) 1"},
		{"HSETNX h e 1", "(integer) 1"},
		{"HDEL h e", "(integer) 0"},
		{"HINCRBY h e 4", "(integer) 4"},
		{"HINCRBYFLOAT h e 4.5", `"4.5"`},
		{"HSCAN h 0", `["0" ["t" "2" "a" "1"]]`},
		{"HRANDFIELD h 5", `["t" "a"]`},
	} {
		c := open(t)
		prepare(c)
		c.Want(tt.line, tt.want)
		if tt.line == "HINCRBY h e 4" {
			c.Want("HTTL h FIELDS 1 e", "[(integer) -1]")
		}
	}
	c := open(t)
	c.Want("HSETEX h PX 5 FIELDS 2 a 1 b 2", "(integer) 1")
	c.Advance(4 * time.Millisecond)
	c.Want("HGET h a", `"1"`)
	c.Want("HTTL h FIELDS 1 a", "[(integer) 1]")
	c.Advance(time.Millisecond)
	c.Want("HGET h a", "(nil)")
	c.Want("HGETALL h", "{}")
	c.Want("HRANDFIELD h", "(nil)")
	c.Want("HRANDFIELD h -3", "[]")
	c.Want("HSET h c 3", "(integer) 1")
	c.Want("HGETALL h", `{"c" "3"}`)
	c.Want("HDEL h c", "(integer) 1")
	c.Want("EXISTS h", "(integer) 0")
}
