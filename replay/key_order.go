package replay

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"ledge/journal"
	"ledge/journal/progress"
	"ledge/replay/value"
)

// order has the positions of a database's keys in order, in a tree: 8 bytes for a key, in
// which the collector has nothing to follow. The dict finds the keys at a position. Writes
// don't need the tree, and a key takes a microsecond to find its place, so it lags:
// Apply only notes where keys came or went. Whoever reads the order brings it up
// to date first; KeepOrder does so in the background, while appends are under way.
//
// In which order keys came and went does not matter: a position at which the dict has a key
// belongs in the tree, any other does not.
//
// The tree has no lock of its own. Only a goroutine that holds the state's lock
// touches it; one that holds it shared changes the tree with mu held, and reads
// it without once it is up to date: as long as anybody holds the lock shared,
// nothing is noted, so nobody has anything to change.
type order struct {
	tree *btree.BTreeG[uint64]

	// noted are positions at which keys came or went. Apply appends, with the state's lock
	// held alone; whoever holds it shared needs mu too, as for the rest.
	noted []uint64

	mu      sync.Mutex
	sorting []uint64 // noted before; KeepOrder is sorting a copy of them
	run     []uint64 // noted before, sorted, not placed yet
}

const (
	// maxNoted bounds what a reader may have to wait for: about 5 ms.
	maxNoted = 4096
	// maxLooseNoted is for recovery, when nobody reads, and for a replica that
	// has far to go, where there are fewer than half as many keys; else it is
	// twice the keys. Whoever reads the order then waits as after a start.
	maxLooseNoted = 4 << 20
	// placeRun is how many keys make it worth waking KeepOrder.
	placeRun = 1024
	// placeSlice is how many keys KeepOrder places before it lets a batch be
	// applied.
	placeSlice = 32
	// sortSlice is after how many keys it is said how far sorting is.
	sortSlice = 1024
)

func newOrder() order {
	less := func(a, b uint64) bool { return a < b }
	return order{tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

// note is told at which position a key came or went. The caller holds the state's lock. If
// there are far more than most, a replica that had far to go has left them, and
// KeepOrder places them.
func (db *database) note(pos uint64, most int) {
	o := &db.order
	o.noted = append(o.noted, pos)
	loose := max(maxLooseNoted, 2*db.dict.n)
	if most == maxLooseNoted {
		most = loose
	}
	if n := len(o.noted); n >= most && n < 2*most || n >= loose {
		db.place(inOrder(o.noted, nil))
		o.noted = o.noted[:0]
	}
}

// Behind reports whether there is much to be brought in order.
func (s *State) Behind() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, db := range s.dbs {
		o := &db.order
		o.mu.Lock()
		n := len(o.noted) + len(o.sorting) + len(o.run)
		o.mu.Unlock()
		if n > maxNoted {
			return true
		}
	}
	return false
}

// ordered returns the tree, up to date. The caller holds the state's lock,
// shared or alone.
func (db *database) ordered() *btree.BTreeG[uint64] {
	o := &db.order
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.run) > 0 {
		db.place(o.run)
	}
	if rest := append(o.sorting, o.noted...); len(rest) > 0 {
		db.place(inOrder(rest, nil))
	}
	o.noted, o.sorting, o.run = o.noted[:0], nil, nil
	return o.tree
}

// place has positions, which are sorted, be in the tree if the dict has a key there, and
// not be there if it has none.
func (db *database) place(positions []uint64) {
	var near btree.PathHint // the next one's place is likely near this one's
	var room [1]*value.Block
	for _, pos := range positions {
		if len(db.dict.at(room[:0], pos)) > 0 {
			db.order.tree.SetHint(pos, &near)
		} else {
			db.order.tree.DeleteHint(pos, &near)
		}
	}
}

// rowAt is where a row stands: rows are in the order of their positions, and those at one
// position in that of their keys.
type rowAt struct {
	pos uint64
	key string
}

func (a rowAt) before(b rowAt) bool { return a.pos < b.pos || a.pos == b.pos && a.key < b.key }

// after returns the first place after one.
func (a rowAt) after() rowAt { return rowAt{a.pos, a.key + "\x00"} }

// ascend calls fn with the rows of a database from a position on, in order, until it returns
// false. The caller holds the state's lock.
func (db *database) ascend(from uint64, fn func(pos uint64, b *value.Block) bool) {
	var room [1]*value.Block
	db.ordered().Ascend(from, func(pos uint64) bool {
		for _, b := range db.dict.at(room[:0], pos) {
			if !fn(pos, b) {
				return false
			}
		}
		return true
	})
}

