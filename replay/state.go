// Package replay turns the journal into state. State is what the journal adds
// up to; Apply is the only way to change it, and leader, recovery and replica
// all go through it. A View reads state, a Draft evaluates a command on top of
// it without changing it, and the Writer is the one goroutine that takes
// drafts through the journal and back into Apply.
//
// Each database is a hash table and a tree of its own, so that clearing or
// swapping whole databases takes the same short time whatever they hold. The table
// has what the keys hold, and is what Apply writes; the tree has the keys in order,
// and is brought up to date later.
package replay

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/catalog"
	"ledge/replay/cluster"
	"ledge/replay/snapshot"
	"ledge/replay/value"
	"ledge/replay/watch"
)

// State is everything the journal says up to one position: the databases, and the
// catalog of what is few. Apply alone changes it, and it reads no clock, no
// configuration and no randomness, so the same batches lead to the same state.
//
// Views hold mu shared and run side by side; Apply holds it alone. What a key holds
// is never changed once it is published, only replaced, so a snapshot and a pinned
// view go on reading it without a lock. One goroutine applies at a time.
type State struct {
	mu    sync.RWMutex
	dbs   []*database      // by database number; mu
	pos   journal.Pos      // mu
	epoch uint64           // mu
	cat   *catalog.Catalog // mu

	// said is pos and epoch for whoever has no lock.
	said atomic.Pointer[position]

	// custody is derived from cat as it was at custodyAt.
	custody   atomic.Pointer[cluster.Custody]
	custodyAt catalog.Version // mu
	movesNow  atomic.Pointer[[]cluster.Move]
	movesAt   catalog.Version           // mu
	heldSlots atomic.Pointer[heldSlots] // see HoldSlots
	shown     *shownSlots               // mu; from custody

	// drafting is held while a draft evaluates. Whoever wants mu alone, and is not
	// the goroutine that writes, takes drafting first: a draft holds mu shared, a
	// script may take long, and a lock that waits for mu alone has all readers wait.
	drafting sync.Mutex

	watches watch.Keys
	walk    atomic.Pointer[walk] // the snapshot being taken, if any
	loose   bool                 // mu; see loosen
	far     atomic.Bool          // a replica has far to go, so orders may lag more
	noted   atomic.Int64         // keys that came or went since KeepOrder looked
	idle    chan struct{}        // wakes KeepOrder
	closed  bool                 // mu
	gen     atomic.Uint64        // numbers pens, so that none has another's nodes
	pinned  atomic.Int64         // views that Pin gave and that are not closed
	bound   atomic.Int64         // see SetBound
	room    func(int64) bool     // see SetRoom
	nodes   value.Pool           // belongs to the goroutine that writes
	sums    []slotChange         // of the batch that is applied; see tables.sum
}

// position is how far a state has come.
type position struct {
	pos   journal.Pos
	epoch uint64
}

// sayLocked has others see the position that the state has come to.
func (s *State) sayLocked() { s.said.Store(&position{s.pos, s.epoch}) }

// database is one numbered database: its keys and what they hold in dict, and what
// is derived from that: the order of keys, the digest and the deadlines. Check
// counts what is derived again and compares.
type database struct {
	dict    dict
	order   order
	digest  journal.Digest // sum of its rows, without the database's number
	dead    deadlines
	fields  deadlines      // hashes by the first deadline of their fields
	untimed []*value.Block // records whose deadlines the index may lack; see loosen
	slots   *slotSums      // nil outside of a cluster

	// What the sweeper has passed, of dead and of fields.
	passedDead, passedFields passed
}

// New returns an empty state with n databases.
func New(n int) (*State, error) {
	if n < 1 || n > 1<<15 {
		return nil, fault.As(fault.Refused, "make a state", fmt.Errorf("%d databases", n))
	}
	s := &State{dbs: make([]*database, n), idle: make(chan struct{}, 1)}
	var err error
	if s.cat, err = newCatalog(); err != nil {
		return nil, err
	}
	for i := range s.dbs {
		s.dbs[i] = newDatabase()
	}
	s.settleCustody()
	s.sayLocked()
	return s, nil
}

// newDatabase returns an empty database.
func newDatabase() *database { return &database{order: newOrder()} }

// Close ends the state, which must not be used afterwards.
func (s *State) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.cat.Close()
}

// Pos returns the position that has been applied. Like Epoch and Position it waits for
// nobody, so that it may be asked by whoever has a View.
func (s *State) Pos() journal.Pos { return s.said.Load().pos }

// Epoch returns the epoch of the last batch applied.
func (s *State) Epoch() uint64 { return s.said.Load().epoch }

// Position returns the position that has been applied, and the epoch there.
func (s *State) Position() (journal.Pos, uint64) {
	p := s.said.Load()
	return p.pos, p.epoch
}

// Keys returns how many keys there are in all databases, those that have expired and
// are not removed yet among them.
func (s *State) Keys() (n int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, db := range s.dbs {
		n += db.dict.n
	}
	return n
}

