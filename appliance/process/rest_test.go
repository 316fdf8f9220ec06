package process

import (
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

// simulated is a process whose collections cost what a test says.
type simulated struct {
	*Memory
	now  time.Time
	use  Usage
	cost time.Duration // of a collection
	keys int
	made int // collections that Memory has asked for
}

func simulate(t *testing.T, limit, live int64, cost time.Duration) *simulated {
	t.Helper()
	s := &simulated{Memory: NewMemory(limit, nil), now: time.Unix(1000, 0), cost: cost, use: Usage{Live: live, Taken: live}}
	t.Cleanup(s.Close)
	s.rest.collect = func() { s.made, s.use.spent = s.made+1, s.use.spent+s.cost }
	s.rest.giveBack = s.rest.collect
	s.doze.sleep, s.doze.wake = func(int64) {}, func() {}
	return s
}

// run goes on for some time, with a change each so often, 0 for none, that
// allocates so many bytes.
func (s *simulated) run(most, each time.Duration, bytes int64) {
	for at := time.Duration(0); at < most; at += memoryTick {
		changed := each > 0 && at%each == 0
		if changed {
			s.use.allocs += bytes
		}
		s.look(s.now, Change{changed, s.keys}, func() Usage { return s.use })
		s.now = s.now.Add(memoryTick)
	}
}

// A node with a write now and then rests: the collections that nobody needs take
// under 0.15 % of a processor, whatever lives there.
func TestRestNearlyIdle(t *testing.T) {
	const long = time.Hour
	for _, tt := range []struct {
		name  string
		limit int64
		live  int64
		cost  time.Duration
		each  time.Duration
		bytes int64
		most  float64 // share of a processor
	}{
		{"half a million keys, each 1.5 s", 0, 100 << 20, 100 * time.Millisecond, 1500 * time.Millisecond, 20 << 10, 0.0015},
		{"a million keys, each 2 s", 0, 220 << 20, 400 * time.Millisecond, 2 * time.Second, 20 << 10, 0.0015},
		{"ten million keys, each 1.2 s", 0, 2 << 30, 4 * time.Second, 1200 * time.Millisecond, 20 << 10, 0.0015},
		{"a million keys, each minute", 0, 220 << 20, 400 * time.Millisecond, time.Minute, 20 << 10, 0.0015},
		{"large values", 0, 220 << 20, 400 * time.Millisecond, 2 * time.Second, 100 << 10, 0.0015},
		{"a full node", 100 << 20, 100 << 20, 100 * time.Millisecond, 2 * time.Second, 20 << 10, 0.025},
	} {
		s := simulate(t, tt.limit, tt.live, tt.cost)
		s.run(long, tt.each, tt.bytes)
		share := float64(s.use.spent) / float64(long)
		if share > tt.most || s.made == 0 {
			t.Errorf("%s: %d collections took %.4f of a processor; want some, and at most %.4f", tt.name, s.made, share, tt.most)
		}
		t.Logf("%s: %d collections an hour, %.3f %% of a processor", tt.name, s.made, 100*share)
		had := s.made
		if s.run(long, 0, 0); s.made > had+1 {
			t.Errorf("%s: %d collections in an hour without a change; want one at most", tt.name, s.made-had)
		}
	}
}

// Memory goes back in the first quiet second after a load, and what dies without
// a load does not stay for ever.
func TestRestAfterLoad(t *testing.T) {
	s := simulate(t, 0, 220<<20, 400*time.Millisecond)
	s.keys = 1000
	s.run(3*time.Second, 0, 0)
	had := s.made
	s.run(10*time.Second, memoryTick, 10<<20)
	if s.made != had {
		t.Errorf("%d collections during a load; want none", s.made-had)
	}
	if s.run(2*time.Second, 0, 0); s.made != had+1 {
		t.Errorf("%d collections after a load; want one at once", s.made-had)
	}
	s.run(memoryTick, memoryTick, 0) // a large key is deleted
	if s.run(time.Minute, 0, 0); s.made != had+1 {
		t.Errorf("%d collections within a minute of one; want none", s.made-had-1)
	}
	if s.run(restTimes*s.cost, 0, 0); s.made != had+2 {
		t.Errorf("%d collections after a change without a load; want one in the end", s.made-had-1)
	}
	s.keys, had = 0, s.made // FLUSHALL
	s.run(memoryTick, memoryTick, 0)
	if s.run(2*memoryQuiet, 0, 0); s.made != had+1 {
		t.Errorf("%d collections after all keys are gone; want one at once", s.made-had)
	}
}

// A node that is full finds out soon that there is room again.
func TestRestFull(t *testing.T) {
	s := simulate(t, 1<<30, 1<<30, 10*time.Second)
	s.run(time.Minute, 0, 0)
	if !s.Over() {
		t.Fatal("commands are not refused; want a full node")
	}
	s.rest.collect = func() { s.made, s.use = s.made+1, Usage{} } // all of it has died
	s.rest.giveBack = s.rest.collect
	s.run(memoryTick, memoryTick, 0) // FLUSHALL
	if s.run(fullMost+time.Second, 0, 0); s.Over() {
		t.Errorf("commands are refused %s after all was removed", fullMost)
	}
}

// A quiet process sleeps, through a write now and then, until something is
// allocated, and then it is awake until it is quiet again.
func TestDoze(t *testing.T) {
	s := simulate(t, 0, 220<<20, 400*time.Millisecond)
	var said []string
	s.doze.sleep = func(most int64) {
		said = append(said, "sleep")
		if want := s.use.Taken + room(s.use.Live, 0); most != want {
			t.Errorf("asleep up to %d bytes; want %d", most, want)
		}
	}
	s.doze.wake = func() { said = append(said, "wake") }
	want := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(said, want) {
			t.Errorf("%s: %v; want %v", when, said, want)
		}
		said = nil
	}
	s.run(memoryQuiet/2, memoryTick, 100)
	want("busy")
	s.run(2*memoryQuiet, 0, 0)
	want("quiet", "sleep")
	s.run(time.Minute, 2*time.Second, 20<<10)
	want("nearly idle")
	s.run(time.Second, memoryTick, 10<<20)
	want("loaded", "wake")
	s.run(time.Minute, 0, 0)
	want("quiet again", "sleep")
}

