package rdb_test

// Payloads that Redis 7.0.15 has made are kept for ever and must lead to the
// values that they were made from. With -update, where there is a redis-server,
// they are made again.

import (
	"bufio"
	"encoding/base64"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"testing"

	"ledge/respd/rdb"
)

var update = flag.Bool("update", false, "have redis-server make the golden payloads again")

// room is more than any value in these tests takes.
const room = 64 << 20

const goldenPath = "testdata/redis-7.0.15.txt"

// sample is a value and how Redis is brought to keep it in some encoding.
type sample struct {
	name     string
	config   []string // a parameter and its value, for the time of making it
	encoding string   // what OBJECT ENCODING must say
	value    rdb.Value
}

func samples() []sample {
	random := noise(300)
	out := []sample{
		str("empty", "embstr", ""), str("int8", "int", "-128"), str("int16", "int", "-32768"),
		str("int32", "int", "2147483647"), str("int64", "int", "-9223372036854775808"),
		str("uint64", "embstr", "9223372036854775808"), str("zeros", "embstr", "007"),
		str("binary", "embstr", "\x00\xff\r\n"), str("noise", "raw", random),
		str("lzf", "raw", strings.Repeat("ab", 5000)), str("len14", "raw", noise(10_000)),
		plain(str("lzf-off", "raw", strings.Repeat("ab", 500))),
	}
	ints := numbers(-3, 100)
	wide := []string{"0", "127", "128", "4095", "4096", "-4096", "-4097", "32767", "32768", "-32769",
		"8388607", "8388608", "-8388609", "2147483647", "2147483648", "-2147483649",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0", "00", "", "1.5",
		"+1", " 1", strings.Repeat("s", 63), strings.Repeat("s", 64), strings.Repeat("m", 4095),
		strings.Repeat("l", 4096), random}
	out = append(out,
		list("one", nil, "x"), list("ints", nil, ints...), list("wide", nil, wide...),
		list("many", nil, numbers(0, 5000)...), list("big", nil, random, strings.Repeat(random, 40), "x"),
		list("nodes", []string{"list-max-listpack-size", "3"}, wide...),
		list("compressed", []string{"list-compress-depth", "1"}, numbers(0, 9000)...),
		set("one", "intset", "5"), set("int16", "intset", numbers(-3, 500)...),
		set("int32", "intset", "-2147483648", "1", "2147483647"),
		set("int64", "intset", "-9223372036854775808", "9223372036854775807"),
		set("past", "hashtable", numbers(0, 513)...), set("mixed", "hashtable", wide...),
		hash("one", "listpack", nil, "f", "v"), hash("empties", "listpack", nil, "", ""),
		hash("ints", "listpack", nil, numbers(0, 1024)...), hash("past", "hashtable", nil, numbers(0, 1026)...),
		hash("wide", "hashtable", nil, wide...),
		hash("table", "hashtable", []string{"hash-max-listpack-entries", "0"}, numbers(0, 10)...),
		zset("one", "listpack", nil, "m", 1), zset("ints", "listpack", nil, "a", float64(-1<<53), "b", 0, "c", 127, "d", 1e15),
		zset("fractions", "listpack", nil, "a", -1.5, "b", 1e-300, "c", 0.1, "d", math.MaxFloat64),
		zset("infinite", "listpack", nil, "", math.Inf(-1), "5", math.Inf(1)),
		zset("table", "skiplist", []string{"zset-max-listpack-entries", "0"},
			"a", math.Inf(-1), "b", math.Copysign(0, -1), "c", 0.1, "d", math.Inf(1)),
		zset("long", "skiplist", nil, strings.Repeat("m", 65), 2.5))
	return out
}

