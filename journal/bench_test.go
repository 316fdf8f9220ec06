package journal

import (
	"fmt"
	"testing"
	"time"
)

// benchBatches are what journals mostly hold: entries of one effect each, and
// one of a large collection.
func benchBatches() map[string]Batch {
	at := time.UnixMilli(1767225600789)
	sets, mixed := Batch{Epoch: 1}, Batch{Epoch: 1}
	for i := range 1000 {
		key := fmt.Sprintf("key:%012d", i)
		set := &StringSet{Key: key, Value: "a value of some forty bytes, as many are"}
		ops := []Op{set, &KeyDelete{Key: key}, &HashSet{Key: key, Pairs: []string{"name", "Ada"}},
			&ListPush{Key: key, Items: []string{"item"}}, &ZSetAdd{Key: key, Members: []Scored{{1, "ada"}}}}
		sets.Entries = append(sets.Entries, Entry{At: at, Ops: []Op{set}})
		mixed.Entries = append(mixed.Entries, Entry{At: at, Ops: []Op{ops[i%len(ops)]}})
	}
	return map[string]Batch{"sets": sets, "mixed": mixed}
}

// BenchmarkDecode is the share of a recovery that goes into reading frames.
func BenchmarkDecode(b *testing.B) {
	for name, batch := range benchBatches() {
		f := encodeFrame(nil, testLineage, 42, batch)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := decodeFrame(f, testLineage, 42); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Entries)), "ns/effect")
		})
	}
}

// BenchmarkEncode is the share of a write that goes into its frame, with the
// look at its size before.
func BenchmarkEncode(b *testing.B) {
	for name, batch := range benchBatches() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			var sizer Sizer
			n := 0
			for range b.N {
				for _, e := range batch.Entries {
					n += EntryOverhead
					for _, op := range e.Ops {
						n += sizer.Size(op)
					}
				}
				buf = encodeFrame(buf[:0], testLineage, 42, batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Entries)), "ns/effect")
		})
	}
}
