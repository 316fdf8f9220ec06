package replay

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"ledge/journal"
	"ledge/journal/progress"
	"ledge/replay/value"
)

// order has the row keys of a database in order, in a tree. Writes don't need it,
// and a key takes a microsecond or several to find its place, so the tree lags:
// Apply only notes which keys came or went. Whoever reads the order brings it up
// to date first; KeepOrder does so in the background, while appends are under way.
//
// In which order keys came and went does not matter: a key that the dict has
// belongs in the tree, any other does not.
//
// The tree has no lock of its own. Only a goroutine that holds the state's lock
// touches it; one that holds it shared changes the tree with mu held, and reads
// it without once it is up to date: as long as anybody holds the lock shared,
// nothing is noted, so nobody has anything to change.
type order struct {
	tree *btree.BTreeG[string]

	// noted are keys that came or went. Apply appends, with the state's lock
	// held alone; whoever holds it shared needs mu too, as for the rest.
	noted []string

	mu      sync.Mutex
	sorting []string // noted before; KeepOrder is sorting a copy of them
	run     []string // noted before, sorted, not placed yet
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
	less := func(a, b string) bool { return a < b }
	return order{tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

// note is told that a key came or went. The caller holds the state's lock. If
// there are far more than most, a replica that had far to go has left them, and
// KeepOrder places them.
func (db *database) note(key string, most int) {
	o := &db.order
	o.noted = append(o.noted, key)
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
func (db *database) ordered() *btree.BTreeG[string] {
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

// place puts keys, which are sorted, where they belong: those that are in the
// dict into the tree, the others out of it.
func (db *database) place(keys []string) {
	var near btree.PathHint // the next key's place is likely near this one's
	for _, key := range keys {
		k, hash := value.AppendRowKey(make([]byte, 0, value.RowHead+len(key)), key)
		if db.dict.get(key, hash) != nil {
			db.order.tree.SetHint(unsafeString(k), &near)
		} else {
			db.order.tree.DeleteHint(unsafeString(k), &near)
		}
	}
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
func (s *State) takeNoted(n int) (*database, []string) {
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

// place is where a key belongs.
type place struct {
	pos uint64
	key string
}

// inOrder returns keys in the order of the tree, each once. They are dealt out
// by slot first, so that what is left to sort is small. shown is told of each key twice
// as of half a one, since dealing takes as long as sorting.
func inOrder(keys []string, shown *progress.Meter) []string {
	var ends [journal.MaxSlot + 2]int
	places := make([]place, len(keys))
	for i, key := range keys {
		pos, _ := value.RowPos(key)
		places[i] = place{pos, key}
		ends[value.PositionSlot(pos)+1]++
		if i%sortSlice == sortSlice-1 {
			shown.Add(sortSlice / 2)
		}
	}
	for i := range ends[1:] {
		ends[i+1] += ends[i]
	}
	dealt := make([]place, len(keys))
	for _, p := range places {
		slot := value.PositionSlot(p.pos)
		dealt[ends[slot]] = p
		ends[slot]++ // becomes the end of its slot
	}
	sorted := make([]string, 0, len(keys))
	begin := 0
	for _, end := range ends[:journal.MaxSlot+1] {
		slices.SortFunc(dealt[begin:end], func(a, b place) int {
			if a.pos != b.pos {
				return cmp.Compare(a.pos, b.pos)
			}
			return strings.Compare(a.key, b.key)
		})
		for _, p := range dealt[begin:end] {
			sorted = append(sorted, p.key)
		}
		shown.Add(int64(end-begin) / 2)
		begin = end
	}
	return slices.Compact(sorted)
}
