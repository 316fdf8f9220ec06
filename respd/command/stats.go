package command

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts what INFO shows. All fields may be used from any goroutine.
type Stats struct {
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
	// command while memory was short.
	InputLimit, OutputLimit, Evicted atomic.Int64
	// What clients make the server hold at present, in bytes: input, unread
	// replies, and commands that wait for EXEC.
	HeldIn, HeldOut, HeldTx atomic.Int64

	mu    sync.Mutex
	calls map[*Spec]*Calls // mu
	errs  map[string]int64 // mu; by error code
}

// Calls counts the runs of one command.
type Calls struct {
	Calls, Micros, Rejected, Failed int64
}

// Slowlog keeps the latest commands that took longer than a threshold.
type Slowlog struct {
	Threshold atomic.Int64 // microseconds; negative is off
	Max       atomic.Int64 // entries kept

	mu      sync.Mutex
	next    int64
	entries []SlowEntry // newest first
}

// SlowEntry is one slow command.
type SlowEntry struct {
	ID     int64
	At     time.Time
	Took   time.Duration
	Args   []string
	Client string
	Name   string
}

// NewSlowlog returns a log with Redis's defaults: 10 ms, 128 entries.
func NewSlowlog() *Slowlog {
	l := &Slowlog{}
	l.Threshold.Store(10_000)
	l.Max.Store(128)
	return l
}

// Keeps reports whether a command that took so long is slow enough.
func (l *Slowlog) Keeps(took time.Duration) bool {
	limit := l.Threshold.Load()
	return limit >= 0 && took.Microseconds() >= limit
}

// Add keeps a command if it was slow enough, without its secrets.
func (l *Slowlog) Add(spec *Spec, args Args, took time.Duration, at time.Time, s *Session) {
	if !l.Keeps(took) {
		return
	}
	e := SlowEntry{At: at, Took: took, Args: brief(spec.Shown(args)), Client: s.Addr, Name: s.Facts().Name}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.next
	l.next++
	l.entries = append([]SlowEntry{e}, l.entries...)
	if most := int(l.Max.Load()); len(l.entries) > most {
		l.entries = l.entries[:most]
	}
}

// Entries returns up to n entries, newest first; -1 is all.
func (l *Slowlog) Entries(n int) []SlowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > len(l.entries) {
		n = len(l.entries)
	}
	return append([]SlowEntry(nil), l.entries[:n]...)
}

// Len returns how many entries there are.
func (l *Slowlog) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// Reset forgets all entries. Their ids are not used again.
func (l *Slowlog) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// Most that an entry of the slow log keeps.
const (
	slowArgs = 32
	slowText = 128
)

// brief cuts a command down to what the slow log shows, as Redis does.
func brief(args Args) []string {
	var out []string
	for i, a := range args {
		if i == slowArgs-1 && len(args) > slowArgs {
			out = append(out, "... ("+itoa(len(args)-i)+" more arguments)")
			break
		}
		if len(a) > slowText {
			out = append(out, string(a[:slowText])+"... ("+itoa(len(a)-slowText)+" more bytes)")
			continue
		}
		out = append(out, string(a))
	}
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }

// NewStats returns counters at zero.
func NewStats(now time.Time) *Stats {
	return &Stats{Started: now, calls: make(map[*Spec]*Calls), errs: make(map[string]int64)}
}

// Count adds n runs of a command. The caller gathers before it counts, so that
// the lock is not taken for each command.
func (s *Stats) Count(spec *Spec, c Calls) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.calls[spec]
	if have == nil {
		have = new(Calls)
		s.calls[spec] = have
	}
	have.Calls += c.Calls
	have.Micros += c.Micros
	have.Rejected += c.Rejected
	have.Failed += c.Failed
}

// CountError counts an error reply by its code.
func (s *Stats) CountError(code string) {
	s.Errors.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) < 128 { // Redis has the same bound: codes can come from users
		s.errs[code]++
	}
}

// ByCommand calls fn with the counts of each command that has run.
func (s *Stats) ByCommand(fn func(*Spec, Calls)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for spec, c := range s.calls {
		fn(spec, *c)
	}
}

// ByError calls fn with the count of each error code.
func (s *Stats) ByError(fn func(code string, n int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code, n := range s.errs {
		fn(code, n)
	}
}

// Reset sets all counters to zero, as CONFIG RESETSTAT does.
func (s *Stats) Reset() {
	for _, c := range []*atomic.Int64{&s.Connections, &s.Commands, &s.Rejected, &s.Expired,
		&s.Hits, &s.Misses, &s.Errors, &s.NetIn, &s.NetOut, &s.Panics,
		&s.Foreign, &s.Denied, &s.Handshakes, &s.InputLimit, &s.OutputLimit, &s.Evicted} {
		c.Store(0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	clear(s.errs)
}
