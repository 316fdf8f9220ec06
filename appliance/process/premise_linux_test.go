package process

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The premise of ScheduleMonitor: the thread that is taken for the monitor wakes
// again and again while goroutines make system calls, though no goroutine can have
// woken it.
func TestMonitorPremise(t *testing.T) {
	tid, err := monitorThread()
	if err != nil {
		t.Fatal(err)
	}
	const want = 50
	before, woken := wakeUps(t, tid), 0
	for began := time.Now(); woken < want && time.Since(began) < 20*time.Second; woken = wakeUps(t, tid) - before {
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 1000}, nil)
	}
	if woken < want {
		t.Errorf("thread %d woke %d times during system calls; want %d: it is not the runtime's monitor", tid, woken, want)
	}
}

// wakeUps returns how often a thread has gone to sleep by itself.
func wakeUps(t *testing.T, tid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", tid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nvoluntary_ctxt_switches:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The premise of OneOfTwo: a chain of goroutines that wait for each other is no
// cheaper on two processors than on one. A tenth is for noise.
func TestOneOfTwoPremise(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("there is one processor")
	}
	was := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
	one, two := time.Hour, time.Hour
	for round := 0; round < 5 || two*10 < one*9 && round < 50; round++ { // more where others take the processors
		runtime.GOMAXPROCS(1)
		one = min(one, chain(t))
		runtime.GOMAXPROCS(2)
		two = min(two, chain(t))
	}
	t.Logf("a chain takes %v of processor on one, %v on two", one, two)
	if two*10 < one*9 {
		t.Errorf("a chain takes %v of processor on two processors and %v on one; want it no cheaper on two", two, one)
	}
}

// chain returns what a chain like a write's costs: a loop that reads a socket, a
// writer, and back, each waiting for the one before.
func chain(t *testing.T) time.Duration {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	wrote, back, b := make(chan byte), make(chan byte), make([]byte, 1)
	go func() {
		for c := range wrote {
			back <- c
		}
	}()
	defer close(wrote)
	go func() {
		for range back {
			if _, err := w.Write([]byte{1}); err != nil {
				return
			}
		}
	}()
	defer close(back)
	began := spent(t)
	for range 5000 {
		wrote <- 1
		if _, err := r.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	return spent(t) - began
}

func spent(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
