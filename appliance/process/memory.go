package process

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// Go's collector lets the heap grow by a share of what lives in it, by default
// to the double. For a process that is mostly data that is too much memory, and
// for one that is nearly empty too little room. So the share is chosen anew as
// the data grows: enough for memoryRoom bytes or memoryShare of the live heap,
// whichever is more, and a multiple of that under load: see slack.
//
// With --max-memory M the collector's own limit is a little below M, and
// commands that need memory are refused when the process has taken M, or when
// what lives in the heap is past memoryLive of M. The second keeps the
// collector from running without end just under its limit.
const (
	memoryRoom  = 64 << 20
	memoryShare = 0.30
	memoryLimit = 0.96
	memoryLive  = 0.80
	memoryTick  = 100 * time.Millisecond
	memoryQuiet = time.Second
)

// Memory watches what the process takes and sets the collector's target. It
// changes process-wide settings, so there is one in a process; NewMemory's
// caller gives them back with Close.
type Memory struct {
	max     atomic.Int64 // 0 is no bound
	without Without
	over    atomic.Bool  // commands that need memory are refused
	percent atomic.Int64 // the collector's target

	limits limits
	room   *roomCheck

	sample []metrics.Sample // belongs to Watch, as all below
	slack  slack
	rest   rest
	doze   doze
	dirty  bool      // the state has changed since memory was given back
	quiet  time.Time // since when it has not changed

	oldPercent int
	oldLimit   int64
}

// The figures that are read; the order is readUsage's.
var memoryMetrics = []string{
	"/memory/classes/total:bytes",
	"/memory/classes/heap/released:bytes",
	"/gc/heap/live:bytes",
	"/gc/cycles/total:gc-cycles",
	"/gc/heap/allocs:bytes",
	"/cpu/classes/gc/total:cpu-seconds",
}

// Usage is what the process takes.
type Usage struct {
	Taken int64 // bytes from the system, without what was given back
	Live  int64 // bytes found alive by the last collection

	cycles int64         // collections so far
	allocs int64         // bytes allocated so far
	spent  time.Duration // by collections, on all processors
}

// ReadUsage returns what the process takes.
func ReadUsage() Usage { return readUsage(newSamples()) }

// NewMemory begins with the collector as it is by default. A limit of 0 is none.
func NewMemory(limit int64, without Without) *Memory {
	m := &Memory{without: without, sample: newSamples(), room: newRoomCheck(), dirty: true}
	m.doze.sleep, m.doze.wake = m.sleep, m.wake
	m.rest.collect, m.rest.giveBack = runtime.GC, func() { debug.FreeOSMemory(); letProgramGo() }
	m.oldPercent = m.setPercent(100)
	m.oldLimit = debug.SetMemoryLimit(-1)
	m.limits = limits{usual: m.oldLimit, dozing: math.MaxInt64, script: math.MaxInt64}
	m.SetLimit(limit)
	return m
}

// SetLimit changes how much the process may take; 0 is no bound.
func (m *Memory) SetLimit(limit int64) {
	m.max.Store(limit)
	usual := m.oldLimit
	if limit > 0 {
		usual = int64(float64(limit) * memoryLimit)
	}
	m.limits.set(func(l *limits) { l.usual = usual })
	m.over.Store(m.full(ReadUsage()))
}

// Over reports whether commands that need memory are to be refused.
func (m *Memory) Over() bool { return m.over.Load() }

// Percent returns the collector's target.
func (m *Memory) Percent() int64 { return m.percent.Load() }

// Recovery allocates much, and little of it dies: with room for loadPercent the
// collector runs half as often, and a million keys come back in 1.3 s in place
// of 1.6. At its height the process then takes about five times what it reads,
// so it is given that room only where there is loadRoom times as much.
const (
	loadPercent = 400
	loadRoom    = 8
)

// Loading prepares the collector for reading so many bytes of journal and
// snapshot.
func (m *Memory) Loading(bytes, available int64) {
	if bytes <= available/loadRoom {
		m.setPercent(loadPercent)
	}
}

// Hurry gives the collector the room of a recovery until done is called, in a program
// that serves nobody and reads so many bytes of a backup, if there is as much memory.
func Hurry(bytes int64) (done func()) {
	room := Available()
	if limit, _ := GroupLimit(); limit > 0 {
		room = min(room, limit)
	}
	return hurry(bytes, room)
}

// hurry is Hurry where there is so much memory.
func hurry(bytes, room int64) (done func()) {
	if bytes > room/loadRoom {
		return func() {}
	}
	old := debug.SetGCPercent(loadPercent)
	return func() { debug.SetGCPercent(old) }
}

// A script may allocate faster than the collector keeps up with at its leisure: one that
// may keep 64 MiB took 250 from the system. So while a script allocates much, the
// process as a whole is held to what it had, what the script may keep, and
// growRoom, or half of the collector's usual room if that is more.
const growRoom = 16 << 20

