package rdb_test

// What Decode refuses, and that refusing is cheap: a few bytes must not have it
// take much memory. FuzzDecode looks for what the tables don't think of.

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"ledge/respd/rdb"
)

func TestFooter(t *testing.T) {
	good := rdb.Append(nil, rdb.Value{Type: rdb.String, Str: "v"})
	for i := range good {
		for bit := range 8 {
			bad := append([]byte{}, good...)
			bad[i] ^= 1 << bit
			if _, err := rdb.Decode(string(bad), room); !errors.Is(err, rdb.ErrFooter) {
				t.Errorf("Decode with bit %d of byte %d flipped: %v; want %v", bit, i, err, rdb.ErrFooter)
			}
		}
		if _, err := rdb.Decode(string(good[:i]), room); !errors.Is(err, rdb.ErrFooter) {
			t.Errorf("Decode of the first %d bytes: %v; want %v", i, err, rdb.ErrFooter)
		}
	}
	for version, want := range map[uint16]error{0: nil, 1: nil, 10: nil, 12: nil, 13: rdb.ErrFooter,
		math.MaxUint16: rdb.ErrFooter} {
		if _, err := rdb.Decode(rdb.Seal("\x00\x01v", version), room); err != want {
			t.Errorf("Decode of version %d: %v; want %v", version, err, want)
		}
	}
}

// packed is a listpack that tells the wrong number of elements, or whose byte
// at i is wrong.
func packed(i int, b byte, elems ...string) string {
	s := []byte(rdb.ListpackOf(elems...))
	s[i] = b
	return rdbString(string(s))
}

// nan is a score that is no number, in eight bytes.
var nan = string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN())))

// malformed has values of which each is wrong in one way, without the footer.
var malformed = map[string]string{
	"nothing":               "",
	"no value":              "\x00",
	"unknown type":          "\x08\x01v",
	"module":                "\x06\x01v",
	"module 2":              "\x07\x81\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	"stream":                "\x0f\x00\x00\x00\x00\x00",
	"stream 2":              "\x13\x00\x00\x00\x00\x00",
	"stream 3":              "\x15\x00\x00\x00\x00\x00",
	"more behind":           "\x00\x01vw",
	"cut string":            "\x00\x05v",
	"cut length":            "\x00\x80\x00",
	"unknown length":        "\x00\x82\x00\x00\x00\x01v",
	"unknown encoding":      "\x00\xc4v",
	"cut number":            "\x00\xc2\x00",
	"length 1<<64-1":        "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffv",
	"number as a length":    "\x01\xc0\x01\x01a",
	"lzf of nothing":        "\x00\xc3\x00\x00",
	"lzf too short":         "\x00\xc3\x02\x03\x00a",
	"lzf too long":          "\x00\xc3\x03\x01\x01ab",
	"lzf literals cut":      "\x00\xc3\x02\x05\x04a",
	"lzf reference cut":     "\x00\xc3\x03\x05\x00a\x20",
	"lzf long cut":          "\x00\xc3\x03\x20\x00a\xe0",
	"lzf before its start":  "\x00\xc3\x04\x04\x00a\x20\x01",
	"lzf of false length":   "\x00\xc3\x04\x81\x00\x00\x00\x7f\xff\xff\xff\xff\x00a\x20\x00",
	"list of none":          "\x01\x00",
	"list cut":              "\x01\x02\x01a",
	"list of 1<<62":         "\x01\x81\x40\x00\x00\x00\x00\x00\x00\x00\x01a",
	"quicklist of none":     "\x12\x00",
	"quicklist of empty":    "\x12\x01\x02" + rdbString(rdb.ListpackOf()),
	"unknown node":          "\x12\x01\x03\x01a",
	"set of none":           "\x02\x00",
	"set with one twice":    "\x02\x02\x01a\x01a",
	"hash with one twice":   "\x04\x02\x01a\x01b\x01a\x01c",
	"zset with one twice":   "\x05\x02\x01a" + strings.Repeat("\x00", 8) + "\x01a" + strings.Repeat("\x00", 8),
	"zset with nan":         "\x05\x01\x01a" + nan,
	"zset with nan as 253":  "\x03\x01\x01a\xfd",
	"zset with nan as text": "\x03\x01\x01a\x03nan",
	"zset with no number":   "\x03\x01\x01a\x031_0",
	"zset cut":              "\x05\x01\x01a\x00",
	"zset packed, no score": "\x11" + rdbString(rdb.ListpackOf("a", "x")),
	"zset packed, odd":      "\x11" + rdbString(rdb.ListpackOf("a", "1", "b")),
	"hash packed, odd":      "\x10" + rdbString(rdb.ListpackOf("a", "1", "b")),
	"hash packed, empty":    "\x10" + rdbString(rdb.ListpackOf()),
	"listpack of no bytes":  "\x10\x00",
	"listpack header only":  "\x10" + rdbString("\x06\x00\x00\x00\x00\x00"),
	"listpack length":       "\x10" + packed(0, 99, "a", "b"),
	"listpack count":        "\x10" + packed(4, 3, "a", "b"),
	"listpack end early":    "\x10" + packed(6, 0xff, "a", "b"),
	"listpack no end":       "\x10" + packed(12, 0, "a", "b"),
	"listpack back":         "\x10" + packed(8, 3, "a", "b"),
	"listpack element":      "\x10" + packed(6, 0xf5, "a", "b"),
	"listpack string":       "\x10" + packed(6, 0x84, "a", "b"),
	"ziplist before":        "\x0d" + rdbString(strings.Replace(ziplist("a", "b"), "\x03", "\x04", 1)),
	"ziplist element":       "\x0d" + rdbString(strings.Replace(ziplist("0", "b"), "\xf1", "\xff", 1)),
	"intset width":          "\x0b\x0a\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00",
	"intset count":          "\x0b\x0a\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00",
	"intset count 1<<31":    "\x0b\x0a\x02\x00\x00\x00\x00\x00\x00\x80\x01\x00",
	"intset order":          "\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00",
	"intset of none":        "\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00",
	"intset cut":            "\x0b\x03\x02\x00\x00",
	"zipmap no end":         "\x09\x05\x01\x01a\x01\x00",
	"zipmap cut":            "\x09\x04\x01\x01a\x05",
	"zipmap of none":        "\x09\x02\x00\xff",
	"field deadline":        "\x18" + strings.Repeat("\xff", 8) + "\x01\x05\x01a\x01b",
	"field no deadline":     "\x17" + rdbString(rdb.ListpackOf("a", "b", "c")),
	"field odd":             "\x19" + strings.Repeat("\x00", 8) + rdbString(rdb.ListpackOf("a", "b")),
}

