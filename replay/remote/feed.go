package remote

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// feedBytes is how much of the journal's end a feed keeps at hand.
const feedBytes = 16 << 20

// Feed is the end of a journal as replicas see it: it has the latest
// frames at hand and says when there are more. While nobody follows it keeps
// nothing.
//
// Stored is called by the goroutine that appends; the rest from anywhere.
type Feed struct {
	read func(context.Context, journal.Seq) frames // the journal itself

	mu     sync.Mutex
	latest []journal.Frame // consecutive, up to last; mu
	bytes  int             // of latest; mu
	last   journal.Seq     // mu
	more   chan struct{}   // closed when last grows; mu
	asked  time.Time       // when somebody asked last; mu
	woken  int             // how often Wake was called; mu
	// waiting is how many have taken more since it was made; those who gave up
	// meanwhile are among them. mu
	waiting int
}

// frames is what journal.Driver.Read returns.
type frames = func(yield func(journal.Frame, error) bool)

// NewFeed returns the feed of a journal that ends at last.
func NewFeed(last journal.Seq, read func(context.Context, journal.Seq) frames) *Feed {
	return &Feed{read: read, last: last, more: make(chan struct{})}
}

// feedIdle is how long after the last question a feed goes on keeping frames.
const feedIdle = 10 * time.Second

// Stored is told that a frame is in the journal. It does not keep data.
func (f *Feed) Stored(seq journal.Seq, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted := !f.asked.IsZero() && time.Since(f.asked) <= feedIdle
	if seq != f.last+1 || !wanted {
		f.latest, f.bytes = nil, 0
	}
	f.last = seq
	if wanted {
		f.latest = append(f.latest, journal.Frame{Seq: seq, Data: bytes.Clone(data)})
		f.bytes += len(data)
		drop := 0
		for ; f.bytes > feedBytes && drop < len(f.latest)-1; drop++ {
			f.bytes -= len(f.latest[drop].Data)
			f.latest[drop].Data = nil
		}
		f.latest = f.latest[drop:]
	}
	f.tellLocked()
}

// tellLocked wakes those who wait. Most appends find nobody.
func (f *Feed) tellLocked() {
	if f.waiting > 0 {
		close(f.more)
		f.more, f.waiting = make(chan struct{}), 0
	}
}

// Reset is told that the journal has become another one, which ends at last, or
// is cut off there.
func (f *Feed) Reset(last journal.Seq) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest, f.bytes, f.last = nil, 0, last
	f.tellLocked()
}

// Wake has those that wait look again.
func (f *Feed) Wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken++
	f.tellLocked()
}

// Last returns the number of the last frame.
func (f *Feed) Last() journal.Seq {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Woken returns how often Wake has been called, for Wait.
func (f *Feed) Woken() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.woken
}

// Wait waits until there is a frame after seq, or Wake has been called more often
// than before, or ctx ends, or some time has passed. It reports whether there is a
// frame.
func (f *Feed) Wait(ctx context.Context, seq journal.Seq, before int, most time.Duration) bool {
	t := time.NewTimer(most)
	defer t.Stop()
	for {
		f.mu.Lock()
		f.asked = time.Now()
		last, more, woken := f.last, f.more, f.woken
		if last <= seq {
			f.waiting++
		}
		f.mu.Unlock()
		if last > seq {
			return true
		}
		if woken != before {
			return false
		}
		select {
		case <-more:
		case <-t.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// Give calls fn with the frames from number from on, of which there must be one,
// until it has given about most bytes, or fn wants no more. Their data are valid
// within fn.
func (f *Feed) Give(ctx context.Context, from journal.Seq, most int, fn func(journal.Frame) (more bool)) error {
	if list := f.atHand(from, most); len(list) > 0 {
		for _, fr := range list {
			if !fn(fr) {
				break
			}
		}
		return nil
	}
	given := false
	for fr, err := range f.read(ctx, from) {
		if err != nil {
			return err
		}
		given, most = true, most-len(fr.Data)
		if !fn(fr) || most <= 0 {
			break
		}
	}
	if !given {
		return fault.As(fault.Retryable, "feed", fmt.Errorf("number %d is not there", from))
	}
	return nil
}

// atHand returns the frames from number from on, about most bytes of them, if the
// feed has kept them.
func (f *Feed) atHand(from journal.Seq, most int) []journal.Frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = time.Now()
	if n := len(f.latest); n == 0 || from < f.latest[0].Seq || from > f.last {
		return nil
	}
	list := f.latest[from-f.latest[0].Seq:]
	n := 0
	for ; n < len(list) && most > 0; n++ {
		most -= len(list[n].Data)
	}
	return slices.Clone(list[:n]) // those that are dropped lose their data there
}
