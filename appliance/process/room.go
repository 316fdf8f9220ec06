package process

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// The collector's own limit is one that it does its best for: when the process is kept
// from the processors by others, or what lives is near the limit, it lets the heap grow
// past it. So what is about to take much of a small bound asks for room first.

// roomMetrics are what the process has from the system, and the parts of it that nothing
// is in.
var roomMetrics = []string{
	"/memory/classes/total:bytes",
	"/memory/classes/heap/released:bytes",
	"/memory/classes/heap/free:bytes",
}

// roomRest is for how many times what it took a collection that found no room stands for
// another: a client that is refused again and again doesn't have the processors collect
// for ever.
const roomRest = 4

// roomCheck looks whether the process has room.
type roomCheck struct {
	mu      sync.Mutex
	sample  []metrics.Sample // mu
	collect func()
	inUse   func() int64 // called with mu held
	now     func() time.Time

	short time.Time // mu; until then no collection is made in vain
	least int64     // mu; what was in use after the last one
}

// newRoomCheck looks at this process.
func newRoomCheck() *roomCheck {
	r := &roomCheck{sample: make([]metrics.Sample, len(roomMetrics)), collect: runtime.GC, now: time.Now}
	for i, name := range roomMetrics {
		r.sample[i].Name = name
	}
	r.inUse = func() int64 {
		metrics.Read(r.sample)
		n := func(i int) int64 { return int64(r.sample[i].Value.Uint64()) }
		return n(0) - n(1) - n(2)
	}
	return r
}

// has reports whether so many bytes more stay within most. What is dead is collected
// first if it stands in the way.
func (r *roomCheck) has(bytes, most int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inUse()+bytes <= most {
		return true
	}
	began := r.now()
	if began.Before(r.short) && r.least+bytes > most {
		return false
	}
	r.collect()
	r.least = r.inUse()
	end := r.now()
	r.short = end.Add(roomRest * end.Sub(began))
	return r.least+bytes <= most
}

// Room reports whether the process may take so many bytes more within its bound. It may
// take as long as a collection. Any goroutine may call it.
func (m *Memory) Room(bytes int64) bool {
	most := m.max.Load()
	return most == 0 || m.room.has(bytes, most)
}
