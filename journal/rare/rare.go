// Package rare logs what strangers can make happen as often as they like, at a
// bounded rate.
package rare

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Every is how often a line of one kind is logged at most.
const Every = 10 * time.Second

// Log logs the first of a kind at once, and from then on a line each Every at
// most, which says how many there have been since the one before. What a line is
// called is its kind, so callers have few of them. It may be used from any
// goroutine.
type Log struct {
	to *slog.Logger

	mu    sync.Mutex
	kinds map[string]*kind // mu
}

// kind is one kind of line. Its fields belong to Log.mu.
type kind struct {
	last  time.Time // when a line was logged
	more  int       // have come since, and are not logged
	level slog.Level
	args  []any       // of the latest of them
	timer *time.Timer // logs them when it is time; nil if there are none
}

// New returns a Log that writes to a logger.
func New(to *slog.Logger) *Log { return &Log{to: to, kinds: make(map[string]*kind)} }

// Add logs a line, or counts it for the next. The arguments are slog's.
func (l *Log) Add(level slog.Level, text string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[text]
	if k == nil {
		k = &kind{}
		l.kinds[text] = k
	}
	wait := Every - time.Since(k.last)
	if k.timer == nil && wait <= 0 {
		k.last = time.Now()
		l.to.Log(context.Background(), level, text, args...)
		return
	}
	k.more++
	k.level, k.args = level, args
	if k.timer == nil {
		k.timer = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.flushLocked(text)
		})
	}
}

// flushLocked logs what has been counted, as one line about the latest.
func (l *Log) flushLocked(text string) {
	k := l.kinds[text]
	if k.timer == nil {
		return
	}
	k.timer.Stop()
	l.to.Log(context.Background(), k.level, text, append(k.args, "since_last_line", k.more)...)
	k.last, k.more, k.args, k.timer = time.Now(), 0, nil, nil
}

// Close logs what has been counted and not logged.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range l.kinds {
		l.flushLocked(text)
	}
}
