package replay

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/catalog"
	"ledge/replay/cluster"
)

// moves is the catalog's table of moves of slots that the journal's shard has a part in.
// A row's key is the move's id as 16 hexadecimal digits, its value cluster.Move.Text.
var moves = clusterTable("moves")

// seizedBack is the cause of a move at its source whose slots were seized there, since the
// target is gone.
const seizedBack = "the slots were seized back, since the shard that they were given to is gone"

// keptMoves is how many moves are kept that have ended, for whoever asks what became of
// them, and mostMoves how many there may be that have not.
const (
	keptMoves = 32
	mostMoves = 64
)

// Why an effect on moves does not apply, or a draft refuses to emit it.
var (
	errMoveKnown   = errors.New("there is a move of that id already")
	errMoveUnknown = errors.New("there is no such move under way")
	errMovePhase   = errors.New("the move has not come to that, or is past it")
	errMoveOwner   = errors.New("the slots are not the shard's to move so")
	errMoveUnheard = errors.New("no document says yet that the slots are the shard's: they move on once one does")
	errMoveMeets   = errors.New("some of the slots are part of another move")
	errMoveMany    = fmt.Errorf("%d moves are under way, and no more are begun", mostMoves)
	errMoveEpoch   = errors.New("the slots' epoch does not rise")
)

// moveKey returns the key of a move's row.
func moveKey(id journal.MoveID) string { return id.String() }

// movesOf reads the moves out of a catalog, in the order in which they began or ended.
func movesOf(r catalog.Reader) ([]cluster.Move, error) {
	var list []cluster.Move
	for key, val := range catalog.RowsOf(r, moves).All() {
		id, err := strconv.ParseUint(key, 16, 64)
		var m cluster.Move
		if err == nil {
			m, err = cluster.ParseMove(journal.MoveID(id), val)
		}
		if err != nil || moveKey(m.ID) != key {
			return nil, fmt.Errorf("row %.64q of the moves is %.64q", key, val)
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b cluster.Move) int { return int(a.Order) - int(b.Order) })
	return list, nil
}

// soundMoves is movesOf where no row can be wrong, as with soundCustody.
func soundMoves(r catalog.Reader) []cluster.Move {
	list, err := movesOf(r)
	if err != nil {
		panic("replay: " + err.Error())
	}
	return list
}

// Moves returns the moves that the shard has a part in, and the last ones that have ended.
// It takes no lock, and what it returns must not be changed.
func (s *State) Moves() []cluster.Move { return *s.movesNow.Load() }

// Moves is State.Moves as the draft has changed it.
func (d *Draft) Moves() []cluster.Move {
	if d.overlay.cat.Version(moves) == d.s.movesAt {
		return d.s.Moves()
	}
	return soundMoves(&d.overlay.cat)
}

// settleMoves derives the moves, after they may have changed.
func (s *State) settleMoves() {
	if at := s.cat.Version(moves); s.movesAt != at || s.movesNow.Load() == nil {
		s.movesAt = at
		list := soundMoves(s.cat)
		s.movesNow.Store(&list)
	}
}

// applyMoving is apply for the effects on moves, and on the custody of their slots.
func applyMoving(s store, op journal.Op) error {
	c, err := s.catalog()
	if err != nil {
		return err
	}
	w := moveWriter{c}
	switch o := op.(type) {
	case *journal.ClusterJoin:
		return applyJoin(c, o)
	case *journal.ClusterLeave:
		return applyLeave(c)
	case *journal.MoveBegin:
		return w.begin(o)
	case *journal.MoveAt:
		return w.change(o.ID, func(m *cluster.Move) error {
			m.Phase, m.Cursor, m.At = cluster.Copying, o.Cursor, cluster.Position{Seq: o.Seq, Digest: o.Digest, Epoch: o.Epoch}
			m.Seq, m.Digest = 0, 0
			return nil
		}, journal.Target, cluster.Copying, cluster.Ready)
	case *journal.MoveReady:
		return w.change(o.ID, func(m *cluster.Move) error {
			m.Phase, m.Seq, m.Digest = cluster.Ready, o.Seq, o.Digest
			return nil
		}, journal.Target, cluster.Copying, cluster.Ready)
	case *journal.SlotsGive:
		return w.change(o.ID, func(m *cluster.Move) error { return w.give(m, o) }, journal.Source, cluster.Copying)
	case *journal.SlotsTake:
		return w.change(o.ID, func(m *cluster.Move) error { return w.take(m, o) }, journal.Target, cluster.Copying, cluster.Ready)
	case *journal.MoveTaken:
		return w.change(o.ID, func(m *cluster.Move) error {
			m.Phase = cluster.Taken
			return nil
		}, journal.Source, cluster.Given)
	case *journal.MoveEnd:
		return w.end(o)
	case *journal.SlotsSeize:
		return w.seize(o)
	case *journal.SlotsYield:
		return w.yield(o)
	case *journal.ClusterDocument:
		return w.document(o)
	}
	return nil
}