// noise returns bytes that don't compress, always the same.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func numbers(from, to int) []string {
	var out []string
	for n := from; n < to; n++ {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

func str(name, encoding, s string) sample {
	return sample{"string-" + name, nil, encoding, rdb.Value{Type: rdb.String, Str: s}}
}

// plain makes a sample without compression.
func plain(s sample) sample {
	s.config = []string{"rdbcompression", "no"}
	return s
}

func list(name string, config []string, items ...string) sample {
	return sample{"list-" + name, config, "quicklist", rdb.Value{Type: rdb.List, Items: items}}
}

func set(name, encoding string, items ...string) sample {
	return sample{"set-" + name, nil, encoding, rdb.Value{Type: rdb.Set, Items: items}}
}

func hash(name, encoding string, config []string, pairs ...string) sample {
	v := rdb.Value{Type: rdb.Hash}
	for i := 0; i < len(pairs); i += 2 {
		v.Fields = append(v.Fields, rdb.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return sample{"hash-" + name, config, encoding, v}
}

func zset(name, encoding string, config []string, pairs ...any) sample {
	v := rdb.Value{Type: rdb.ZSet}
	for i := 0; i < len(pairs); i += 2 {
		var score float64
		switch n := pairs[i+1].(type) {
		case int:
			score = float64(n)
		case float64:
			score = n
		}
		v.Scored = append(v.Scored, rdb.Scored{Member: pairs[i].(string), Score: score})
	}
	return sample{"zset-" + name, config, encoding, v}
}

func TestGolden(t *testing.T) {
	if *update {
		makeGolden(t)
	}
	golden := readGolden(t)
	for _, s := range samples() {
		payload, ok := golden[s.name]
		if !ok {
			t.Errorf("%s: no payload in %s; make it with -update", s.name, goldenPath)
			continue
		}
		got, err := rdb.Decode(payload, room)
		if err != nil {
			t.Errorf("%s: Decode: %v", s.name, err)
		} else if !equal(got, s.value) {
			t.Errorf("%s: Decode = %.300q; want %.300q", s.name, fmt.Sprint(got), fmt.Sprint(s.value))
		}
	}
}

// equal compares values; only lists have an order.
func equal(a, b rdb.Value) bool { return reflect.DeepEqual(inOrder(a), inOrder(b)) }

func inOrder(v rdb.Value) rdb.Value {
	if v.Type == rdb.Set {
		v.Items = append([]string{}, v.Items...)
		sort.Strings(v.Items)
	}
	v.Fields = append([]rdb.Field{}, v.Fields...)
	sort.Slice(v.Fields, func(i, j int) bool { return v.Fields[i].Name < v.Fields[j].Name })
	v.Scored = append([]rdb.Scored{}, v.Scored...)
	sort.Slice(v.Scored, func(i, j int) bool { return v.Scored[i].Member < v.Scored[j].Member })
	return v
}

func readGolden(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	golden := make(map[string]string)
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		name, text, _ := strings.Cut(in.Text(), " ")
		payload, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %s: %v", goldenPath, name, err)
		}
		golden[name] = string(payload)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return golden
}

func makeGolden(t *testing.T) {
	t.Helper()
	server := startRedis(t)
	var b strings.Builder
	for _, s := range samples() {
		payload := server.make(s)
		fmt.Fprintf(&b, "%s %s\n", s.name, base64.StdEncoding.EncodeToString([]byte(payload)))
	}
	if err := os.WriteFile(goldenPath, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// make has the server make the sample at key k and returns its payload.
func (r *redis) make(s sample) string {
	r.t.Helper()
	if len(s.config) > 0 {
		old := r.must("CONFIG", "GET", s.config[0]).Elems()[1].Str()
		r.must("CONFIG", "SET", s.config[0], s.config[1])
		defer r.must("CONFIG", "SET", s.config[0], old)
	}
	r.must("DEL", "k")
	r.write("k", s.value)
	if got := r.must("OBJECT", "ENCODING", "k").Str(); got != s.encoding {
		r.t.Errorf("%s: redis keeps it as %s; want %s", s.name, got, s.encoding)
	}
	return r.must("DUMP", "k").Str()
}

// write has the server make a value by commands.
func (r *redis) write(key string, v rdb.Value) {
	r.t.Helper()
	switch v.Type {
	case rdb.String:
		r.must("SET", key, v.Str)
	case rdb.List:
		r.must(append([]string{"RPUSH", key}, v.Items...)...)
	case rdb.Set:
		r.must(append([]string{"SADD", key}, v.Items...)...)
	case rdb.Hash:
		args := []string{"HSET", key}
		for _, f := range v.Fields {
			args = append(args, f.Name, f.Value)
		}
		r.must(args...)
	case rdb.ZSet:
		args := []string{"ZADD", key}
		for _, m := range v.Scored {
			args = append(args, strconv.FormatFloat(m.Score, 'g', -1, 64), m.Member)
		}
		r.must(args...)
	}
}

// sortScored puts members into the order that Append wants.
func sortScored(s []rdb.Scored) {
	sort.Slice(s, func(i, j int) bool {
		if s[i].Score != s[j].Score {
			return s[i].Score < s[j].Score
		}
		return s[i].Member < s[j].Member
	})
}