// KeepOrder brings the trees up to date until ctx ends, in short steps: first
// what recovery left, then what is noted when the writer says that an append
// is under way.
func (s *State) KeepOrder(ctx context.Context) {
	for {
		s.noted.Store(0)
		for n := range s.dbs {
			for s.sortNoted(n, nil) {
				for s.placeSome(n) {
					if ctx.Err() != nil {
						return
					}
					runtime.Gosched() // a client is more important
				}
			}
		}
		select {
		case <-s.idle:
		case <-ctx.Done():
			return
		}
	}
}

// PutInOrder brings the trees up to date in short steps if a recovery has left that many
// keys or more: so many that whoever reads the order first would wait for long, and
// everybody with it. It is called before anybody reads. What is left otherwise is for
// KeepOrder.
func (s *State) PutInOrder(ctx context.Context, many int) error {
	left := 0
	for _, db := range s.dbs {
		left += len(db.order.noted)
	}
	if left < many {
		return nil
	}
	shown, runs := progress.Of(ctx), 0
	shown.Step(progress.StepSort, progress.Keys, int64(left))
	for n, db := range s.dbs {
		s.sortNoted(n, shown)
		if runs += len(db.order.run); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	shown.Step(progress.StepOrder, progress.Keys, int64(runs))
	for n := range s.dbs {
		for s.placeSome(n) {
			if shown.Add(placeSlice); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// Appending says that an append is under way, which is a good moment for
// KeepOrder, if there is enough to do: the longer a run, the nearer to each other
// its places. far says that a replica has far to go: then what reads the order
// waits, as after a start, and KeepOrder rests.
func (s *State) Appending(far bool) {
	if s.far.Store(far); far || s.noted.Load() < placeRun {
		return
	}
	select {
	case s.idle <- struct{}{}:
	default:
	}
}

// sortNoted makes a run of what has been noted in database n, and reports
// whether there is a run. It sorts without any lock. shown is told how far that is.
func (s *State) sortNoted(n int, shown *progress.Meter) bool {
	db, keys := s.takeNoted(n)
	if len(keys) == 0 {
		return db != nil
	}
	run := inOrder(keys, shown)
	o := &db.order
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sorting == nil {
		return true // a reader has placed them meanwhile
	}
	o.run, o.sorting = run, nil
	return true
}

// takeNoted moves what has been noted in database n to where it is sorted. It
// returns no keys if there is a run already, and no database if there is
// nothing to do.
func (s *State) takeNoted(n int) (*database, []uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	db := s.dbs[n]
	o := &db.order
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case s.closed || len(o.run)+len(o.noted) == 0:
		return nil, nil
	case len(o.run) > 0:
		return db, nil
	}
	o.sorting, o.noted = o.noted, nil
	return db, o.sorting
}

// placeSome places the next slice of the run in database n, and reports whether
// more is left.
func (s *State) placeSome(n int) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	db := s.dbs[n]
	o := &db.order
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.closed || len(o.run) == 0 {
		return false
	}
	some := o.run[:min(placeSlice, len(o.run))]
	db.place(some)
	if o.run = o.run[len(some):]; len(o.run) == 0 {
		o.run = nil
	}
	return o.run != nil
}

// fewToDeal is up to how many looking at all slots would take longer than sorting.
const fewToDeal = 1024

// inOrder returns positions in order, each once. shown is told of each key twice as of half a
// one, since dealing takes as long as sorting.
func inOrder(noted []uint64, shown *progress.Meter) []uint64 {
	looks := 0 // two at each
	at := func(pos uint64) uint64 {
		if looks++; looks%sortSlice == 0 {
			shown.Add(sortSlice / 4)
		}
		return pos
	}
	return slices.Compact(bySlot(noted, at, func(some []uint64) {
		slices.Sort(some)
		shown.Add(int64(len(some)) / 2)
	}))
}

// bySlot returns what stands at positions in order: dealt out by slot, each slot's sorted by
// sort, so that what is left to sort is small. Few are sorted as they are.
func bySlot[T any](all []T, pos func(T) uint64, sort func(some []T)) []T {
	if len(all) < fewToDeal {
		few := slices.Clone(all)
		sort(few)
		return few
	}
	var ends [journal.MaxSlot + 2]int
	for i := range all {
		ends[value.PositionSlot(pos(all[i]))+1]++
	}
	for i := range ends[1:] {
		ends[i+1] += ends[i]
	}
	dealt := make([]T, len(all))
	for _, x := range all {
		slot := value.PositionSlot(pos(x))
		dealt[ends[slot]] = x
		ends[slot]++ // becomes the end of its slot
	}
	begin := 0
	for _, end := range ends[:journal.MaxSlot+1] {
		sort(dealt[begin:end])
		begin = end
	}
	return dealt
}
