package compat_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd/resp"
)

// Values of all types and sizes go from redis-server to ledge by DUMP and
// RESTORE, are copied and renamed there, and come back: redis-server must find
// them unchanged.
func TestDumpTravels(t *testing.T) {
	redis := dial(t, startRedis(t), 2)
	ours := dial(t, startLedge(t), 2)
	rng := seeded(t)
	for _, n := range []int{1, 2, 128, 129, 512, 513, 10_000} {
		for _, typ := range []string{"string", "list", "set", "zset", "hash"} {
			for elem := range elemKinds {
				redis.reset(t)
				ours.reset(t)
				name := fmt.Sprintf("%s of %d, elements %d", typ, n, elem)
				makeValue(t, redis, rng, "k", typ, n, elem)
				payload := redis.must(t, "DUMP", "k").Str()
				ours.must(t, "RESTORE", "k", "0", payload)
				sameReply(t, name, redis, ours, "TYPE", "k")
				sameReply(t, name, redis, ours, "OBJECT", "ENCODING", "k")
				ours.must(t, "COPY", "k", "copy")
				ours.must(t, "RENAME", "copy", "k")
				ours.must(t, "MOVE", "k", "1")
				ours.must(t, "SELECT", "1")
				redis.must(t, "RESTORE", "back", "0", ours.must(t, "DUMP", "k").Str())
				ours.must(t, "SELECT", "0")
				d := redis.must(t, "DEBUG", "DIGEST-VALUE", "k", "back").Elems()
				if !d[0].Equal(d[1]) {
					t.Errorf("%s: what comes back to redis is another value", name)
				}
			}
		}
	}
}

// Deadlines travel beside the value.
func TestDumpDeadline(t *testing.T) {
	redis := dial(t, startRedis(t), 2)
	ours := dial(t, startLedge(t), 2)
	at := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
	for _, typ := range []string{"string", "list", "set", "zset", "hash"} {
		redis.reset(t)
		ours.reset(t)
		makeValue(t, redis, seeded(t), "k", typ, 3, 0)
		ours.must(t, "RESTORE", "k", at, redis.must(t, "DUMP", "k").Str(), "ABSTTL")
		redis.must(t, "PEXPIREAT", "k", at)
		sameReply(t, typ, redis, ours, "PEXPIRETIME", "k")
		redis.must(t, "RESTORE", "k", "1", ours.must(t, "DUMP", "k").Str(), "ABSTTL", "REPLACE")
		ours.must(t, "RESTORE", "k", "1", ours.must(t, "DUMP", "k").Str(), "ABSTTL", "REPLACE")
		sameReply(t, typ, redis, ours, "EXISTS", "k")
	}
}

// SORT with random options over random values.
func TestSortRandom(t *testing.T) {
	redis := dial(t, startRedis(t), 3)
	ours := dial(t, startLedge(t), 3)
	rng := seeded(t)
	for range 40 {
		redis.reset(t)
		ours.reset(t)
		keys := []string{"l", "i", "s", "z"}
		n := 1 + rng.IntN(200)
		makeValue(t, redis, rng, "l", "list", n, rng.IntN(elemKinds))
		makeValue(t, redis, rng, "i", "set", n, 0)
		makeValue(t, redis, rng, "s", "set", n, 2)
		makeValue(t, redis, rng, "z", "zset", n, rng.IntN(elemKinds))
		for _, e := range redis.must(t, "SORT", "l", "ALPHA").Elems()[:n/2] {
			w := strconv.FormatFloat(rng.NormFloat64(), 'g', -1, 64) // all different
			redis.must(t, "SET", "w:"+e.Str(), w)
			ours.must(t, "SET", "w:"+e.Str(), w)
			redis.must(t, "HSET", "h:"+e.Str(), "w", w, "other", e.Str())
			keys = append(keys, "h:"+e.Str())
		}
		for _, k := range keys {
			ours.must(t, "RESTORE", k, "0", redis.must(t, "DUMP", k).Str(), "REPLACE")
		}
		for range 60 {
			args := randomSort(rng, n)
			sameReply(t, "", redis, ours, args...)
			sameReply(t, "after "+strings.Join(args, " "), redis, ours, "SORT", "dst", "BY", "nosort")
		}
	}
}

