package report

import (
	"time"

	"ledge/appliance/process"
)

// process words what any process has, and any of Go, by the names that Prometheus's
// own client has for it, so that dashboards for those work.
func (e *exposition) process(f process.Figures, started time.Time) {
	e.one("counter", "process_cpu_seconds_total", "Time of processors that the process has taken.", (f.User + f.System).Seconds())
	e.one("gauge", "process_open_fds", "File descriptors that are open.", float64(f.Files))
	e.one("gauge", "process_max_fds", "File descriptors that may be open.", float64(f.MostFiles))
	e.one("gauge", "process_resident_memory_bytes", "Memory of the machine that the process has.", float64(f.Resident))
	e.one("gauge", "process_virtual_memory_bytes", "Addresses that the process has.", float64(f.Virtual))
	e.at("process_start_time_seconds", "When the node was started.", started)

	e.gauge("go_info", "Which Go the program was built with.").set(1, label{"version", process.GoVersion()})
	for _, g := range []struct {
		name, help string
		value      int64
	}{
		{"go_goroutines", "Goroutines that there are.", f.Goroutines},
		{"go_threads", "Threads of the system that there are.", f.Threads},
		{"go_sched_gomaxprocs_threads", "Processors that Go runs on.", f.Processors},
		{"go_gc_gogc_percent", "The collector's target.", f.Percent},
		{"go_memstats_alloc_bytes", "Objects in use or not swept yet.", f.Objects},
		{"go_memstats_heap_alloc_bytes", "The same.", f.Objects},
		{"go_memstats_heap_objects", "How many objects these are.", f.HeapObjects},
		{"go_memstats_heap_inuse_bytes", "Spans with objects in them.", f.Objects + f.HeapUnused},
		{"go_memstats_heap_idle_bytes", "Spans without any.", f.HeapIdle + f.HeapReleased},
		{"go_memstats_heap_released_bytes", "Of those, what the system has back.", f.HeapReleased},
		{"go_memstats_stack_inuse_bytes", "Stacks of goroutines.", f.Stacks},
		{"go_memstats_sys_bytes", "All that Go has mapped.", f.Mapped},
		{"go_memstats_next_gc_bytes", "At how many bytes the next collection begins.", f.NextCollection},
	} {
		e.one("gauge", g.name, g.help, float64(g.value))
	}
	e.one("counter", "go_memstats_alloc_bytes_total", "Bytes allocated.", float64(f.Allocated))
	e.one("counter", "go_memstats_mallocs_total", "Objects allocated.", float64(f.Mallocs))
	e.one("counter", "go_memstats_frees_total", "Objects freed.", float64(f.Frees))
	e.at("go_memstats_last_gc_time_seconds", "When the last collection ended.", f.LastCollection)
	pauses := e.begin("go_gc_duration_seconds", "summary", "How long collections have stopped the process, of the last ones.")
	for i, q := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		pauses.set(f.PauseQuantiles[i].Seconds(), label{"quantile", q})
	}
	pauses.part("_sum", f.Pauses.Seconds())
	pauses.part("_count", float64(f.Collections))
}
