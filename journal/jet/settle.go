package jet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
)

// How long it is waited between attempts to find out, when the files can't be
// read or cut.
const (
	settleAgain = 500 * time.Millisecond
	settleMost  = 10 * time.Second
)

// settle finds out how many of frames stand behind prev, when the broker didn't
// say. It makes sure that the broker has taken in everything that was sent,
// takes the stream out of the broker, so that nothing is written any more,
// looks into the files, and puts the stream back. An error says why the
// others are not stored.
//
// It works for write errors too: the broker never answers an append that met
// one, and refuses all later ones until the stream is loaded anew.
//
// It takes as long as the disk does: files that can't be read say nothing, so they
// are read again. Only ctx, and what doesn't add up, end it without an answer.
func (j *Journal) settle(
	ctx context.Context, prev journal.Seq, frames [][]byte, cause error,
) (stored int, err error) {
	j.cfg.Log.Warn("what became of an append is not certain; finding out", "number", uint64(prev)+1, "cause", cause)
	if err := j.api.lock(ctx); err != nil {
		return 0, unsettled(prev+1, cause, err)
	}
	defer j.api.unlock()
	for pause := settleAgain; ; pause = min(2*pause, settleMost) {
		stored, err = j.reload(ctx, prev, frames, &cause)
		var no unsure
		if !errors.As(err, &no) {
			j.cfg.Log.Warn("the append is settled", "number", uint64(prev)+1, "frames", len(frames), "stored", stored)
			return stored, err
		}
		j.cfg.Log.Error("what became of an append can't be seen; trying again",
			"number", uint64(prev)+1, "cause", no.cause, "in", pause)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return 0, unsettled(prev+1, cause, errClosing)
		}
	}
}

// unsettled says that it can't be known whether seq is stored.
func unsettled(seq journal.Seq, cause, err error) error {
	return fault.As(fault.Fatal, "",
		fmt.Errorf("number %d can't be settled: %w", seq, errors.Join(cause, err)))
}

// unsure is why it can't be seen at the moment what is stored.
type unsure struct{ cause error }

func (u unsure) Error() string { return u.cause.Error() }
func (u unsure) Unwrap() error { return u.cause }

// reload is one attempt to settle. It puts a better cause in place of the one that
// is known, if the broker has logged it.
func (j *Journal) reload(
	ctx context.Context, prev journal.Seq, frames [][]byte, why *error,
) (stored int, err error) {
	heard := j.wire.barrier(ctx, settleTimeout)
	if text := j.broker.TakeCause(); text != "" {
		*why = errors.New(text)
	}
	if err := j.broker.Disable(ctx, (*why).Error()); err != nil {
		return 0, unsure{fmt.Errorf("take the stream out of the broker: %w", err)}
	}
	if text := j.broker.TakeCause(); text != "" && !broker.IsWriteError(*why) {
		*why = errors.New(text)
	}
	cause := *why
	stored, at, err := j.find(ctx, prev, frames)
	switch {
	case errors.Is(err, blocks.ErrGone):
		j.down = err
		return 0, err
	case err != nil && fault.Of(err) != fault.Fatal:
		return 0, unsure{err}
	case err != nil:
		return 0, unsettled(prev+1, cause, err)
	}
	if stored < len(frames) && heard != nil {
		if !j.wire.ended() {
			return 0, unsure{heard}
		}
		// The next may still be under way within the broker.
		return 0, unsettled(prev+1+journal.Seq(stored), cause, heard)
	}
	if broker.SyncFailed(cause.Error()) {
		j.suspect.Store(true)
	}
	if stored > 0 && j.suspect.Load() {
		// It is in the page cache, and perhaps on the disk. An answer that is
		// certain either way: take it out again.
		if err := j.takeOut(at); err != nil {
			return 0, unsure{err}
		}
		stored = 0
	}
	if err := j.load(ctx, prev+journal.Seq(stored)); err != nil && fault.Of(err) == fault.Fatal {
		return 0, err
	}
	if stored == len(frames) {
		return stored, nil
	}
	if broker.IsWriteError(cause) {
		return stored, broker.DiskError(cause.Error())
	}
	return stored, fault.As(fault.Retryable, "", cause) // a timeout is nobody's fault
}

// takeOut ends the journal at p. That it can't be synced is no failure: nobody
// reads what was there any more, and Reopen, which comes before the next
// append, tries again.
func (j *Journal) takeOut(p blocks.Place) error {
	err := j.store.Cut(p)
	if errors.Is(err, blocks.ErrNotSynced) {
		j.cfg.Log.Warn("the end of the journal is cut off, and that is not synced", "cause", err)
		return nil
	}
	return err
}

