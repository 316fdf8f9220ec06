package move

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/replay/wire"
)

// How a target takes in what the source sends.

// next fetches the next piece and takes it in.
func (t *target) next(ctx context.Context) error {
	began := t.m.cfg.Clock()
	b, err := t.fetch(ctx, t.piece+1)
	if err != nil {
		return err
	}
	batch, err := journal.ReadPiece(b, t.lineage, t.piece+1)
	if err != nil {
		return fault.As(fault.Retryable, fmt.Sprintf("piece %d", t.piece+1), err)
	}
	ops, at, err := t.check(batch)
	if err != nil {
		return fault.As(fault.Refused, fmt.Sprintf("piece %d", t.piece+1), err)
	}
	if err := t.store(ctx, ops, at); err != nil {
		t.waits = err.Error()
		return fault.As(fault.Retryable, fmt.Sprintf("take in piece %d", t.piece+1), t.explain(err, sizeOf(ops)))
	}
	t.piece++
	// A piece of a large value brings the target to neither another key nor another number.
	copied := at.Cursor > t.cursor || at.Seq == t.at.Seq && at.Cursor <= uint64(journal.MaxPosition)
	t.at, t.cursor = cluster.Position{Seq: at.Seq, Digest: at.Digest, Epoch: at.Epoch}, at.Cursor
	t.m.tookIn(t, len(ops), len(b))
	if !copied {
		return nil
	}
	return t.slow(ctx, t.m.cfg.Clock().Sub(began), len(b))
}

// explain says what is to be done about a piece that can't be taken in. The source makes no
// piece longer than the target has said unless it is one value, or the bound is another since.
func (t *target) explain(err error, bytes int) error {
	most := t.m.cfg.State.MostImport()
	if fault.Of(err) != fault.Refused || bytes <= most+most/8 {
		return err
	}
	return fault.With(fault.Retryable, fmt.Errorf("%w; a value of %d bytes moves, and %d fit by --max-memory: set it higher at the target, or ledge cluster cancel",
		err, bytes, most))
}

// sizeOf returns how many bytes effects take in an entry.
func sizeOf(ops []journal.Op) (n int) {
	var sizer journal.Sizer
	for _, op := range ops {
		n += sizer.Size(op)
	}
	return n
}

// tookIn counts a piece.
func (m *Mover) tookIn(t *target, effects, bytes int) {
	if effects > 0 {
		t.came++
	}
	m.note(t.of.ID, func(p *Progress) {
		p.Bytes, p.Lag, p.Cause = p.Bytes+int64(bytes), int64(max(t.last, t.at.Seq)-t.at.Seq), ""
	})
	m.mu.Lock()
	m.stats.Bytes += int64(bytes)
	m.mu.Unlock()
}

// slow waits for as long as the next piece should wait after one of n bytes that has taken so
// long: by the rate that is set, and for the sake of clients. What is written to the slots
// meanwhile does not wait: a target that takes in less of that than comes would never have
// all.
func (t *target) slow(ctx context.Context, took time.Duration, n int) error {
	wait := t.rest(took)
	if rate := t.m.cfg.Limits().Rate; rate > 0 {
		wait = max(wait, time.Duration(float64(n)/float64(rate)*float64(time.Second))-took)
	}
	if wait > 0 {
		pause(ctx, wait)
	}
	return ctx.Err()
}

// maxPiece is how long a piece may be.
const maxPiece = journal.MaxFrame

// fetch fetches a piece, part by part.
func (t *target) fetch(ctx context.Context, n uint64) ([]byte, error) {
	var b []byte
	for size := 1; len(b) < size; {
		msg, err := t.m.cfg.Call(ctx, t.of.Shard, SubjectFetch, fetch{Move: wire.Hex(t.of.ID), Session: wire.Hex(t.session), Piece: n, Offset: len(b),
			Active: t.m.cfg.Active()})
		if err != nil {
			return nil, err
		}
		t.m.heard(t.of.ID)
		said, err := strconv.Atoi(msg.Header.Get(headerSize))
		last, err2 := strconv.ParseUint(msg.Header.Get(headerLast), 10, 64)
		t.active = msg.Header.Get(headerActive) != ""
		switch {
		case err != nil || err2 != nil || said <= 0 || said > maxPiece || len(b) > 0 && said != size:
			return nil, fault.With(fault.Refused, fmt.Errorf("a piece of %q bytes, by a journal that ends at %q", wire.Clip(msg.Header.Get(headerSize), wire.MaxName),
				wire.Clip(msg.Header.Get(headerLast), wire.MaxName)))
		case len(msg.Data) == 0 || len(b)+len(msg.Data) > said:
			return nil, fault.With(fault.Refused, fmt.Errorf("%d bytes at %d of a piece of %d", len(msg.Data), len(b), said))
		}
		if size = said; len(b) == 0 && len(msg.Data) < size {
			b = make([]byte, 0, size)
		}
		b, t.last = append(b, msg.Data...), journal.Seq(last)
	}
	return b, nil
}

var errPiece = errors.New("it is not one of this move")

