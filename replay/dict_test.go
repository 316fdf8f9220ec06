package replay

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ledge/replay/value"
)

// A dict does what a map does, through growth and removal, also when many keys
// share their first slot.
func TestDict(t *testing.T) {
	for _, hash := range []func(string) uint64{
		value.Sum,
		func(key string) uint64 { return value.Sum(key) & (0xff<<56 | 0x7) },
		func(string) uint64 { return 0 },
		func(key string) uint64 { return value.Sum(key) | 0xffff_fff8 }, // the last slot, and round the end
	} {
		var d dict
		want := make(map[string]*value.Block)
		r := rand.New(rand.NewPCG(1, 2))
		for range 20_000 {
			key := fmt.Sprint(r.IntN(500))
			if r.IntN(2) == 0 {
				b := value.RecordBlock(key, value.Record{Type: value.String, Val: key})
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
		for _, r := range []value.Record{{Type: value.String}, {Type: value.String, Val: "v"}, {Type: value.String, At: 77, Val: "v"}} {
			b := value.RecordBlock(key, r)
			if got := value.ParseRow(b.Value()); b.Name() != key || got != r {
				t.Errorf("block of %q, %+v holds %q, %+v", key, r, b.Name(), got)
			}
			if c := value.NewBlock(key, b.Value()); c.Name() != key || c.Value() != b.Value() {
				t.Errorf("NewBlock(%q, %q) holds %q, %q", key, b.Value(), c.Name(), c.Value())
			}
		}
	}
}
