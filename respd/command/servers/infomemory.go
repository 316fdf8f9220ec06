package servers

import (
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"

	"ledge/respd/command"
)

// usage is what the process takes, in bytes.
type usage struct {
	heap   uint64 // objects, dead ones that are not collected yet included
	mapped uint64 // by the runtime, less what it has given back
	rss    uint64 // in memory, by the kernel's count
	peak   uint64 // the most that rss has been
	system uint64 // of the machine; 0 if it is not known
}

// measure returns the usage at the moment. It stops nothing.
func measure() usage {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	u := usage{heap: samples[0].Value.Uint64()}
	u.mapped = samples[1].Value.Uint64() - samples[2].Value.Uint64()
	u.rss = procKiB("/proc/self/status", "VmRSS:")
	u.peak = procKiB("/proc/self/status", "VmHWM:")
	u.system = procKiB("/proc/meminfo", "MemTotal:")
	if u.rss == 0 { // no /proc
		u.rss = u.mapped
	}
	u.peak = max(u.peak, u.rss)
	return u
}

// procKiB reads a line such as "VmRSS:  123 kB", and returns bytes.
func procKiB(file, name string) uint64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == name {
			n, _ := strconv.ParseUint(words[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// ratio is a/b, 0 for nothing of nothing.
func ratio(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func infoMemory(s *command.Session) []command.InfoField {
	u := measure()
	var f fields
	f.addBytes("used_memory", u.heap)
	f.addBytes("used_memory_rss", u.rss)
	f.addBytes("used_memory_peak", u.peak)
	f.add("allocator_allocated", u.heap)
	f.add("allocator_active", u.mapped)
	f.add("allocator_resident", u.rss)
	if u.system > 0 {
		f.addBytes("total_system_memory", u.system)
	}
	most, _ := strconv.ParseUint(parameter(s, "maxmemory"), 10, 64)
	f.addBytes("maxmemory", most)
	f.addBytes("mem_clients_normal", uint64(max(0, s.Host.Stats().Held())))
	f.add("maxmemory_clients", parameter(s, "maxmemory-clients"))
	f.add("maxmemory_policy", "noeviction")
	f.add("mem_fragmentation_ratio", fmt.Sprintf("%.2f", ratio(u.rss, u.heap)))
	f.add("mem_fragmentation_bytes", int64(u.rss)-int64(u.heap))
	f.add("mem_allocator", "go")
	return f
}
