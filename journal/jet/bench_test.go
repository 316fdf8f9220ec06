package jet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
)

const lineage journal.Lineage = 0x1ed6e

// What an append costs, in process. The median says more than the mean: a
// disk's slow syncs are rare and very slow.
func BenchmarkAppend(b *testing.B) {
	for _, mode := range []jet.SyncMode{jet.SyncOff, jet.SyncAlways} {
		for _, size := range []int{100, 64 << 10} {
			b.Run(fmt.Sprintf("sync=%v/size=%d", mode == jet.SyncAlways, size), func(b *testing.B) {
				benchAppend(b, jet.Config{Dir: b.TempDir(), Lineage: lineage, Create: true, Sync: mode}, size)
			})
		}
	}
}

func benchAppend(b *testing.B, cfg jet.Config, size int) {
	j, err := jettest.Open(b.Context(), cfg, broker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	frame := make([]byte, size)
	took := make([]time.Duration, 0, b.N)
	b.SetBytes(int64(size))
	b.ResetTimer()
	for i := range b.N {
		t := time.Now()
		if err := j.Append(b.Context(), journal.Seq(i), frame); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
}