// Awake, asleep and awake again, with a script or without: what the collector is
// told is what holds, and in the end what it was told before.
func TestDozeSettings(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer debug.SetGCPercent(percent)
	m := NewMemory(1<<40, nil)
	usual := debug.SetMemoryLimit(-1)
	holds := func(when string, percent int, limit int64) {
		t.Helper()
		got := debug.SetGCPercent(percent)
		if bound := debug.SetMemoryLimit(-1); got != percent || bound != limit {
			t.Errorf("%s: target %d, bound %d; want %d and %d", when, got, bound, percent, limit)
		}
	}
	holds("awake", 100, usual)
	m.sleep(1 << 39)
	holds("asleep", -1, 1<<39)
	done := m.Growing(1 << 20)
	script := debug.SetMemoryLimit(-1)
	if script >= 1<<39 {
		t.Errorf("with a script the bound is %d; want it lower", script)
	}
	m.wake()
	holds("awake with a script", 100, script)
	done()
	holds("without it", 100, usual)
	m.sleep(1 << 38)
	done = m.Growing(1 << 20)
	done()
	holds("asleep after a script", -1, 1<<38)
	m.Close()
	holds("closed", 100, limit)
}

// The premise of sleeping: with the target off, the bound alone holds the process to
// what it has and a little more.
func TestDozePremise(t *testing.T) {
	m := NewMemory(0, nil)
	defer m.Close()
	debug.FreeOSMemory()
	before := ReadUsage()
	m.sleep(before.Taken + 32<<20)
	for range 1 << 10 {
		garbage = make([]byte, 1<<20)
	}
	garbage = nil
	u := ReadUsage()
	t.Logf("with 1 GiB of garbage the process took %d bytes more, in %d collections", u.Taken-before.Taken, u.cycles-before.cycles)
	if u.Taken > before.Taken+256<<20 { // what is made meanwhile may be more than the collector comes by on a busy machine
		t.Errorf("asleep the process took %d bytes more; want about %d", u.Taken-before.Taken, 32<<20)
	}
}

var garbage []byte

// The premise of giving memory back: a collection alone leaves it with the
// process, and giving it back works.
func TestGiveBackPremise(t *testing.T) {
	const size = 128 << 20
	debug.FreeOSMemory()
	before := ReadUsage().Taken
	b := make([]byte, size)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	runtime.KeepAlive(b)
	b = nil
	runtime.GC()
	kept := ReadUsage().Taken - before
	debug.FreeOSMemory()
	left := ReadUsage().Taken - before
	t.Logf("of %d bytes a collection leaves %d with the process, and giving back %d", size, kept, left)
	if kept < size/2 || left > size/4 {
		t.Errorf("a collection leaves %d bytes of %d, giving back %d; want most of it and little of it", kept, size, left)
	}
}

// The premise of slack: what a collection costs goes by what lives.
func TestSlackPremise(t *testing.T) {
	cost := func() time.Duration {
		least := time.Hour
		for range 3 {
			before := ReadUsage().spent
			runtime.GC()
			least = min(least, ReadUsage().spent-before)
		}
		return least
	}
	little := cost()
	list := make([]*[8]*int, 1<<20)
	for i := range list {
		list[i] = new([8]*int)
	}
	much := cost()
	runtime.KeepAlive(list)
	t.Logf("a collection takes %v, and %v with a million objects", little, much)
	if much < 2*little {
		t.Errorf("a collection takes %v, and %v with a million objects; want it to cost by what lives", little, much)
	}
}
