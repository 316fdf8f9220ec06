package replay

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

// An empty part of a block must not point behind the block: what stands there
// is another block's memory or free, and the collector stops the program over a
// pointer to what is free.
func TestEmptyParts(t *testing.T) {
	for n := range 100 {
		name := strings.Repeat("n", n)
		b := newElem(name, "")
		end := uintptr(unsafe.Pointer(b)) + uintptr(blockHead+n)
		if at := uintptr(unsafe.Pointer(unsafe.StringData(b.value()))); at == end {
			t.Errorf("the empty value of a name of %d bytes points behind its block", n)
		}
		if at := uintptr(unsafe.Pointer(unsafe.StringData(b.name()))); n == 0 && at == end {
			t.Error("the empty name points behind its block")
		}
		if b.name() != name || b.value() != "" {
			t.Errorf("block of %q holds %q and %q", name, b.name(), b.value())
		}
	}
}

// A dict does what a map does, through growth and removal, also when many keys
// share their first slot.
func TestDict(t *testing.T) {
	for _, hash := range []func(string) uint64{
		keyHash,
		func(key string) uint64 { return keyHash(key) & (0xff<<56 | 0x7) },
		func(string) uint64 { return 0 },
		func(key string) uint64 { return keyHash(key) | 0xffff_fff8 }, // the last slot, and round the end
	} {
		var d dict
		want := make(map[string]*block)
		r := rand.New(rand.NewPCG(1, 2))
		for range 20_000 {
			key := fmt.Sprint(r.IntN(500))
			if r.IntN(2) == 0 {
				b := newBlock(key, record{typ: String, val: key})
				if got := d.put(key, hash(key), b); got != want[key] {
					t.Fatalf("put(%q) = %p; want %p", key, got, want[key])
				}
				want[key] = b
			} else {
				if got := d.del(key, hash(key)); got != want[key] {
					t.Fatalf("del(%q) = %p; want %p", key, got, want[key])
				}
				delete(want, key)
			}
			if key = fmt.Sprint(r.IntN(500)); d.get(key, hash(key)) != want[key] {
				t.Fatalf("get(%q) = %p; want %p", key, d.get(key, hash(key)), want[key])
			}
			if d.n != len(want) {
				t.Fatalf("%d keys; want %d", d.n, len(want))
			}
		}
	}
}

// A block holds name and value of any length.
func TestBlock(t *testing.T) {
	for _, key := range []string{"", "k", "a longer key than that"} {
		for _, r := range []record{{typ: String}, {typ: String, val: "v"}, {typ: String, at: 77, val: "v"}} {
			b := newBlock(key, r)
			if got := parseRow(b.value()); b.name() != key || got != r {
				t.Errorf("block of %q, %+v holds %q, %+v", key, r, b.name(), got)
			}
			if c := blockOf(key, b.value()); c.name() != key || c.value() != b.value() {
				t.Errorf("blockOf(%q, %q) holds %q, %q", key, b.value(), c.name(), c.value())
			}
		}
	}
}
