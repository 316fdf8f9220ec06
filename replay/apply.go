package replay

import (
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/replay/catalog"
	"ledge/replay/value"
)

// store is what an effect is applied to: the trees, or the overlay of a draft.
// It keeps raw records and does not look at deadlines: whether a key counts as
// there was decided when the command was evaluated.
type store interface {
	get(db journal.DB, key string) (value.Record, bool)
	// put takes the block that has r as its row if there is one already.
	put(db journal.DB, key string, r value.Record, b *value.Block)
	del(db journal.DB, key string)
	clear(db journal.DB, r span) error
	swap(a, b journal.DB)
	databases() int
	// edit returns the collection that key holds, a new one if none, for
	// changing until leave is called; nil when there is nothing to change.
	// A body that a draft has made of it already is put in place instead.
	edit(db journal.DB, key string, typ value.Type, made value.Body) (value.Body, error)
	leave(db journal.DB, key string)
	pen() *value.Pen
	catalog() (catalog.Writer, error)
}

// apply does to s what op means. It is the only place that knows, and runs on
// the trees and on a draft's overlay alike, so a command sees exactly what
// Apply will do. It reads no clock, no randomness and no configuration. What a
// draft has made for the effect is put in place.
func apply(s store, op journal.Op, m made) error {
	switch o := op.(type) {
	case *journal.Epoch, *journal.Who:
		return nil // the batch's own epoch field says it; who it was changes nothing
	case *journal.StringSet:
		if err := checkDB(s, o.DB); err != nil {
			return err
		}
		s.put(o.DB, o.Key, value.Record{Type: value.String, At: o.At, Val: o.Value}, m.block)
		return nil
	case *journal.StringEdit:
		return applyStringEdit(s, o)
	case *journal.KeyDelete:
		if err := checkDB(s, o.DB); err != nil {
			return err
		}
		s.del(o.DB, o.Key)
		return nil
	case *journal.KeyExpire:
		return applyExpire(s, o)
	case *journal.KeyRename:
		return applyMove(s, o.DB, o.Key, o.ToDB, o.To, true)
	case *journal.KeyCopy:
		return applyMove(s, o.DB, o.Key, o.ToDB, o.To, false)
	case *journal.RangeClear:
		if err := checkDB(s, o.DB); err != nil {
			return err
		}
		return s.clear(o.DB, slotSpan(o.First, o.Last))
	case *journal.SpanClear:
		if err := checkDB(s, o.DB); err != nil {
			return err
		}
		return s.clear(o.DB, span{uint64(o.First), uint64(o.Last)})
	case *journal.SwapDB:
		if err := checkDB(s, max(o.A, o.B)); err != nil {
			return err
		}
		s.swap(o.A, o.B)
		return nil
	case *journal.FunctionSet, *journal.FunctionFlush:
		return applyFunction(s, op)
	case *journal.SlotsFound:
		return applySlotsFound(s, o)
	case *journal.ClusterJoin, *journal.ClusterLeave, *journal.MoveBegin, *journal.MoveAt, *journal.MoveReady,
		*journal.SlotsGive, *journal.SlotsTake, *journal.MoveTaken, *journal.MoveEnd, *journal.SlotsSeize, *journal.SlotsYield,
		*journal.ClusterDocument:
		return applyMoving(s, op)
	}
	if journal.Gives(op) > value.String {
		return alter(s, op, m.body)
	}
	panic(fmt.Sprintf("replay: effect %d has no meaning", op.Kind()))
}

// ErrDatabases is that an effect concerns a database that the node is not set to have.
// That is no damage: a node that has more of them can apply it.
var ErrDatabases = errors.New("set databases to as many as there were")

func checkDB(s store, db journal.DB) error {
	if int(db) >= s.databases() {
		return fmt.Errorf("database %d; this node has %d; %w", db, s.databases(), ErrDatabases)
	}
	return nil
}

func applyExpire(s store, o *journal.KeyExpire) error {
	if err := checkDB(s, o.DB); err != nil {
		return err
	}
	r, ok := s.get(o.DB, o.Key)
	if !ok {
		return fmt.Errorf("deadline for a key that is not there: %.64q", o.Key)
	}
	r.At = o.At
	s.put(o.DB, o.Key, r, nil)
	return nil
}

// applyMove copies a key, and removes the original when move is set.
func applyMove(s store, db journal.DB, key string, toDB journal.DB, to string, move bool) error {
	if err := checkDB(s, max(db, toDB)); err != nil {
		return err
	}
	r, ok := s.get(db, key)
	if !ok {
		return fmt.Errorf("copy of a key that is not there: %.64q", key)
	}
	if db == toDB && key == to {
		return nil
	}
	s.put(toDB, to, r, nil)
	if move {
		s.del(db, key)
	} else if r.Body != nil {
		s.pen().Fresh() // two keys have the body, so neither may change it in place
		r.Body.Share()
	}
	return nil
}
