package jet

import (
	"context"
	"sync"
	"time"

	"ledge/journal"
)

// The mark's last is the witness: everything up to it was acknowledged and synced
// once. A goroutine of its own writes it, so that no append waits for it: witnessEvery
// after frames were appended, or as soon as a block's worth was. What Open finds
// missing up to the witness has been lost. What is missing after it was an append that
// the power cut interrupted, or one of the last second.
//
// The witness may only be written once it is true. With SyncAlways an acknowledged
// frame is synced. With SyncInterval, and in bulk, the goroutine syncs before it
// writes, no more often than the mode does. With SyncOff nobody asks for syncs; if
// there is one all the same, the witness is written after it.
const (
	witnessEvery = time.Second
	// witnessBytes is how long the broker's shortest full block is.
	witnessBytes = 4 << 20
)

// tip is the last acknowledged frame and how it begins. After a Cut the numbers are
// those of other frames, so line rises: a tip of an earlier line means nothing.
type tip struct {
	last journal.Seq
	head [tipSize]byte
	line int
}

// tipSize includes a frame's own checksum, which covers all of it.
const tipSize = 8

// witness is the part of a Journal that keeps the mark near the journal's end.
type witness struct {
	moved  chan struct{} // has one token when the tip has moved
	rolled chan struct{} // has one token when a block's worth has come
	other  chan struct{} // has one token when it is synced in another way
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	tip    tip           // mu
	bytes  int64         // mu; taken since write was last called
	synced journal.Seq   // mu; where appends are lazy, up to here all is on the disk
	grown  chan struct{} // mu; closed when synced grows, and by stir; nil while nobody asks

	failing bool // mu; the mark could not be written the last time
}

// begin starts the goroutine on a journal that ends at last.
func (w *witness) begin(j *Journal, last journal.Seq) {
	ctx, cancel := context.WithCancel(context.Background())
	w.moved, w.rolled, w.other = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	w.stop, w.done = cancel, make(chan struct{})
	w.tip = tip{last: last}
	go func() {
		defer close(w.done)
		w.run(ctx, j)
	}()
}

// end stops the goroutine and waits for it no longer than limit. It reports
// whether the goroutine is gone; it is not while it hangs in the kernel.
func (w *witness) end(limit time.Duration) bool {
	if w.stop == nil {
		return true
	}
	w.stop()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-w.done:
		return true
	case <-t.C:
		return false
	}
}

// noteStored notes that frames up to number last are acknowledged, the latest of
// which is frame. It belongs to the appending goroutine and never waits for the
// disk.
func (w *witness) noteStored(last journal.Seq, frame []byte, bytes int64) {
	w.mu.Lock()
	w.tip.last = last
	w.tip.head = headOf(frame)
	w.bytes += bytes
	full := w.bytes >= witnessBytes
	w.mu.Unlock()
	signal(w.moved)
	if full {
		signal(w.rolled)
	}
}

// cut notes that the journal ends at last, and begins another line.
func (w *witness) cut(last journal.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tip = tip{last: last, line: w.tip.line + 1}
	w.synced = min(w.synced, last)
}

// reach notes that everything up to a tip has been synced.
func (w *witness) reach(now tip) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tip.line != now.line || now.last <= w.synced {
		return
	}
	w.synced = now.last
	if w.grown != nil {
		close(w.grown)
		w.grown = nil
	}
}

// stir has whoever waits for a sync look again, the goroutine included: how it is
// synced has changed.
func (w *witness) stir() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.grown != nil {
		close(w.grown)
		w.grown = nil
	}
	signal(w.moved)
	signal(w.other)
}

// reached returns up to where reach has come, and a channel that is closed when
// it comes farther.
func (w *witness) reached() (journal.Seq, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.grown == nil {
		w.grown = make(chan struct{})
	}
	return w.synced, w.grown
}

func (w *witness) get() tip {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tip
}

// headOf returns how a frame begins.
func headOf(frame []byte) (h [tipSize]byte) {
	copy(h[:], frame)
	return h
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run writes the witness after the journal has moved, until ctx ends. A journal
// that rests costs nothing.
func (w *witness) run(ctx context.Context, j *Journal) {
	t := time.NewTimer(witnessEvery)
	defer t.Stop()
	for {
		select {
		case <-w.moved:
		case <-ctx.Done():
			return
		}
		every := witnessEvery
		if s := j.Syncing(); s.Mode == SyncInterval {
			every = max(every, s.Every)
		}
		t.Reset(every)
		select {
		case <-t.C:
		case <-w.rolled:
		case <-w.other:
			signal(w.moved)
			continue
		case <-ctx.Done():
			return
		}
		w.write(ctx, j)
	}
}

// write makes sure that what is acknowledged is synced and notes it.
func (w *witness) write(ctx context.Context, j *Journal) {
	w.mu.Lock()
	now := w.tip
	w.bytes = 0
	w.mu.Unlock()
	if j.Syncing().Mode == SyncOff {
		return
	}
	// The tip was read first, and that matters: if the journal is not lazy after that,
	// everything up to the tip is synced, at the latest by what has ended bulk mode.
	if j.lazy() {
		_ = j.Sync(ctx) // it calls witnessed; if it fails the next append says why
		return
	}
	j.witnessed(now)
}

// witnessed notes that everything up to a tip is synced.
func (j *Journal) witnessed(now tip) {
	if j.suspect.Load() || j.dead.Load() != nil || j.mark.get().last >= now.last {
		return
	}
	w := &j.witness
	err := j.mark.update(func(m *mark) {
		if w.get().line == now.line && m.last < now.last {
			m.last, m.head, m.headed = now.last, now.head, now.head != [tipSize]byte{}
		}
	})
	w.mu.Lock()
	failing := w.failing
	w.failing = err != nil
	w.mu.Unlock()
	if err != nil && !failing {
		j.cfg.Log.Warn("how far the journal reaches is not written down; "+
			"the loss of its newest part would not be seen", "cause", err)
	}
}
