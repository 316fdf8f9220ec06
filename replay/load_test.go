package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/value"
)

// These benchmarks say how fast a node comes back and what a key costs in
// memory. Each counts whole recoveries; keys/s is the figure to look at.

const loadKeys = 1_000_000

// fillJournal appends keys SETs of 16-byte names and 100-byte values, perBatch
// in each batch, and returns the state they make. Deadlines, if asked for, are
// up to an hour apart and in no order.
func fillJournal(tb testing.TB, log *journal.Log, keys, perBatch int, deadlines bool) *replay.State {
	tb.Helper()
	s, err := replay.New(16)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	val := strings.Repeat("v", 100)
	for i := 0; i < keys; i += perBatch {
		b := journal.Batch{Epoch: 1, Prev: s.Pos().Digest}
		for j := i; j < min(i+perBatch, keys); j++ {
			op := &journal.StringSet{Key: fmt.Sprintf("key:%012d", j), Value: val}
			if deadlines {
				op.At = 1<<40 + rand.Int64N(3_600_000)
			}
			b.Entries = append(b.Entries, journal.Entry{At: time.UnixMilli(1), Ops: []journal.Op{op}})
		}
		c, err := log.Append(context.Background(), b)
		if err == nil {
			err = s.Apply(c)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

func newLog(tb testing.TB, drv journal.Driver) *journal.Log {
	tb.Helper()
	log, err := journal.NewLog(context.Background(), drv, 0x1ed6e)
	if err != nil {
		tb.Fatal(err)
	}
	return log
}

func BenchmarkReplay(b *testing.B) {
	for _, perBatch := range []int{1, 50, 1000} {
		b.Run(fmt.Sprint(perBatch), func(b *testing.B) {
			log := newLog(b, mem.New())
			fillJournal(b, log, loadKeys, perBatch, false).Close()
			recoverAll(b, b.TempDir(), log)
		})
	}
	b.Run("deadlines", func(b *testing.B) {
		log := newLog(b, mem.New())
		fillJournal(b, log, loadKeys, 50, true).Close()
		recoverAll(b, b.TempDir(), log)
	})
}

func BenchmarkLoad(b *testing.B) {
	for _, deadlines := range []bool{false, true} {
		b.Run(fmt.Sprintf("deadlines=%v", deadlines), func(b *testing.B) {
			log, dir := newLog(b, mem.New()), b.TempDir()
			s := fillJournal(b, log, loadKeys, 1000, deadlines)
			start := time.Now()
			info, err := s.Snapshot(context.Background(), dir, log)
			if err != nil {
				b.Fatal(err)
			}
			b.Logf("written in %v, %d bytes", time.Since(start), info.Bytes)
			if err := log.Truncate(context.Background(), info.Pos.Seq); err != nil {
				b.Fatal(err)
			}
			s.Close()
			recoverAll(b, dir, log)
		})
	}
}

// BenchmarkOrder says what the order of keys costs that a start leaves for later.
func BenchmarkOrder(b *testing.B) {
	log := newLog(b, mem.New())
	fillJournal(b, log, loadKeys, 1000, false).Close()
	var heap uint64
	var cpu time.Duration
	for b.Loop() {
		b.StopTimer()
		s, _, err := recovery.Recover(context.Background(), b.TempDir(), log, 16, nil)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		before, used := heapAlloc(), cpuTime()
		b.StartTimer()
		v := s.OpenView(time.UnixMilli(1))
		v.Scan(0, 1, func(string, value.Type) {})
		v.Close()
		b.StopTimer()
		cpu += cpuTime() - used
		runtime.GC()
		heap = heapAlloc() - before
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(heap)/loadKeys, "B/key")
}

// recoverAll recovers b.N times and reports the speed and the memory of a key.
func recoverAll(b *testing.B, dir string, log *journal.Log) {
	var took, cpu time.Duration
	var heap uint64
	for b.Loop() {
		runtime.GC()
		before := heapAlloc()
		start, used := time.Now(), cpuTime()
		s, _, err := recovery.Recover(context.Background(), dir, log, 16, nil)
		took, cpu = took+time.Since(start), cpu+cpuTime()-used
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		heap = heapAlloc() - before
		s.Close()
	}
	b.ReportMetric(loadKeys*float64(b.N)/took.Seconds(), "keys/s")
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(heap)/loadKeys, "B/key")
}

// cpuTime is what the process has used. On a busy machine it says more than
// the clock does.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapAlloc() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
