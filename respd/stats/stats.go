// Package stats counts what a server does, and keeps its slow commands.
package stats

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal/timing"
)

// Stats counts what INFO shows, by command among others, which C names. All
// fields may be used from any goroutine.
type Stats[C comparable] struct {
	Started     time.Time // fixed
	Connections atomic.Int64
	Commands    atomic.Int64
	Rejected    atomic.Int64 // connections over max-clients
	Expired     atomic.Int64
	Hits        atomic.Int64
	Misses      atomic.Int64
	Errors      atomic.Int64
	NetIn       atomic.Int64
	NetOut      atomic.Int64
	Panics      atomic.Int64 // commands that ended in one
	Foreign     atomic.Int64 // connections that spoke another protocol
	Denied      atomic.Int64 // logins that failed
	Handshakes  atomic.Int64 // with TLS that failed
	// Clients closed for what they made the server hold: a command longer than
	// the query buffer, more replies than they may have unread, and half a
	// command while memory was short. Idle are those closed for that.
	InputLimit, OutputLimit, Evicted, Idle atomic.Int64
	// What clients make the server hold at present, in bytes: input, unread
	// replies, commands that wait for EXEC, and messages of what they subscribe to.
	// Hold changes them, and their sum with them.
	HeldIn, HeldOut, HeldTx, HeldMail atomic.Int64
	// What clients subscribe to and watch takes so much besides, in bytes. No client
	// can be made to take it off the server, so it has a bound of its own.
	HeldKept atomic.Int64
	// OOM counts the commands that were refused because memory is short.
	OOM atomic.Int64

	// Commands that waited for a hash slot which was moving, and the longest of those waits
	// in nanoseconds.
	Parked, ParkedMost atomic.Int64
	// Redirects are replies that sent a client elsewhere, by Redirected.
	Redirects [len(Redirected)]atomic.Int64

	held atomic.Int64

	mu    sync.Mutex
	calls map[C]*Calls     // mu
	errs  map[string]int64 // mu; by error code
}

// Redirected are the codes of the replies that send a client of a cluster elsewhere, or
// have it try again.
var Redirected = [...]string{"MOVED", "CROSSSLOT", "CLUSTERDOWN", "TRYAGAIN"}

// CountRedirect counts such a reply by its code, with which its text begins.
func (s *Stats[C]) CountRedirect(text string) {
	for i, code := range Redirected {
		if strings.HasPrefix(text, code+" ") {
			s.Redirects[i].Add(1)
		}
	}
}

// Hold changes one of HeldIn, HeldOut, HeldTx and HeldMail by n.
func (s *Stats[C]) Hold(kind *atomic.Int64, n int64) {
	kind.Add(n)
	s.held.Add(n)
}

// Held returns what clients make the server hold at present in all, in bytes. Each
// command asks, so it is kept beside what it is the sum of.
func (s *Stats[C]) Held() int64 { return s.held.Load() }

// Calls counts the runs of one command.
type Calls struct {
	Calls, Micros, Rejected, Failed int64
	// Took is how long the runs took, without what was waited for.
	Took timing.Times
}

// New returns counters at zero.
func New[C comparable](now time.Time) *Stats[C] {
	return &Stats[C]{Started: now, calls: make(map[C]*Calls), errs: make(map[string]int64)}
}

// Count adds n runs of a command. The caller gathers before it counts, so that
// the lock is not taken for each command.
func (s *Stats[C]) Count(of C, c *Calls) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.calls[of]
	if have == nil {
		have = new(Calls)
		s.calls[of] = have
	}
	have.Calls += c.Calls
	have.Micros += c.Micros
	have.Rejected += c.Rejected
	have.Failed += c.Failed
	have.Took.Join(&c.Took)
}

// CountError counts an error reply by its code.
func (s *Stats[C]) CountError(code string) {
	s.Errors.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) < 128 { // Redis has the same bound: codes can come from users
		s.errs[code]++
	}
}

// ByCommand calls fn with the counts of each command that has run.
func (s *Stats[C]) ByCommand(fn func(C, Calls)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for spec, c := range s.calls {
		fn(spec, *c)
	}
}

// ByError calls fn with the count of each error code.
func (s *Stats[C]) ByError(fn func(code string, n int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code, n := range s.errs {
		fn(code, n)
	}
}

// Reset sets all counters to zero, as CONFIG RESETSTAT does.
func (s *Stats[C]) Reset() {
	for _, c := range []*atomic.Int64{&s.Connections, &s.Commands, &s.Rejected, &s.Expired,
		&s.Hits, &s.Misses, &s.Errors, &s.NetIn, &s.NetOut, &s.Panics,
		&s.Foreign, &s.Denied, &s.Handshakes, &s.InputLimit, &s.OutputLimit, &s.Evicted, &s.Idle, &s.OOM} {
		c.Store(0)
	}
	s.Parked.Store(0)
	s.ParkedMost.Store(0)
	for i := range s.Redirects {
		s.Redirects[i].Store(0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	clear(s.errs)
}
