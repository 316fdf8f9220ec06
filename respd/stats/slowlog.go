package stats

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

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

// Add keeps a command of a client, by its address and its name, if it was slow
// enough. The arguments are those that others may see.
func (l *Slowlog) Add(shown [][]byte, took time.Duration, at time.Time, client, name string) {
	if !l.Keeps(took) {
		return
	}
	e := SlowEntry{At: at, Took: took, Args: brief(shown), Client: client, Name: name}
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
func brief(args [][]byte) []string {
	var out []string
	for i, a := range args {
		if i == slowArgs-1 && len(args) > slowArgs {
			out = append(out, "... ("+strconv.Itoa(len(args)-i)+" more arguments)")
			break
		}
		if len(a) > slowText {
			out = append(out, string(a[:slowText])+"... ("+strconv.Itoa(len(a)-slowText)+" more bytes)")
			continue
		}
		out = append(out, string(a))
	}
	return out
}