// randomSort returns a SORT whose result Redis does not leave open: what stands
// in a hash table has no order.
func randomSort(rng *rand.Rand, n int) []string {
	key := []string{"l", "i", "s", "z", "missing"}[rng.IntN(5)]
	args := []string{"SORT", key}
	add := func(one int, words ...string) {
		if rng.IntN(one) == 0 {
			args = append(args, words...)
		}
	}
	add(2, "ALPHA")
	add(3, "DESC")
	add(5, "ASC")
	whole := true
	if rng.IntN(3) == 0 {
		args = append(args, "LIMIT", strconv.Itoa(rng.IntN(n+5)-2), strconv.Itoa(rng.IntN(n+5)-2))
		whole = false
	}
	switch by := rng.IntN(6); {
	case by == 0 && key != "s":
		args = append(args, "BY", "nosort")
	case by == 1 && whole && key == "l":
		args = append(args, "BY", "w:*")
	case by == 2 && whole && key == "l":
		args = append(args, "BY", "h:*->w")
	}
	add(4, "GET", "#")
	add(4, "GET", "w:*")
	add(4, "GET", "h:*->other")
	add(8, "GET", "none:*")
	add(3, "STORE", "dst")
	return args
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("COMPAT_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("COMPAT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func (p *peer) must(t *testing.T, args ...string) resp.Value {
	t.Helper()
	v, err := p.do(0, args)
	if err != nil || v.IsError() {
		t.Fatalf("%.100q: %.200s, %v", args, v, err)
	}
	return v
}

func sameReply(t *testing.T, name string, redis, ours *peer, args ...string) {
	t.Helper()
	want, werr := redis.do(0, args)
	got, gerr := ours.do(0, args)
	if werr != nil || gerr != nil {
		t.Fatalf("%s: %q: connection: got %v; redis %v", name, args, gerr, werr)
	}
	if !got.Equal(want) {
		t.Errorf("%s: %q\n got  %.500s\n want %.500s", name, args, got, want)
	}
}

// elemKinds are small integers, integers of any size, and text of any bytes.
const elemKinds = 3

func randomElem(rng *rand.Rand, kind int) string {
	switch kind {
	case 0:
		return strconv.Itoa(rng.IntN(100_000) - 50_000)
	case 1:
		return strconv.FormatInt(int64(rng.Uint64())>>rng.IntN(64), 10)
	}
	n := rng.IntN(70)
	if rng.IntN(1000) == 0 {
		n = rng.IntN(10_000)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + rng.IntN(255)) // strcoll would end at a zero
	}
	return string(b)
}

func randomScore(rng *rand.Rand) string {
	f := rng.NormFloat64() * math.Pow(10, float64(rng.IntN(600)-300))
	switch rng.IntN(6) {
	case 0:
		f = math.Inf(rng.IntN(2)*2 - 1)
	case 1:
		f = math.Trunc(f)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// makeValue has a server make a value of about n elements.
func makeValue(t *testing.T, p *peer, rng *rand.Rand, key, typ string, n, kind int) {
	t.Helper()
	verb := map[string]string{"string": "SET", "list": "RPUSH", "set": "SADD", "zset": "ZADD", "hash": "HSET"}
	args := []string{verb[typ], key}
	if typ == "string" {
		var b strings.Builder
		for range n {
			b.WriteString(randomElem(rng, kind))
		}
		args = append(args, b.String())
		n = 0
	}
	for range n {
		switch typ {
		case "zset":
			args = append(args, randomScore(rng))
		case "hash":
			args = append(args, randomElem(rng, kind))
		}
		args = append(args, randomElem(rng, kind))
	}
	p.must(t, args...)
}
