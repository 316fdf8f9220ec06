package move

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/value"
)

// A session is what the source has of one target's copying. The target asks for pieces by
// their numbers, 1, 2, 3 …; each brings it to a cursor and to a number of the source's
// journal. All that is in a session can be made anew from the cursor and the number that
// the target has in its own journal, so a session may be lost at any time.
type session struct {
	id     uint64
	ranges []journal.SlotRange
	sizes  sizes

	mu     sync.Mutex // all that follows
	gone   bool
	from   journal.Seq // the number that the target surely has
	cursor uint64
	at     cluster.Position
	last   journal.Seq // of the source's journal, when the last piece was made

	n    uint64 // the number of the last piece
	full int    // how many bytes of rows fill the next piece
	// rest is effects up to at that do not go into the last piece.
	rest  []journal.Op
	piece []byte
	queue *queue

	// again are keys that the target has and that are to be read again: what they hold has
	// come from keys that it does not have.
	again map[string]bool
}

// queue is rows that go into pieces of their own, since one of them is large.
type queue struct {
	rows    []*rowWriter
	cursor  uint64 // when all of them are sent
	release func() // of what they hold
	again   bool   // among them are some that the target had
}

// sizes are bounds of one piece, in bytes. A piece is an entry of the target's journal, and
// has to be one that it can take: a target whose memory is bounded takes shorter ones.
type sizes struct {
	piece int // about what rows are put together to
	most  int // about what is put together in one piece, if it is not one effect
	// whole is up to how many bytes a collection's row goes into one piece, with others. What
	// is larger is sent in pieces of its own.
	whole int
}

// sizesFor returns the sizes for a target that takes so many bytes of effects in one entry; 0
// is that it does not say.
func sizesFor(most int) sizes {
	if most <= 0 {
		most = mostBytes
	}
	most = max(leastBytes, min(most, mostBytes))
	return sizes{piece: most / 4, most: most, whole: most / 16}
}

// Bounds of one piece.
const (
	leastBytes = 64 << 10 // of sizes.most
	mostBytes  = 4 << 20
	pieceRows  = 512
	pieceRoom  = 64 // what a piece has beside its effects
	// mostReads is how often keys are read again for one piece.
	mostReads = 8
)

// origin is what a session reads from.
type origin struct {
	state *replay.State
	log   *journal.Log
	clock func() time.Time
	// beside says that clients are served beside the move.
	beside bool
}

// closeLocked ends the session.
func (s *session) closeLocked() {
	s.dequeue()
	s.piece, s.rest, s.gone = nil, nil, true
}

// dequeue lets go of queued rows.
func (s *session) dequeue() {
	if s.queue != nil {
		s.queue.release()
		s.queue = nil
	}
}

// next makes the next piece.
func (s *session) next(ctx context.Context, from origin, move journal.MoveID) error {
	var ops []journal.Op
	var err error
	s.from = s.at.Seq // the target has asked for what comes after that
	if s.full = s.sizes.piece; from.beside {
		s.full = min(s.full, besideBytes)
	}
	switch {
	case len(s.rest) > 0:
		ops = s.upTo(s.rest)
	case s.queue != nil:
		ops = s.more()
	default:
		if ops, err = s.build(ctx, from); err == nil {
			ops = s.upTo(ops)
		}
	}
	if err != nil {
		return err
	}
	// While the target lacks what keys hold that it had, or some of the effects up to a
	// number, it has no number of the journal: it would have to begin anew if the session
	// were lost.
	at := &journal.MoveAt{ID: move}
	if len(s.rest) == 0 && len(s.again) == 0 && (s.queue == nil || !s.queue.again) {
		*at = journal.MoveAt{ID: move, Cursor: s.cursor, Seq: s.at.Seq, Digest: s.at.Digest, Epoch: s.at.Epoch}
	}
	s.n, s.last = s.n+1, from.state.Pos().Seq
	ops = append(ops, at)
	s.piece = journal.AppendPiece(make([]byte, 0, pieceRoom+sizeOf(ops)), from.log.Lineage(), s.n,
		journal.Batch{Epoch: s.at.Epoch, Entries: []journal.Entry{{At: from.clock(), Ops: ops}}})
	return nil
}

// upTo returns those of some effects that go into one piece, one at least, and keeps the
// rest of them for the next.
func (s *session) upTo(ops []journal.Op) []journal.Op {
	var sizer journal.Sizer
	n := 0
	for size := 0; n < len(ops); n++ {
		if size += sizer.Size(ops[n]); n > 0 && size > s.sizes.most {
			break
		}
	}
	s.rest = ops[n:]
	return ops[:n:n]
}

// more returns the next effects of queued rows.
func (s *session) more() (ops []journal.Op) {
	q := s.queue
	for size := 0; len(q.rows) > 0 && size < s.full; {
		w := q.rows[0]
		var done bool
		if ops, done = w.append(ops, s.full-size); !done {
			return ops
		}
		q.rows = q.rows[1:]
		if w.large(s.sizes.whole) { // how much of it was in this piece is not known
			break
		}
		size += w.weight()
	}
	if len(q.rows) == 0 {
		s.cursor = q.cursor
		s.dequeue()
	}
	return ops
}

// errSettling says that the journal's end could not be read as it is.
var errSettling = fault.With(fault.Retryable, errors.New("the journal's end is not settled yet"))

