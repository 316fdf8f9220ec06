package appliance

import (
	"sync"
	"time"
)

// activity tells whether clients are served: they send commands, more than somebody does who
// only looks after the node.
type activity struct {
	commands func() int64 // how many were sent since the node was started
	clock    func() time.Time

	mu     sync.Mutex
	looked time.Time // when commands was asked; mu
	known  int64     // what it said; mu
	is     bool      // mu
}

// It is looked anew after activityEvery. So many commands a second are what clients send.
const (
	activityEvery = 50 * time.Millisecond
	activityRate  = 50
)

func newActivity(n *Node) *activity {
	return &activity{commands: func() int64 { return n.server.Stats().Commands.Load() }, clock: n.cfg.Clock}
}

// active reports whether clients are served at present.
func (a *activity) active() bool {
	now := a.clock()
	a.mu.Lock()
	defer a.mu.Unlock()
	since := now.Sub(a.looked)
	if since < activityEvery {
		return a.is
	}
	sent := a.commands()
	a.is = float64(sent-a.known) > activityRate*since.Seconds()
	a.looked, a.known = now, sent
	return a.is
}
