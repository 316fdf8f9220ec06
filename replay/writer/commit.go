package writer

import (
	"context"
	"errors"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// commitDrafted appends and applies what was drafted, if anything: a group that
// only reads costs the journal nothing.
//
// What is drafted while the journal is suspended frees room; the server has refused
// all else before it was evaluated. So it is asked for writes that free room, and
// an attempt to resume that has the turn refuses those as well.
func (w *Writer) commitDrafted(ctx context.Context) error {
	if len(w.drafted.Entries()) == 0 {
		return nil
	}
	if err := w.Refusal(true); err != nil {
		return err
	}
	if !w.appending.TryLock() && !w.lockAfterBrief(ctx) {
		if err := w.Refusal(true); err != nil { // whoever has it said so first
			return err
		}
		return errResuming
	}
	err := w.appendDrafted(ctx)
	if doubtIn(err) == nil {
		w.appending.Unlock()
	}
	return err
}

// appendDrafted is commitDrafted for whoever has the right to append. An error is
// one of three. A doubt keeps the right to append. A batch that was Refused is no
// fault of the journal's. Anything else suspends it, and the error then says what
// clients are told.
func (w *Writer) appendDrafted(ctx context.Context) error {
	// Follow may have been called since the group was gathered. Once it has
	// returned, nothing but what the leader sends may be appended.
	if reason := w.refuses.Load(); reason != nil {
		return *reason
	}
	_, err := w.commit(ctx, w.drafted.Entries(), w.drafted)
	switch {
	case err == nil:
		return nil
	case doubtIn(err) != nil || fault.Of(err) == fault.Refused:
		return err
	}
	return w.health.suspend(err)
}

// errResuming refuses a write that meets an attempt to resume which has not said yet
// how it stands.
var errResuming = fault.With(fault.Retryable,
	errors.New("it is being tried to resume; reads are served; writes resume when that has worked"))

// commit is the only way from entries to state: journal first, then Apply. The
// caller has the right to append. g is the group that has drafted the entries, nil
// if none has.
//
// The append has a bound of its own and does not end with ctx: a node that stops
// has to know the outcome of what it has begun.
func (w *Writer) commit(ctx context.Context, es []journal.Entry, g *replay.Group) (journal.Committed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.AppendTimeout)
	defer cancel()
	began := time.Now()
	w.cfg.State.Appending(false)
	b := journal.Batch{Epoch: w.epoch, Prev: w.cfg.State.Pos().Digest, Entries: es}
	c, err := w.cfg.Log.Append(ctx, b)
	if err != nil {
		return c, err
	}
	appended := time.Now()
	w.took.Add((int64(appended.Sub(began)) - w.took.Load()) / 8)
	w.last = lastBatch{b.Epoch, b.Prev}
	if g != nil {
		err = g.Apply(c)
	} else {
		err = w.cfg.State.Apply(c)
	}
	w.cfg.Applied.Add(time.Since(appended))
	return c, err
}
