package process

import (
	"os"
	"runtime"
	"sync"
)

// Threads says on how many processors the node runs Go code.
//
// A node's writes are a chain: the event loop, the writer, the broker and back,
// each waiting for the one before. Spread over threads, each link wakes a
// sleeping thread, which costs more than a few requests' work, and idle threads
// that look for work take the processor from the clients beside it. With 50
// clients, synced by interval, on two processors, SET ran at 0.6 of Redis on
// two threads and at 1.0 on one. So while it serves, a node that has two
// processors runs Go code on one of them. Recovery and snapshots, which are work
// beside the chain, have both.
//
// With more than two processors all are used. It is one thread in place of
// several that spares the wake-ups: on half of four the chain is spread over
// threads as before, and what an idle thread takes by looking for work is a
// processor that nobody else needs, while long reads, scripts and TLS would have
// half of the machine. Nobody has measured it there.
//
// GOMAXPROCS in the environment overrides it, and LEDGE_WITHOUT=one-of-two turns it
// off.
type Threads struct {
	fixed bool // by the environment, or because there is nothing to choose
	all   int

	mu   sync.Mutex
	busy int // works beside the chain; mu
}

// NewThreads begins with what the process has.
func NewThreads(without Without) *Threads {
	all := runtime.GOMAXPROCS(0)
	return &Threads{fixed: os.Getenv("GOMAXPROCS") != "" || without[OneOfTwo] || all != 2, all: all}
}

// Serve begins with what serving takes.
func (t *Threads) Serve() { t.add(0) }

// Beside gives work beside the chain all processors until it is done.
func (t *Threads) Beside() (done func()) {
	t.add(1)
	return func() { t.add(-1) }
}

func (t *Threads) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy += n
	switch {
	case t.fixed:
	case t.busy > 0:
		runtime.GOMAXPROCS(t.all)
	default:
		runtime.GOMAXPROCS(1)
	}
}

// Close gives the process its setting back.
func (t *Threads) Close() {
	if !t.fixed {
		runtime.GOMAXPROCS(t.all)
	}
}