// find looks for frames behind prev in the files. at is where the first begins.
func (j *Journal) find(
	ctx context.Context, prev journal.Seq, frames [][]byte,
) (found int, at blocks.Place, err error) {
	floor := journal.Seq(j.first.Load()) - 1
	other := false
	if there, err := j.store.Exists(); err != nil {
		return 0, at, fault.As(fault.Operator, "", err)
	} else if !there {
		return 0, at, j.store.Missing() // and so are the frames
	}
	e, err := j.store.Walk(ctx, floor, max(prev, floor+1), nil, func(r blocks.Record, p blocks.Place) error {
		if r.Seq <= prev || found == len(frames) {
			return nil
		}
		if found == 0 {
			at = p
		}
		other = other || !bytes.Equal(r.Data, frames[found])
		found++
		return nil
	})
	switch last := prev + journal.Seq(found); {
	case err != nil:
		return 0, at, err
	case max(e.Last, floor) < prev:
		return 0, at, journal.Damaged(max(e.Last, floor)+1,
			"the journal ends here; number %d was acknowledged", prev)
	case max(e.Last, floor) > last:
		return 0, at, fmt.Errorf("the journal goes on to number %d, which nobody here wrote", e.Last)
	case other:
		return 0, at, fmt.Errorf("a number from %d to %d has been written by somebody else", prev+1, last)
	case e.Torn > 0:
		// Part of a frame is none. A tail that can't be cut off now keeps the
		// stream from being loaded.
		j.ragged = j.store.Cut(e.Tail)
	}
	return found, at, nil
}

// load gives the stream back to the broker and holds it against the files. An
// error that isn't Fatal means that the broker can't, so far; it is kept.
func (j *Journal) load(ctx context.Context, last journal.Seq) error {
	j.down = j.tryLoad(ctx, last)
	return j.down
}

func (j *Journal) tryLoad(ctx context.Context, last journal.Seq) error {
	if j.ragged != nil {
		return broker.DiskError(j.ragged.Error())
	}
	if err := j.store.DropIndex(); err != nil {
		return broker.DiskError(err.Error())
	}
	j.synced.reset()
	if err := j.broker.Enable(); err != nil {
		return broker.DiskError(fmt.Sprintf("load journal stream: %s", err))
	}
	return j.checkStream(ctx, journal.Seq(j.first.Load()), last)
}

// ready makes good what an earlier failure has left: a stream that the broker
// couldn't load, a write error that came between appends, a lost connection.
func (j *Journal) ready(ctx context.Context) error {
	text := j.broker.TakeCause()
	if text == "" && j.down == nil && !j.wire.ended() {
		return nil
	}
	_, err := j.within(ctx, 0, j.late("making the journal fit for appends"),
		func(ctx context.Context) (int, error) { return 0, j.mend(ctx, text) })
	return err
}

// mend does what ready promises. text is the write error, if there was one.
func (j *Journal) mend(ctx context.Context, text string) error {
	if text != "" {
		return j.relapse(ctx, errors.New(text))
	}
	if j.down != nil {
		if err := j.api.lock(ctx); err != nil {
			return err
		}
		err := j.load(ctx, journal.Seq(j.last.Load()))
		j.api.unlock()
		if err != nil {
			return err
		}
	}
	if !j.wire.ended() {
		return nil
	}
	w, err := dial(ctx, j.broker)
	if err != nil {
		return fault.As(fault.Operator, "", err)
	}
	j.wire.close()
	j.wire = w
	return nil
}

// relapse deals with a write error that no append of ours was waiting on, such
// as a failed sync in the background. The stream is loaded anew; that earlier
// frames are on the disk is for whoever gets the error to make sure of.
func (j *Journal) relapse(ctx context.Context, cause error) error {
	if err := j.api.lock(ctx); err != nil {
		return err
	}
	defer j.api.unlock()
	if err := j.broker.Disable(ctx, cause.Error()); err != nil {
		j.cfg.Log.Warn("taking the stream out of the broker", "cause", err)
	}
	if broker.SyncFailed(cause.Error()) {
		j.suspect.Store(true)
	}
	if err := j.load(ctx, journal.Seq(j.last.Load())); err != nil && fault.Of(err) == fault.Fatal {
		return err
	}
	return broker.DiskError(cause.Error())
}

// fenced finds out what stands in our place when the broker's last number is
// not prev.
func (j *Journal) fenced(ctx context.Context, prev journal.Seq, frame []byte, cause error) error {
	floor := journal.Seq(j.first.Load()) - 1
	if prev >= floor {
		_, err := j.store.Walk(ctx, floor, prev+1, nil, func(r blocks.Record, _ blocks.Place) error {
			if r.Seq == prev+1 && bytes.Equal(r.Data, frame) {
				return blocks.ErrStop
			}
			return errWrongLast
		})
		if err == blocks.ErrStop {
			return nil
		}
	}
	return fault.As(fault.Operator, "", fmt.Errorf("fenced by another writer: %w", cause))
}