// A value that is malformed is refused, whatever is wrong with it.
func TestRefused(t *testing.T) {
	for name, body := range malformed {
		if v, err := rdb.Decode(rdb.Seal(body, 10), room); !errors.Is(err, rdb.ErrFormat) {
			t.Errorf("%s: Decode = %v, %v; want %v", name, v, err, rdb.ErrFormat)
		}
	}
}

// Deadlines of fields, as Redis 7.4 writes them.
func TestFieldDeadlines(t *testing.T) {
	const first = 1_700_000_000_000
	want := rdb.Value{Type: rdb.Hash, Fields: []rdb.Field{
		{Name: "a", Value: "1", At: first}, {Name: "b", Value: "2"}, {Name: "c", Value: "3", At: first + 100}}}
	base := string(binary.LittleEndian.AppendUint64(nil, first))
	early := string(binary.BigEndian.AppendUint64([]byte{0x81}, first)) + "\x01a\x011" + "\x00\x01b\x012" +
		string(binary.BigEndian.AppendUint64([]byte{0x81}, first+100)) + "\x01c\x013"
	blob := rdbString(rdb.ListpackOf("a", "1", "1700000000000", "b", "2", "0", "c", "3", "1700000000100"))
	for name, payload := range map[string]string{
		"written out": rdb.Seal("\x18"+base+"\x03\x01\x01a\x011\x00\x01b\x012\x40\x65\x01c\x013", 12),
		"early":       rdb.Seal("\x16\x03"+early, 12),
		"packed":      rdb.Seal("\x19"+base+blob, 12),
		"early pack":  rdb.Seal("\x17"+blob, 12),
		"ours":        string(rdb.Append(nil, want)),
	} {
		if got, err := rdb.Decode(payload, room); err != nil || !equal(got, want) {
			t.Errorf("%s: Decode = %v, %v; want %v", name, got, err, want)
		}
	}
	if ours := rdb.Append(nil, want); ours[len(ours)-10] != 12 {
		t.Errorf("version %d with deadlines; want 12", ours[len(ours)-10])
	}
}

// Set in a listpack, of Redis 7.2.
func TestSetListpack(t *testing.T) {
	want := rdb.Value{Type: rdb.Set, Items: []string{"a", "-1", ""}}
	got, err := rdb.Decode(rdb.Seal("\x14"+rdbString(rdb.ListpackOf("a", "-1", "")), 11), room)
	if err != nil || !equal(got, want) {
		t.Errorf("Decode = %v, %v; want %v", got, err, want)
	}
}

// What is refused for its size must have been found out before much was taken.
func TestBounded(t *testing.T) {
	zeros := strings.Repeat("\x00", 1<<20)
	list := rdb.Value{Type: rdb.List}
	for range 100_000 {
		list.Items = append(list.Items, "1")
	}
	for name, payload := range map[string]string{
		"compressed": string(rdb.Append(nil, rdb.Value{Type: rdb.String, Str: zeros})),
		"list":       string(rdb.Append(nil, list)),
		"strings":    rdb.Seal("\x02\x80\x00\x01\x86\xa0"+zeros[:100_000], 10),
		"false lzf":  rdb.Seal("\x00\xc3\x43\xe8\x80\x00\x01\x57\xc0"+zeros[:1000], 10),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := rdb.Decode(payload, 64<<10)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, rdb.ErrTooLarge) {
			t.Errorf("%s: Decode with little room: %v; want %v", name, err, rdb.ErrTooLarge)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 512<<10 {
			t.Errorf("%s: Decode has taken %d bytes; want few", name, took)
		}
	}
	if _, err := rdb.Decode(string(rdb.Append(nil, list)), 100_000*64); err != nil {
		t.Errorf("Decode with enough room: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range oldForms() {
		f.Add(c.body)
	}
	for _, s := range samples() {
		if p := rdb.Append(nil, s.value); len(p) < 2000 {
			f.Add(string(p[:len(p)-10]))
		}
	}
	f.Add("\x17" + rdbString(rdb.ListpackOf("a", "b", "1700000000000")))
	f.Add("\x18\x01\x02\x03\x04\x05\x00\x00\x00\x01\x05\x01a\x01b")
	f.Fuzz(func(t *testing.T, body string) {
		const room = 1 << 20
		v, err := rdb.Decode(rdb.Seal(body, 12), room)
		if err != nil {
			if !errors.Is(err, rdb.ErrFormat) && !errors.Is(err, rdb.ErrTooLarge) {
				t.Fatalf("Decode: %v", err)
			}
			return
		}
		sortScored(v.Scored)
		again, err := rdb.Decode(string(rdb.Append(nil, v)), 100*room)
		if err != nil || !equal(again, v) {
			t.Fatalf("Decode of what was encoded again = %.300v, %v; want %.300v", again, err, v)
		}
	})
}
