package rdb_test

// Payloads of random values, exchanged with a real redis-server both ways, and
// forms that Redis 7.0 only reads: what it makes of them must be what we do.

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"ledge/respd/rdb"
)

func TestExchange(t *testing.T) {
	server := startRedis(t)
	seed := rand.Uint64()
	if s := os.Getenv("RDB_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("RDB_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, s := range samples() {
		server.exchange(s.name, s.value)
	}
	for _, n := range []int{1, 2, 127, 128, 129, 511, 512, 513, 10_000} {
		for typ := rdb.String; typ <= rdb.ZSet; typ++ {
			for kind := range kinds {
				if n == 10_000 && kind < kinds-1 {
					continue // one kind is enough to wait for
				}
				v := randomValue(rng, typ, n, kind)
				server.exchange(fmt.Sprintf("type %d of %d, kind %d", typ, n, kind), v)
			}
		}
	}
}

// exchange has the server make v by commands, reads its payload, and gives it
// ours: it must come to hold the same.
func (r *redis) exchange(name string, v rdb.Value) {
	r.t.Helper()
	r.must("FLUSHALL")
	r.write("k", v)
	dump := r.must("DUMP", "k").Str()
	got, err := rdb.Decode(dump, room)
	if err != nil || !equal(got, v) {
		r.t.Fatalf("%s: Decode = %.200q, %v; want %.200q", name, fmt.Sprint(got), err, fmt.Sprint(v))
	}
	r.must("RESTORE", "ours", "0", string(rdb.Append(nil, v)))
	digests := r.must("DEBUG", "DIGEST-VALUE", "k", "ours").Elems()
	if !digests[0].Equal(digests[1]) {
		r.t.Errorf("%s: redis has restored another value than %.200q", name, fmt.Sprint(v))
	}
	theirs, ours := r.must("OBJECT", "ENCODING", "k"), r.must("OBJECT", "ENCODING", "ours")
	if !theirs.Equal(ours) {
		r.t.Errorf("%s: redis has restored %s; want %s", name, ours, theirs)
	}
	// What it restored must stand use: it looks into packed forms only then.
	if again := r.must("DUMP", "ours").Str(); v.Type != rdb.Set && v.Type != rdb.Hash && again != dump {
		r.t.Errorf("%s: redis dumps %.100q for what was %.100q", name, again, dump)
	}
}

// kinds of elements: small numbers, numbers of any width, short text, and text
// of any bytes, now and then long.
const kinds = 4

func randomElem(rng *rand.Rand, kind int) string {
	switch kind {
	case 0:
		return strconv.Itoa(rng.IntN(30_000))
	case 1:
		return strconv.FormatInt(int64(rng.Uint64())>>rng.IntN(64), 10)
	case 2:
		return fmt.Sprintf("elem:%08x", rng.Uint32())
	}
	n := rng.IntN(100)
	if rng.IntN(500) == 0 {
		n = rng.IntN(20_000)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.IntN(256) >> (n % 8)) // some compress well
	}
	return string(b)
}

