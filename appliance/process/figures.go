package process

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Figures are what a monitor wants to know of any process, and of one of Go. What the
// system does not tell is 0. Sizes are bytes.
type Figures struct {
	User, System      time.Duration // of processors
	Resident, Virtual int64
	Files, MostFiles  int64 // descriptors that are open, and may be

	Goroutines, Threads        int64
	Processors                 int64 // that Go runs on
	Objects, HeapObjects       int64 // bytes and number of what is in use, or not swept yet
	HeapIdle, HeapReleased     int64
	HeapUnused, Stacks, Mapped int64
	Allocated                  int64 // bytes since the start
	Mallocs, Frees             int64 // since the start
	NextCollection             int64 // at how many bytes
	Percent                    int64 // more than lives
	LastCollection             time.Time
	Collections                int64
	Pauses                     time.Duration
	// PauseQuantiles are the shortest of the last pauses, their quartiles, and the
	// longest.
	PauseQuantiles [5]time.Duration
}

// goFigures are the runtime's names, and where each goes.
var goFigures = []struct {
	name string
	at   func(*Figures) *int64
}{
	{"/sched/goroutines:goroutines", func(f *Figures) *int64 { return &f.Goroutines }},
	{"/sched/gomaxprocs:threads", func(f *Figures) *int64 { return &f.Processors }},
	{"/memory/classes/heap/objects:bytes", func(f *Figures) *int64 { return &f.Objects }},
	{"/gc/heap/objects:objects", func(f *Figures) *int64 { return &f.HeapObjects }},
	{"/memory/classes/heap/free:bytes", func(f *Figures) *int64 { return &f.HeapIdle }},
	{"/memory/classes/heap/released:bytes", func(f *Figures) *int64 { return &f.HeapReleased }},
	{"/memory/classes/heap/unused:bytes", func(f *Figures) *int64 { return &f.HeapUnused }},
	{"/memory/classes/heap/stacks:bytes", func(f *Figures) *int64 { return &f.Stacks }},
	{"/memory/classes/total:bytes", func(f *Figures) *int64 { return &f.Mapped }},
	{"/gc/heap/allocs:bytes", func(f *Figures) *int64 { return &f.Allocated }},
	{"/gc/heap/allocs:objects", func(f *Figures) *int64 { return &f.Mallocs }},
	{"/gc/heap/frees:objects", func(f *Figures) *int64 { return &f.Frees }},
	{"/gc/heap/goal:bytes", func(f *Figures) *int64 { return &f.NextCollection }},
	{"/gc/gogc:percent", func(f *Figures) *int64 { return &f.Percent }},
}

// ReadFigures returns the figures of the moment. It stops nothing.
func ReadFigures() (f Figures) {
	samples := make([]metrics.Sample, len(goFigures))
	for i, g := range goFigures {
		samples[i].Name = g.name
	}
	metrics.Read(samples)
	for i, g := range goFigures {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			*g.at(&f) = int64(samples[i].Value.Uint64())
		}
	}
	gc := debug.GCStats{PauseQuantiles: make([]time.Duration, len(f.PauseQuantiles))}
	debug.ReadGCStats(&gc)
	copy(f.PauseQuantiles[:], gc.PauseQuantiles)
	f.Collections, f.Pauses = gc.NumGC, gc.PauseTotal
	if gc.NumGC > 0 {
		f.LastCollection = gc.LastGC
	}
	f.readProcess()
	return f
}

// readProcess reads what the system knows.
func (f *Figures) readProcess() {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		f.User, f.System = time.Duration(used.Utime.Nano()), time.Duration(used.Stime.Nano())
	}
	var most syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most) == nil {
		f.MostFiles = int64(most.Cur)
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.Files = int64(len(files)) - 1 // without the one that this has opened
	}
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(text)) {
			f.readStatus(strings.Fields(line))
		}
	}
}

// readStatus reads a line such as "VmRSS: 123 kB".
func (f *Figures) readStatus(words []string) {
	if len(words) < 2 {
		return
	}
	n, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return
	}
	switch words[0] {
	case "VmRSS:":
		f.Resident = n << 10
	case "VmSize:":
		f.Virtual = n << 10
	case "Threads:":
		f.Threads = n
	}
}

// GoVersion is which Go the program was built with.
func GoVersion() string { return runtime.Version() }