// moveWriter changes moves and custody in a catalog.
type moveWriter struct{ c catalog.Writer }

// get returns a move.
func (w moveWriter) get(id journal.MoveID) (cluster.Move, bool) {
	text, ok := w.c.Get(moves, moveKey(id))
	if !ok {
		return cluster.Move{}, false
	}
	m, err := cluster.ParseMove(id, text)
	return m, err == nil
}

func (w moveWriter) set(m *cluster.Move) error { return w.c.Set(moves, moveKey(m.ID), m.Text()) }

// begin has a move begin.
func (w moveWriter) begin(o *journal.MoveBegin) error {
	custody, err := custodyOf(w.c)
	if err != nil {
		return err
	}
	list, err := movesOf(w.c)
	if err != nil {
		return err
	}
	m := cluster.Move{ID: o.ID, Side: o.Side, Phase: cluster.Copying, Ranges: o.Ranges, Shard: o.Shard, Order: nextOrder(list)}
	all, any, _ := custody.OwnsAll(o.Ranges)
	switch {
	case custody.Cluster == "" || o.Side == journal.Source && !all:
		return errMoveOwner
	case o.Side == journal.Target && any:
		return unyielded(custody, o.Ranges)
	}
	if t := custody.Topology; t != nil && o.Side == journal.Source {
		if heard, _ := t.Documents(o.Ranges); !heard {
			return errMoveUnheard
		}
	}
	under := 0
	for i := range list {
		switch {
		case list[i].ID == o.ID && !(o.Side == journal.Target && list[i].Failed(o.Side)):
			return errMoveKnown
		case list[i].Over():
			continue
		case list[i].Meets(o.Ranges):
			return errMoveMeets
		}
		under++
	}
	if under >= mostMoves {
		return errMoveMany
	}
	return w.set(&m)
}

// unyielded refuses slots as the target of a move that the journal has as its shard's: whoever
// moves them has them at a higher epoch.
func unyielded(c *cluster.Custody, ranges []journal.SlotRange) error {
	if c.Topology != nil {
		return errMoveOwner
	}
	text := journal.SlotsText(c.Those(ranges))
	return fmt.Errorf("by its own journal that shard owns slots %s still: they were seized from it, or the journal was set back. Give them up there, by ledge cluster yield %s, which clears what they hold there, and move them then",
		text, text)
}

// nextOrder returns an order after those of all moves.
func nextOrder(list []cluster.Move) uint64 {
	if len(list) == 0 {
		return 1
	}
	return list[len(list)-1].Order + 1
}

// change changes a move that is on that side and in one of the phases.
func (w moveWriter) change(id journal.MoveID, fn func(*cluster.Move) error, side journal.Side, in ...cluster.Phase) error {
	m, ok := w.get(id)
	switch {
	case !ok:
		return errMoveUnknown
	case m.Side != side || !slices.Contains(in, m.Phase):
		return errMovePhase
	}
	if err := fn(&m); err != nil {
		return err
	}
	return w.set(&m)
}

// give takes a move's slots from the shard.
func (w moveWriter) give(m *cluster.Move, o *journal.SlotsGive) error {
	custody, err := custodyOf(w.c)
	if err != nil {
		return err
	}
	all, _, epoch := custody.OwnsAll(m.Ranges)
	switch {
	case !all:
		return errMoveOwner
	case o.Epoch <= epoch:
		return errMoveEpoch
	}
	m.Phase, m.Epoch, m.Seq, m.Digest = cluster.Given, o.Epoch, o.Seq, o.Digest
	if err := w.setTopology(custody.Topology, (*cluster.Topology).Gave, m.Ranges); err != nil {
		return err
	}
	return w.setOwned(custody.Owned, cluster.Without(custody.Owned, m.Ranges))
}