// check looks whether a piece is what it may be: effects on keys of the slots that move,
// and where that brings the target to.
func (t *target) check(b journal.Batch) ([]journal.Op, *journal.MoveAt, error) {
	if len(b.Entries) != 1 || len(b.Entries[0].Ops) == 0 {
		return nil, nil, errPiece
	}
	ops := b.Entries[0].Ops
	at, ok := ops[len(ops)-1].(*journal.MoveAt)
	if !ok || at.ID != t.of.ID {
		return nil, nil, errPiece
	}
	ops = ops[:len(ops)-1]
	for _, op := range ops {
		if err := t.checkOp(op); err != nil {
			return nil, nil, err
		}
	}
	return ops, at, nil
}

// checkOp looks whether an effect is on the slots that move alone.
func (t *target) checkOp(op journal.Op) error {
	switch o := op.(type) {
	case *journal.RangeClear:
		return t.checkSlots(o.DB, o.First, o.Last)
	case *journal.SpanClear:
		return t.checkSlots(o.DB, o.First.Slot(), o.Last.Slot())
	}
	places := journal.Places(op)
	if k, ok := op.(*journal.KeyCopy); ok {
		places = append(places, journal.Place{DB: k.DB, Key: k.Key})
	}
	if len(places) == 0 {
		return errPiece
	}
	for _, p := range places {
		if slot := value.Slot(p.Key); p.All || p.DB != 0 || !t.of.Has(slot) {
			return fmt.Errorf("it is on slot %d of database %d, which does not move", slot, p.DB)
		}
	}
	return nil
}

// checkSlots looks whether all of some slots move.
func (t *target) checkSlots(db journal.DB, first, last uint16) error {
	for slot := int(first); slot <= int(last); slot++ {
		if db != 0 || !t.of.Has(uint16(slot)) {
			return fmt.Errorf("it clears slot %d of database %d, which does not move", slot, db)
		}
	}
	return nil
}

// Positions are journaled with what is copied, and without anything each second or each so
// many numbers: what the source has to keep of its journal goes by them.
const (
	keepEvery   = time.Second
	keepNumbers = 10_000
)

// store takes a piece through the journal: what it has and where that brings the target to
// are one entry.
func (t *target) store(ctx context.Context, ops []journal.Op, at *journal.MoveAt) error {
	now := t.m.cfg.Clock()
	if len(ops) == 0 && at.Cursor == t.cursor && now.Sub(t.kept) < keepEvery && at.Seq < t.at.Seq+keepNumbers {
		return nil
	}
	t.kept = now
	err := t.m.propose(ctx, func(d *replay.Draft) error {
		if err := t.fits(d); err != nil {
			return err
		}
		if err := d.Moving(at); err != nil {
			return err
		}
		return d.Import(ops) // last, since an effect may take all the room of an entry
	})
	if err == nil {
		t.of.Cursor, t.of.At = at.Cursor, cluster.Position{Seq: at.Seq, Digest: at.Digest, Epoch: at.Epoch}
	}
	return err
}

// errOvertaken says that something was taken in that this attempt does not know of: an
// attempt before it was given up while its last piece was on its way.
var errOvertaken = fault.With(fault.Retryable, errors.New("a piece was taken in meanwhile"))

// fits looks whether a draft has the target where the attempt has left it.
func (t *target) fits(d *replay.Draft) error {
	for _, of := range d.Moves() {
		if of.ID == t.of.ID && of.Cursor == t.of.Cursor && of.At == t.of.At {
			return nil
		}
	}
	return errOvertaken
}

// clear removes what slots hold that the shard does not own, from a position on, in steps
// between which clients are served.
func (m *Mover) clear(ctx context.Context, ranges []journal.SlotRange, from uint64) error {
	var whole []journal.SlotRange
	for _, r := range ranges {
		switch first, last := bounds(r); {
		case last < from:
		case first >= from:
			whole = append(whole, r)
		default:
			_, end := bounds(journal.SlotRange{Last: uint16(from >> slotShift)})
			if err := m.clearSpan(ctx, from, end); err != nil {
				return err
			}
			if end < last {
				whole = append(whole, journal.SlotRange{First: uint16(from>>slotShift) + 1, Last: r.Last})
			}
		}
	}
	_, err := m.cfg.State.ClearHidden(ctx, m.cfg.Writer, whole)
	return err
}

// clearRows is how many keys of a part of a slot are removed by one entry, about.
const clearRows = 2048

// clearSpan removes the keys of a part of a slot. Beside clients it rests between two entries.
func (m *Mover) clearSpan(ctx context.Context, first, last uint64) error {
	for more := true; more; {
		end, found := last, 0
		err := m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error {
			v.Rows(first, func(pos uint64, _ string, _ value.Record) bool {
				if more = pos <= last && found >= clearRows; more || pos > last {
					return false
				}
				end, found = pos, found+1
				return true
			})()
			return nil
		})
		if err != nil || found == 0 {
			return err
		}
		if !more {
			end = last
		}
		began := time.Now()
		if err := m.propose(ctx, func(d *replay.Draft) error {
			return d.Import([]journal.Op{&journal.SpanClear{First: journal.Position(first), Last: journal.Position(end)}})
		}); err != nil {
			return err
		}
		first = end + 1
		if more && m.cfg.Active() {
			pause(ctx, restAfter(time.Since(began)))
		}
	}
	return nil
}
