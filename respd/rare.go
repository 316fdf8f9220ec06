package respd

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// rareEvery is how often a line of one kind is logged at most.
const rareEvery = 10 * time.Second

// rare logs what strangers can make happen as often as they like: the first of a
// kind at once, and from then on a line each rareEvery at most, which says how
// many there have been since the one before. Kinds are few, and the caller's.
type rare struct {
	to *slog.Logger

	mu    sync.Mutex
	kinds map[string]*rareKind // mu
}

// rareKind is one kind of line. Its fields belong to rare.mu.
type rareKind struct {
	last  time.Time   // when a line was logged
	more  int         // have come since, and are not logged
	args  []any       // of the latest of them
	timer *time.Timer // logs them when it is time; nil if there are none
}

// add logs a line, or counts it for the next. args are those of slog.
func (r *rare) add(level slog.Level, kind string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kinds == nil {
		r.kinds = make(map[string]*rareKind)
	}
	k := r.kinds[kind]
	if k == nil {
		k = &rareKind{}
		r.kinds[kind] = k
	}
	wait := rareEvery - time.Since(k.last)
	if k.timer == nil && (k.last.IsZero() || wait <= 0) {
		k.last = time.Now()
		r.to.Log(context.Background(), level, kind, args...)
		return
	}
	k.more++
	k.args = args
	if k.timer == nil {
		k.timer = time.AfterFunc(wait, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.flushLocked(level, kind)
		})
	}
}

// flushLocked logs what has been counted, as one line about the latest.
func (r *rare) flushLocked(level slog.Level, kind string) {
	k := r.kinds[kind]
	if k.timer == nil {
		return
	}
	k.timer.Stop()
	r.to.Log(context.Background(), level, kind, append(k.args, "since_the_last_line", k.more)...)
	k.last, k.more, k.args, k.timer = time.Now(), 0, nil, nil
}

// close logs what has been counted and not logged.
func (r *rare) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for kind := range r.kinds {
		r.flushLocked(slog.LevelWarn, kind)
	}
}
