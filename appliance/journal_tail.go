package appliance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/remote"
)

// Bounds of what a node does for those who read its journal.
const (
	maxTails      = 8        // that read at a time
	maxIdleTails  = 256      // that wait at the end of the journal, which costs little
	maxTailRead   = 64 << 20 // bytes of frames for one answer
	maxTailTook   = 2 * time.Second
	defaultLatest = 10 // numbers, for who doesn't say where to begin
)

// JournalTail returns a piece of the journal. Where nothing in it matches it looks on
// as the journal grows, so that a filter costs the wire nothing.
func (b backend) JournalTail(ctx context.Context, q admin.TailQuery) (admin.Tail, error) {
	n := b.n
	if err := n.tails.enter(); err != nil {
		return admin.Tail{}, err
	}
	defer n.tails.leave()
	t := newTailing(n.log, q)
	if err := t.start(ctx); err != nil {
		return t.tail, err
	}
	err := t.follow(ctx, n.repl.Feed(), &n.tails, time.Duration(q.Wait*float64(time.Second)))
	return t.tail, err
}

// tailPlaces has a token for each answer from the journal that is read, and for each
// that waits for the journal to grow.
type tailPlaces struct{ reading, idle chan struct{} }

func newTailPlaces() tailPlaces {
	return tailPlaces{make(chan struct{}, maxTails), make(chan struct{}, maxIdleTails)}
}

// enter takes a place for reading. The error is Retryable: there may be one soon.
func (p *tailPlaces) enter() error {
	select {
	case p.reading <- struct{}{}:
		return nil
	default:
		return fault.With(fault.Retryable, fmt.Errorf("busy: %d answers from the journal are under way", maxTails))
	}
}

func (p *tailPlaces) leave() { <-p.reading }

// rest has somebody else read while wait runs, if there is room for one more that
// waits, and has a place for reading again when it returns.
func (p *tailPlaces) rest(wait func()) {
	select {
	case p.idle <- struct{}{}:
	default:
		wait()
		return
	}
	p.leave()
	wait()
	<-p.idle
	p.reading <- struct{}{} // those who read are bounded in what they read, and none waits
}

// tailing is the reading of one piece of a journal.
type tailing struct {
	log   journal.History
	query admin.TailQuery
	shown filter
	next  journal.Seq
	entry int // of that number, to begin with
	tail  admin.Tail
	room  int // bytes of effects that the answer still takes
}

func newTailing(log journal.History, q admin.TailQuery) *tailing {
	return &tailing{log: log, query: q, shown: newFilter(q), room: admin.MaxTailBytes,
		tail: admin.Tail{Lineage: log.Lineage().String(), Entries: []admin.JournalEntry{}}}
}

// start finds the number to begin with.
func (t *tailing) start(ctx context.Context) error {
	st, err := t.stat(ctx)
	if err != nil {
		return err
	}
	switch q := t.query; {
	case q.From != 0:
		t.next, t.entry = journal.Seq(q.From), q.Entry
	case q.Since != nil:
		if t.next, err = numberAt(ctx, t.log.Read, st, *q.Since); err != nil {
			return err
		}
		t.tail.Truncated = t.next == st.First && st.First > 1
	default:
		last := q.Last
		if last == 0 {
			last = defaultLatest
		}
		t.next = max(st.First, st.Last-min(st.Last, journal.Seq(last))+1)
		t.tail.Truncated = last > uint64(st.Last-st.First)+1 && st.First > 1
	}
	t.tail.Next = uint64(t.next)
	return t.held(st)
}

// stat notes what the journal spans.
func (t *tailing) stat(ctx context.Context) (journal.Stat, error) {
	st, err := t.log.Stat(ctx)
	t.tail.First, t.tail.Last = uint64(st.First), uint64(st.Last)
	return st, err
}

// held refuses a number that the journal has no longer, or can't have.
func (t *tailing) held(st journal.Stat) error {
	switch {
	case t.next < st.First:
		return fault.With(fault.Refused, fmt.Errorf("number %d is truncated: the journal begins with number %d", t.next, st.First))
	case t.next > st.Last+1:
		return fault.With(fault.Refused, fmt.Errorf("there is no number %d: the journal ends with number %d", t.next, st.Last))
	}
	return nil
}

// follow reads until there is something to tell, or the wait is over.
func (t *tailing) follow(ctx context.Context, feed *remote.Feed, places *tailPlaces, wait time.Duration) error {
	began, until := time.Now(), time.Now().Add(wait)
	read := 0
	for {
		st, err := t.stat(ctx)
		if err == nil {
			err = t.held(st)
		}
		if err == nil {
			err = t.take(ctx, &read, began)
		}
		left := time.Until(until)
		if err != nil || len(t.tail.Entries) > 0 || read >= maxTailRead || left <= 0 {
			return err
		}
		if t.next <= st.Last { // it has looked for long enough
			return nil
		}
		woken := feed.Woken()
		places.rest(func() { feed.Wait(ctx, t.next-1, woken, left) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began = time.Now()
	}
}

// take adds what matches to the answer, until that is full, or the journal ends, or
// it has read for long enough.
func (t *tailing) take(ctx context.Context, read *int, began time.Time) error {
	for com, err := range t.log.Read(ctx, t.next) {
		if err != nil {
			return t.truncated(ctx, err)
		}
		if !t.add(com) {
			t.tail.NextEntry = t.entry
			return nil
		}
		t.next = com.Seq() + 1
		t.tail.Next = uint64(t.next)
		if *read += com.Size(); *read >= maxTailRead || time.Since(began) >= maxTailTook {
			return nil
		}
	}
	return nil
}

// truncated words the error of a journal that was truncated while it was read.
func (t *tailing) truncated(ctx context.Context, err error) error {
	if st, serr := t.stat(ctx); serr == nil && t.next < st.First {
		return t.held(st)
	}
	return err
}

// add adds a batch's entries that match, and reports whether all that is left of it
// has been looked at. One that doesn't fit is for the next answer; the first fits
// always.
func (t *tailing) add(com journal.Committed) bool {
	for ; t.entry < len(com.Batch().Entries); t.entry++ {
		e, ok := t.shown.entry(com, t.entry)
		if !ok {
			continue
		}
		size, had := sizeOf(e), len(t.tail.Entries)
		if had > 0 && (size > t.room || had >= admin.MaxTailEntries) {
			return false
		}
		t.tail.Entries, t.room = append(t.tail.Entries, e), t.room-size
	}
	t.entry = 0
	return true
}

// numberAt returns the first number whose batch is of that time or later, and the next
// one there will be if none is. Times rise with the numbers as long as nobody has set
// a leader's clock back; then it is one of several.
func numberAt(ctx context.Context, read func(context.Context, journal.Seq) iter.Seq2[journal.Committed, error],
	st journal.Stat, at time.Time) (journal.Seq, error) {
	low, high := st.First, st.Last+1
	for low < high {
		mid := low + (high-low)/2
		early, found := false, false
		for com, err := range read(ctx, mid) {
			if err != nil {
				return 0, err
			}
			found = true
			es := com.Batch().Entries
			early = len(es) > 0 && es[len(es)-1].At.Before(at)
			break
		}
		switch {
		case !found:
			return 0, fault.With(fault.Retryable, errors.New("the journal has become another one meanwhile; try again"))
		case early:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, nil
}