// Growing holds the process to what it has taken and so many bytes more, until
// done is called. One script at a time may ask for it.
func (m *Memory) Growing(bytes int64) (done func()) {
	u := ReadUsage()
	bound := u.Taken + bytes + max(growRoom, room(u.Live, m.max.Load())/2)
	if bound < 0 { // what a script may keep is no bound
		return func() {}
	}
	m.limits.set(func(l *limits) { l.script = bound })
	return func() { m.limits.set(func(l *limits) { l.script = math.MaxInt64 }) }
}

// limits are the bounds that the collector is held to; the least of them counts.
type limits struct {
	mu                    sync.Mutex
	usual, dozing, script int64 // mu
	now                   int64 // mu; 0 is the one from before
}

// set changes them.
func (l *limits) set(change func(*limits)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
	if least := min(l.usual, l.dozing, l.script); least != l.now {
		l.now = least
		debug.SetMemoryLimit(least)
	}
}

// setPercent sets the collector's target and returns what it was.
func (m *Memory) setPercent(n int) (old int) {
	m.percent.Store(int64(n))
	return debug.SetGCPercent(n)
}

func newSamples() []metrics.Sample {
	s := make([]metrics.Sample, len(memoryMetrics))
	for i, name := range memoryMetrics {
		s[i].Name = name
	}
	return s
}

func readUsage(s []metrics.Sample) Usage {
	metrics.Read(s)
	n := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	spent := time.Duration(s[5].Value.Float64() * float64(time.Second))
	return Usage{Taken: n(0) - n(1), Live: n(2), cycles: n(3), allocs: n(4), spent: spent}
}

// Change is what Watch hears of the state.
type Change struct {
	Changed bool // since it was asked last
	Keys    int  // that there are
}

// Watch keeps the target and the bound up to date until ctx ends. Only when the
// state has changed since change was called last is a collection worth it that
// looks whether there is room again.
func (m *Memory) Watch(ctx context.Context, change func() Change) {
	tick := time.NewTicker(memoryTick)
	defer tick.Stop()
	read := func() Usage { return readUsage(m.sample) }
	for {
		m.look(time.Now(), change(), read)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look is one turn of Watch.
func (m *Memory) look(now time.Time, c Change, read func() Usage) {
	if c.Changed || m.quiet.IsZero() {
		m.dirty, m.quiet = true, now
	}
	u := read()
	if !m.without[Slack] {
		m.slack.look(u, now, room(u.Live, m.max.Load()), Available)
	}
	quiet := now.Sub(m.quiet) >= memoryQuiet
	if quiet {
		m.slack.rest()
	}
	full, collect := m.full(u), m.rest.giveBack
	if m.without[GiveBack] || !quiet {
		collect = m.rest.collect
	}
	worth := quiet && m.rest.due(u, now, room(u.Live, m.max.Load()), c.Keys)
	if m.dirty && (worth || full && m.rest.hasRested(now, fullTimes, fullMost)) {
		m.rest.run(collect, now, read, c.Keys)
		m.dirty = m.dirty && !quiet
		u = read()
	}
	if !m.without[Doze] {
		m.doze.look(u, quiet, room(u.Live, m.max.Load()))
	}
	if !m.doze.asleep {
		m.tune(u)
	}
	m.over.Store(m.full(u))
}

// sleep has no collection before the process has taken so much.
func (m *Memory) sleep(most int64) {
	m.limits.set(func(l *limits) { l.dozing = most })
	debug.SetGCPercent(-1)
}

// wake has collections again as the target says.
func (m *Memory) wake() {
	debug.SetGCPercent(int(m.percent.Load()))
	m.limits.set(func(l *limits) { l.dozing = math.MaxInt64 })
}

// full reports whether there is no room for more.
func (m *Memory) full(u Usage) bool {
	most := m.max.Load()
	return most > 0 && (u.Taken > most || float64(u.Live) > memoryLive*float64(most))
}

// tune sets the collector's target for what lives in the heap. Setting it
// stops the world for a moment, so small changes are left out.
func (m *Memory) tune(u Usage) {
	want := target(u.Live, m.max.Load(), m.slack.times())
	have := m.percent.Load()
	if math.Abs(float64(int64(want)-have)) <= 0.1*float64(have) {
		return
	}
	m.setPercent(want)
}

// room returns by how much a live heap may grow before it is collected.
func room(live, limit int64) int64 {
	n := int64(memoryRoom)
	if limit > 0 {
		n = min(n, limit/4)
	}
	return max(n, int64(memoryShare*float64(live)))
}

// target returns the collector's percentage for a live heap that has so many
// times its room. Below a megabyte the collector works with minima of its own.
func target(live, limit int64, times float64) int {
	return int(100 * times * float64(room(live, limit)) / float64(max(live, 1<<20)))
}

// Close gives the collector its settings back.
func (m *Memory) Close() {
	debug.SetGCPercent(m.oldPercent)
	debug.SetMemoryLimit(m.oldLimit)
}