// Databases returns how many databases there are.
func (s *State) Databases() int { return len(s.dbs) }

// Apply makes the state what it is after batches that follow each other. It is the
// only way to change a state. The first must be the next one, and each must have
// been written on top of what the one before it makes of the state. Otherwise
// nothing changes, and the error, which is Fatal, says how the two differ. Several
// at once cost less than one by one, and hold up Views for longer.
//
// A panic is such an error as well. What was changed by then is taken back as far
// as that goes, for whoever reads until the node has stopped.
func (s *State) Apply(cs ...journal.Committed) error { return s.applyMade(cs, nil) }

// applyMade is Apply. If there is only one batch, a draft may have made things for
// its effects.
func (s *State) applyMade(cs []journal.Committed, given []made) error {
	return s.applyPrepared(cs, given, s.prepareRest(cs))
}

// applyPrepared is applyMade with what was prepared for keepRest, if anything.
func (s *State) applyPrepared(cs []journal.Committed, given []made, prepared *rest) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pos, epoch := s.pos, s.epoch
	t := tables{s: s, ink: value.NewPen(&s.gen), rest: prepared}
	defer func() {
		if p := recover(); p != nil {
			err = fault.As(fault.Fatal, "apply", fault.Caught(p))
			defer func() { _ = recover() }() // it is Fatal either way
			t.rollback()
			s.pos, s.epoch = pos, epoch
		}
	}()
	for _, c := range cs {
		if err := s.applyLocked(&t, c, given); err != nil {
			t.rollback()
			s.pos, s.epoch = pos, epoch
			return fault.As(fault.Fatal, "apply", fmt.Errorf("number %d: %w", c.Seq(), err))
		}
	}
	err = t.commit()
	s.sayLocked()
	return fault.As(fault.Fatal, "apply", err)
}

// applyLocked applies one batch to t. What was made for its effects is in their
// order, or there is nothing.
func (s *State) applyLocked(t *tables, c journal.Committed, given []made) error {
	b := c.Batch()
	if err := s.followsLocked(c.Seq(), b); err != nil {
		return err
	}
	warmed := 0
	for i, e := range b.Entries {
		for j, op := range e.Ops {
			if warmed == 0 {
				warmed = t.warm(b.Entries[i:], j)
			}
			warmed--
			var m made
			if len(given) > 0 {
				m, given = given[0], given[1:]
			}
			t.ahead = e.Ops[j+1:]
			if err := apply(t, op, m); err != nil {
				return err
			}
		}
	}
	s.pos = journal.Pos{Seq: c.Seq(), Digest: s.digestLocked()}
	s.epoch = b.Epoch
	return nil
}

// NotNext says how a batch was written on something else than the state.
type NotNext string

func (n NotNext) Error() string { return string(n) }

// CheckNext reports how a batch that was received fails to be the next one. A
// batch of another history is a NotNext.
func (s *State) CheckNext(r journal.Received) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.followsLocked(r.Seq(), r.Batch())
}

// followsLocked reports how a batch fails to be the next one.
func (s *State) followsLocked(seq journal.Seq, b journal.Batch) error {
	switch {
	case s.closed:
		return errors.New("state is closed")
	case seq != s.pos.Seq+1:
		return NotNext(fmt.Sprintf("cannot follow %d", s.pos.Seq))
	case b.Prev != s.pos.Digest:
		return NotNext(fmt.Sprintf("written on digest %s; the state's is %s", b.Prev, s.pos.Digest))
	case b.Epoch < s.epoch:
		return NotNext(fmt.Sprintf("of epoch %d; the state's is %d", b.Epoch, s.epoch))
	}
	return nil
}

// digestLocked sums up the databases. Each counts by its number, so that the
// same rows in another database make another digest.
func (s *State) digestLocked() journal.Digest {
	sum := s.cat.Digest()
	for i, db := range s.dbs {
		sum += snapshot.Numbered(db.digest, i)
	}
	return sum
}

// View calls fn with a still view of the state at the given time. Nothing is
// applied until fn returns, so fn must be short; what reads much pauses by
// itself (see Each). The View must not be kept.
func (s *State) View(now time.Time, fn func(*View) error) error {
	v := View{s: s, now: now.UnixMilli()}
	v.lock()
	defer v.unlock()
	if s.closed {
		return fault.As(fault.Operator, "look at the state", errors.New("state is closed"))
	}
	return fn(&v)
}

// OpenView is View for callers that can't nest their work in a function. The
// view must be closed soon, by the goroutine that opened it, and that goroutine
// must not open another meanwhile.
func (s *State) OpenView(now time.Time) *View {
	v := &View{s: s, now: now.UnixMilli()}
	v.lock()
	return v
}

// Close ends a view that OpenView or Pin gave.
func (v *View) Close() {
	if v.pins != nil {
		v.s.pinned.Add(-1)
		return
	}
	v.unlock()
}
