package jet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
)

// What a start costs: checking the store, starting the broker on it and
// reading all frames. ENTRIES sets how many of 100 bytes there are.
func BenchmarkRecover(b *testing.B) {
	n := 200_000
	if s := os.Getenv("ENTRIES"); s != "" {
		fmt.Sscan(s, &n)
	}
	dir := filepath.Join(b.TempDir(), "nats")
	cfg := jet.Config{Dir: dir, Lineage: lineage, Create: true, Sync: jet.SyncOff}
	j, err := jettest.Open(b.Context(), cfg, broker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	frame := make([]byte, 100)
	for i := range n {
		if err := j.Append(b.Context(), journal.Seq(i), frame); err != nil {
			b.Fatal(err)
		}
	}
	j.Close()
	b.ResetTimer()
	var opened, read time.Duration
	for range b.N {
		t := time.Now()
		j, err := jettest.Open(b.Context(), cfg, broker.Config{})
		if err != nil {
			b.Fatal(err)
		}
		opened += time.Since(t)
		t = time.Now()
		got := 0
		for _, err := range j.Read(b.Context(), 1) {
			if err != nil {
				b.Fatal(err)
			}
			got++
		}
		read += time.Since(t)
		if got != n {
			b.Fatalf("read %d frames; want %d", got, n)
		}
		j.Close()
	}
	b.ReportMetric(float64(n*b.N)/opened.Seconds()/1e6, "open-M/s")
	b.ReportMetric(float64(n*b.N)/read.Seconds()/1e6, "read-M/s")
	b.ReportMetric(opened.Seconds()*1e3/float64(b.N), "open-ms")
	b.ReportMetric(read.Seconds()*1e3/float64(b.N), "read-ms")
}