func randomScore(rng *rand.Rand) float64 {
	switch rng.IntN(5) {
	case 0:
		return float64(rng.IntN(100) - 50)
	case 1:
		return math.Inf(rng.IntN(2)*2 - 1)
	case 2:
		return rng.NormFloat64()
	}
	for {
		if f := math.Float64frombits(rng.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
}

// randomValue returns a value of about n elements.
func randomValue(rng *rand.Rand, typ rdb.Type, n, kind int) rdb.Value {
	v := rdb.Value{Type: typ}
	seen := make(map[string]bool)
	for range n {
		s := randomElem(rng, kind)
		switch {
		case typ == rdb.String:
			v.Str += s
		case typ == rdb.List:
			v.Items = append(v.Items, s)
		case seen[s]:
		case typ == rdb.Set:
			v.Items = append(v.Items, s)
		case typ == rdb.Hash:
			v.Fields = append(v.Fields, rdb.Field{Name: s, Value: randomElem(rng, kind)})
		case typ == rdb.ZSet:
			v.Scored = append(v.Scored, rdb.Scored{Member: s, Score: randomScore(rng)})
		}
		seen[s] = true
	}
	sortScored(v.Scored)
	return v
}

// Forms that Redis 7.0 reads and doesn't write.
func TestOldForms(t *testing.T) {
	server := startRedis(t)
	for _, c := range oldForms() {
		payload := rdb.Seal(c.body, 10)
		got, err := rdb.Decode(payload, room)
		if err != nil || !equal(got, c.want) {
			t.Errorf("%s: Decode = %.200q, %v; want %.200q", c.name, fmt.Sprint(got), err, fmt.Sprint(c.want))
			continue
		}
		server.must("FLUSHALL")
		server.must("RESTORE", "theirs", "0", payload)
		server.write("k", c.want)
		d := server.must("DEBUG", "DIGEST-VALUE", "k", "theirs").Elems()
		if !d[0].Equal(d[1]) {
			t.Errorf("%s: redis reads something else than %.200q", c.name, fmt.Sprint(c.want))
		}
	}
}

type form struct {
	name, body string
	want       rdb.Value
}

func oldForms() []form {
	long := strings.Repeat("long", 100)
	elems := []string{"0", "12", "13", "-1", "127", "128", "-129", "32767", "32768", "-8388608", "8388608",
		"2147483647", "-2147483649", "9223372036854775807", "", "x", long, strings.Repeat("y", 20_000), "end"}
	items := func(e ...string) rdb.Value { return rdb.Value{Type: rdb.List, Items: e} }
	return []form{
		{"list", "\x01\x04\x01a\xc0\xff\xc1\x39\x30\xc2\x00\x00\x01\x00", items("a", "-1", "12345", "65536")},
		{"list in a ziplist", "\x0a" + rdbString(ziplist(elems...)), items(elems...)},
		{"list of ziplists", "\x0e\x03" + rdbString(ziplist("a", "1")) + rdbString(ziplist()) +
			rdbString(ziplist(elems...)), items(append([]string{"a", "1"}, elems...)...)},
		{"list of both nodes", "\x12\x03\x01" + rdbString("plain") + "\x02" + rdbString(rdb.ListpackOf("a", "7")) +
			"\x01\xc0\x05", items("plain", "a", "7", "5")},
		{"hash in a zipmap", "\x09" + rdbString("\x02\x01a\x02\x03v1xxx\xfe\x90\x01\x00\x00"+long+"\x00\x00\xff"),
			hash("", "", nil, "a", "v1", long, "").value},
		{"hash in a ziplist", "\x0d" + rdbString(ziplist("a", "1", "b", long)),
			hash("", "", nil, "a", "1", "b", long).value},
		{"sorted set with text", "\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x04-1e3",
			zset("", "", nil, "a", 1.5, "b", math.Inf(1), "c", math.Inf(-1), "d", -1000).value},
		{"sorted set in a ziplist", "\x0c" + rdbString(ziplist("a", "-5", "b", "0.25", "c", "inf")),
			zset("", "", nil, "a", -5, "b", 0.25, "c", math.Inf(1)).value},
		{"string with a 32-bit length", "\x00\x80\x00\x00\x00\x01x", rdb.Value{Type: rdb.String, Str: "x"}},
		{"string with a 64-bit length", "\x00\x81\x00\x00\x00\x00\x00\x00\x00\x01x",
			rdb.Value{Type: rdb.String, Str: "x"}},
	}
}

// rdbString writes s with its length.
func rdbString(s string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0x80}, uint32(len(s)))) + s
}

// ziplist writes elements as Redis before 7.0 did.
func ziplist(elems ...string) string {
	b := make([]byte, 10)
	before, tail := 0, 10
	for _, s := range elems {
		tail = len(b)
		if before < 254 {
			b = append(b, byte(before))
		} else {
			b = binary.LittleEndian.AppendUint32(append(b, 254), uint32(before))
		}
		b = ziplistElem(b, s)
		before = len(b) - tail
	}
	b = append(b, 0xff)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], uint32(tail))
	binary.LittleEndian.PutUint16(b[8:], uint16(len(elems)))
	return string(b)
}

func ziplistElem(b []byte, s string) []byte {
	n, ok := rdb.Integer(s)
	switch {
	case ok && 0 <= n && n <= 12:
		return append(b, 0xf1+byte(n))
	case ok && n == int64(int8(n)):
		return append(b, 0xfe, byte(n))
	case ok && n == int64(int16(n)):
		return binary.LittleEndian.AppendUint16(append(b, 0xc0), uint16(n))
	case ok && -1<<23 <= n && n < 1<<23:
		return append(b, 0xf0, byte(n), byte(n>>8), byte(n>>16))
	case ok && n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(b, 0xd0), uint32(n))
	case ok:
		return binary.LittleEndian.AppendUint64(append(b, 0xe0), uint64(n))
	case len(s) < 1<<6:
		b = append(b, byte(len(s)))
	case len(s) < 1<<14:
		b = append(b, 0x40|byte(len(s)>>8), byte(len(s)))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0x80), uint32(len(s)))
	}
	return append(b, s...)
}