// build returns what has been written since the last piece to keys that the target has,
// and then keys that it does not have yet.
func (s *session) build(ctx context.Context, from origin) ([]journal.Op, error) {
	f := &filter{ranges: s.ranges, cursor: s.cursor, again: s.again}
	q := &queue{release: func() {}}
	defer func() {
		if s.queue == nil {
			q.release()
		}
	}()
	var rows []row
	more := false
	// The rows that come next are of the number up to which the effects are: what is
	// written to them later is not in the effects, since the target does not have them.
	for reads := 0; ; reads++ {
		q.release()
		if reads > 0 { // what is written to the keys of again up to there is in what is read
			f.later = make(map[string]bool)
		}
		v, err := s.read(from, f)
		q.release = v.release
		if err != nil {
			return nil, err
		}
		caught, err := s.entries(ctx, from, f, v.at)
		if f.later != nil {
			if err != nil || !caught {
				return nil, errors.Join(err, errSettling)
			}
			f.again, f.later = f.later, nil
			s.rewrite(f, q, v.again)
		}
		s.again = f.again
		if err != nil || !caught {
			return f.ops, err // the rows are read again once the target has come nearer
		}
		if rows, more = v.rows, v.more; len(f.again) == 0 || len(q.rows) > 0 || reads == mostReads {
			break
		}
	}
	s.append(f, q, rows, more)
	return f.ops, nil
}

// rewrite has a target get the keys that were read again: with the effects, or queued where
// that would be too much for one piece.
func (s *session) rewrite(f *filter, q *queue, rows []row) {
	for i := range rows {
		w := &rowWriter{row: rows[i], over: true}
		switch {
		case f.again[w.key]:
		case w.large(s.sizes.whole) || f.size+w.weight() > s.sizes.most:
			q.rows, q.again = append(q.rows, w), true
		default:
			f.size += w.weight()
			f.ops, _ = w.append(f.ops, 2*s.sizes.whole)
		}
	}
}

// append has the target get the rows that come next: with the effects as long as that is
// not too much for one piece, and queued from there on.
func (s *session) append(f *filter, q *queue, rows []row, more bool) {
	cursor := uint64(journal.MaxPosition) + 1
	if more {
		cursor = rows[len(rows)-1].pos + 1
	}
	for i := range rows {
		w := &rowWriter{row: rows[i]}
		if len(q.rows) > 0 || s.apart(rows[i:], f.size) {
			q.rows = append(q.rows, w)
			continue
		}
		f.size += w.weight()
		f.ops, _ = w.append(f.ops, 2*s.sizes.whole)
		s.cursor = rows[i].pos + 1
	}
	if len(q.rows) == 0 {
		s.cursor = cursor
		return
	}
	q.cursor, s.queue = cursor, q
}

// apart reports whether the rows at the position of the first go into pieces of their own:
// one is large, or they are too much for a piece that has so many bytes.
func (s *session) apart(rows []row, size int) bool {
	begun := size > 0
	for i := 0; i < len(rows) && rows[i].pos == rows[0].pos; i++ {
		if size += rows[i].weight(); rows[i].large(s.sizes.whole) || begun && size > s.sizes.most {
			return true
		}
	}
	return false
}

// reading is what a session reads at one number of the journal.
type reading struct {
	at      cluster.Position
	rows    []row // that the target is to have next: all at one position of keys, or none
	more    bool  // there are more than these
	again   []row // that are to be read again
	release func()
}

// read reads what comes next, and what a filter that keeps what is written later has to
// have read again.
func (s *session) read(from origin, f *filter) (r reading, err error) {
	var releases releases
	err = from.state.View(from.clock(), func(v *replay.View) error {
		r.at = v.Slots(nil).At
		if f.later != nil {
			for key := range f.again {
				pos, _ := value.RowPos(key)
				releases = append(releases, v.Rows(pos, func(at uint64, k string, rec value.Record) bool {
					if k == key {
						r.again = append(r.again, row{at, k, rec})
					}
					return at == pos && k != key
				}))
			}
		}
		size := 0
		for _, slots := range s.ranges {
			first, last := bounds(slots)
			if last < s.cursor || r.more {
				continue
			}
			releases = append(releases, v.Rows(max(first, s.cursor), func(pos uint64, key string, rec value.Record) bool {
				next, n := row{pos, key, rec}, len(r.rows)
				if pos > last {
					return false
				}
				full := n >= pieceRows || n > 0 && (size+next.weight() > s.full || next.large(s.sizes.whole) || r.rows[n-1].large(s.sizes.whole))
				if r.more = full && pos != r.rows[n-1].pos; r.more {
					return false
				}
				r.rows, size = append(r.rows, next), size+next.weight()
				return true
			}))
		}
		return nil
	})
	r.release = releases.all
	return r, err
}

// releases are what lets go of rows.
type releases []func()

func (r releases) all() {
	for _, release := range r {
		release()
	}
}

// entries takes in what the journal has up to a position, or as much of it as goes into
// one piece. It reports whether that is all.
func (s *session) entries(ctx context.Context, from origin, f *filter, until cluster.Position) (all bool, err error) {
	if s.at.Seq >= until.Seq {
		return true, nil
	}
	at := s.at
	for c, err := range from.log.Read(ctx, s.at.Seq+1) {
		if err != nil {
			return false, err
		}
		if c.Seq() != at.Seq+1 {
			return false, fault.With(fault.Retryable, fmt.Errorf("number %d came in place of %d", c.Seq(), at.Seq+1))
		}
		b := c.Batch()
		if at.Seq > s.at.Seq {
			s.at.Seq, s.at.Digest, s.at.Epoch = at.Seq, b.Prev, at.Epoch
			if f.size >= s.sizes.piece && f.later == nil {
				return false, nil
			}
		}
		for _, e := range b.Entries {
			for _, op := range e.Ops {
				f.take(op)
			}
		}
		if at = (cluster.Position{Seq: c.Seq(), Epoch: b.Epoch}); at.Seq == until.Seq {
			s.at = until
			return true, nil
		}
	}
	return false, errSettling
}
