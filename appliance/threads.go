package appliance

import (
	"os"
	"runtime"
	"sync"
)

// A node's writes are a chain: the event loop, the writer, the broker and back,
// each waiting for the one before. Spread over threads, each link wakes a
// sleeping thread, which costs more than a few requests' work, and idle threads
// that look for work take the processor from the clients beside it. With 50
// clients, synced by interval, on two processors, SET ran at 0.6 of Redis on
// two threads and at 1.0 on one. So while it serves, a node runs Go code on half
// of the processors. Recovery and snapshots, which are work beside the chain,
// have all of them. GOMAXPROCS in the environment overrides it.
type threads struct {
	fixed bool // by the environment
	all   int

	mu   sync.Mutex
	busy int // works beside the chain; mu
}

func newThreads() *threads {
	return &threads{fixed: os.Getenv("GOMAXPROCS") != "", all: runtime.GOMAXPROCS(0)}
}

// serve begins with what serving takes.
func (t *threads) serve() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setLocked()
}

// beside gives work beside the chain all processors until it is done.
func (t *threads) beside() (done func()) {
	t.add(1)
	return func() { t.add(-1) }
}

func (t *threads) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy += n
	t.setLocked()
}

func (t *threads) setLocked() {
	switch {
	case t.fixed:
	case t.busy > 0:
		runtime.GOMAXPROCS(t.all)
	default:
		runtime.GOMAXPROCS(max(1, t.all/2))
	}
}

// close gives the process its setting back.
func (t *threads) close() {
	if !t.fixed {
		runtime.GOMAXPROCS(t.all)
	}
}