// take gives a move's slots to the shard.
func (w moveWriter) take(m *cluster.Move, o *journal.SlotsTake) error {
	custody, err := custodyOf(w.c)
	if err != nil {
		return err
	}
	if _, any, _ := custody.OwnsAll(m.Ranges); any || o.Epoch == 0 {
		return errMoveOwner
	}
	m.Phase, m.Epoch = cluster.Taken, o.Epoch
	if err := w.setTopology(custody.Topology, (*cluster.Topology).Took, m.Ranges); err != nil {
		return err
	}
	return w.setOwned(custody.Owned, cluster.With(custody.Owned, m.Ranges, o.Epoch))
}

// seize makes the shard the owner of slots that it has not. A move by which it has given some
// of them to the shard that is gone ends by that.
func (w moveWriter) seize(o *journal.SlotsSeize) error {
	list, err := movesOf(w.c)
	if err != nil {
		return err
	}
	for i := range list {
		if m := &list[i]; !m.Over() && m.Passed(o.From) && m.Covered(o.Ranges) {
			if err := w.finish(*m, seizedBack); err != nil {
				return err
			}
		}
	}
	custody, err := w.unmoved(o.Ranges)
	if err != nil {
		return err
	}
	switch _, any, _ := custody.OwnsAll(o.Ranges); {
	case custody.Cluster == "":
		return errNoCluster
	case any:
		return errMoveOwner
	case o.Epoch < journal.SeizeEpochs:
		return errMoveEpoch
	}
	return w.setOwned(custody.Owned, cluster.With(custody.Owned, o.Ranges, o.Epoch))
}

// yield ends that the shard owns slots.
func (w moveWriter) yield(o *journal.SlotsYield) error {
	custody, err := w.unmoved(o.Ranges)
	if err != nil {
		return err
	}
	if all, _, _ := custody.OwnsAll(o.Ranges); !all {
		return errMoveOwner
	}
	return w.setOwned(custody.Owned, cluster.Without(custody.Owned, o.Ranges))
}

// unmoved returns the custody if none of some slots is being moved.
func (w moveWriter) unmoved(ranges []journal.SlotRange) (*cluster.Custody, error) {
	list, err := movesOf(w.c)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if !list[i].Over() && list[i].Meets(ranges) {
			return nil, errMoveMeets
		}
	}
	return custodyOf(w.c)
}

// setOwned puts the rows of what is owned in the place of those that there were.
func (w moveWriter) setOwned(was, is []journal.OwnedRange) error {
	for _, o := range was {
		key, _ := ownedRow(o)
		if err := w.c.Delete(slots, key); err != nil {
			return err
		}
	}
	for _, o := range is {
		key, val := ownedRow(o)
		if err := w.c.Set(slots, key, val); err != nil {
			return err
		}
	}
	return nil
}

// end ends a move.
func (w moveWriter) end(o *journal.MoveEnd) error {
	m, ok := w.get(o.ID)
	switch {
	case !ok:
		return errMoveUnknown
	case m.Over(), m.Phase == cluster.Given, o.Cause == "" && m.Phase != cluster.Taken:
		return errMovePhase
	}
	return w.finish(m, o.Cause)
}

// finish has a move be one that has ended. Of those the last are kept.
func (w moveWriter) finish(m cluster.Move, cause string) error {
	list, err := movesOf(w.c)
	if err != nil {
		return err
	}
	m.Phase, m.Cause, m.Order = cluster.Ended, cause, nextOrder(list)
	over := 0
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Over() {
			if over++; over >= keptMoves {
				if err := w.c.Delete(moves, moveKey(list[i].ID)); err != nil {
					return err
				}
			}
		}
	}
	if err := w.set(&m); err != nil {
		return err
	}
	return w.settle() // what a document says of its slots holds from here on
}

// Moving adds an effect on a move, or on the shard's part in a cluster, if it applies: one
// that does not is refused, and changes nothing.
func (d *Draft) Moving(op journal.Op) error {
	trial := catalog.Overlay{}
	trial.Begin(&d.overlay.cat)
	err := applyMoving(tryStore{store: d.overlay, c: &trial}, op)
	if o, ok := op.(*journal.ClusterDocument); ok && err == nil {
		err = moveWriter{&d.overlay.cat}.alone(o)
	}
	if _, ok := op.(*journal.ClusterLeave); ok && err == nil {
		err = d.cleared()
	}
	if err != nil {
		return fault.With(fault.Refused, err)
	}
	return d.emit(op)
}

// tryStore is a store whose catalog is another one, in which an effect is tried.
type tryStore struct {
	store
	c catalog.Writer
}

func (t tryStore) catalog() (catalog.Writer, error) { return t.c, nil }
