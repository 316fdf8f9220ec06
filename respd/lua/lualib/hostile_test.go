package lualib_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/respd/lua"
	"ledge/respd/lua/luatest"
)

const hostileMemory = 64 << 20

var errTime = errors.New("took too long")

// watch measures one script after the other: how long it takes, and the longest time
// between two questions whether it may go on. The latter is that of the processors,
// since others use them, too; it includes what the collection of garbage takes meanwhile.
type watch struct {
	bound      time.Duration // of a script
	begun      time.Time
	asked, gap time.Duration
}

func (w *watch) begin() {
	w.begun, w.gap = time.Now(), 0
	w.asked = cpu()
}

// check is what a script asks.
func (w *watch) check() error {
	now := cpu()
	w.gap = max(w.gap, now-w.asked)
	if w.asked = now; time.Since(w.begun) > w.bound {
		return errTime
	}
	return nil
}

// end returns how long the script took.
func (w *watch) end() time.Duration {
	took := time.Since(w.begun)
	w.gap = max(w.gap, cpu()-w.asked)
	return took
}

// Scripts that want more time or memory than they may have must be ended, and
// nothing that they do may end the process. LUA_HOSTILE is how many, LUA_SEED
// where they begin, and LUA_TIME how long each may take.
func TestHostileScripts(t *testing.T) {
	n, from := count(t, "LUA_HOSTILE", 100), seed(t, "LUA_SEED")
	hostileTime := timeOfEach(t)
	debug.FreeOSMemory()
	before := resident(t)
	script := &watch{bound: hostileTime}
	ends := map[string]int{}
	most, late, longest := int64(0), 0, time.Duration(0)
	w := newWorld(lua.Config{Check: script.check})
	for i := range n {
		text := luatest.Hostile(from, uint64(i))
		if os.Getenv("LUA_VERBOSE") != "" {
			fmt.Fprintf(os.Stderr, "%d %s\n", i, text[len(luatest.HostilePrelude):])
		}
		script.begin()
		got, err := w.eval(text, hostileMemory)
		took := script.end()
		longest = max(longest, took)
		how := ending(got, err)
		if how == "" {
			t.Errorf("script %d: %v", i, err)
		} else {
			ends[how]++
		}
		used := resident(t) - before
		most = max(most, used)
		// What the process takes is shown, and not judged: the race detector takes
		// several times as much. The tests of a node judge it.
		if script.gap > time.Second || took > hostileTime+time.Second {
			late++
			t.Logf("LUA_SEED=%d, script %d: %v, %v between two questions, %d MiB: %v\n%s", from, i, took.Round(time.Millisecond),
				script.gap.Round(time.Millisecond), used>>20, err, text[len(luatest.HostilePrelude):])
		}
		if took > hostileTime+10*time.Second {
			t.Errorf("LUA_SEED=%d, script %d took %v:\n%s", from, i, took, text[len(luatest.HostilePrelude):])
		}
		if used > hostileMemory/2 {
			debug.FreeOSMemory()
		}
		if i%50 == 49 {
			w = newWorld(lua.Config{Check: script.check})
		}
	}
	t.Logf("%d scripts ended by %v; the longest took %v; at most %d MiB more; %d past their bounds", n, ends, longest, most>>20, late)
	if late > n/20 {
		t.Errorf("%d of %d scripts went past their bounds", late, n)
	}
}

// timeOfEach is how long a script may take.
func timeOfEach(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("LUA_TIME")
	if text == "" {
		return 200 * time.Millisecond
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("LUA_TIME: %v", err)
	}
	return d
}

// ending says by what a script has ended, or nothing if it may not end so.
func ending(got string, err error) string {
	switch {
	case errors.Is(err, errTime):
		return "time"
	case errors.Is(err, lua.ErrMemory):
		return "memory"
	case err != nil:
		return ""
	case strings.HasPrefix(got, "error: "):
		return "error"
	}
	return "result"
}

// cpu returns the processor time that the process has used.
func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// resident returns how much memory the process has.
func resident(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.Sys - m.HeapReleased)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
