package jet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// settleTimeout bounds how long it may take to find out what became of an
// append, beyond the append's own timeout.
const settleTimeout = 10 * time.Second

// settle finds out whether frame stands behind prev, when the broker didn't
// say. It makes sure that the broker has taken in everything that was sent,
// takes the stream out of the broker, so that nothing is written any more,
// looks into the files, and puts the stream back. It returns nil if the frame
// is stored.
//
// It works for write errors too: the broker never answers an append that met
// one, and refuses all later ones until the stream is loaded anew.
func (j *Journal) settle(ctx context.Context, prev journal.Seq, frame []byte, cause error) error {
	j.cfg.Log.Warn("an append got no answer; finding out", "number", uint64(prev)+1, "cause", cause)
	j.api.Lock()
	defer j.api.Unlock()
	// Not ctx: it may be why there was no answer, and there must be one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- j.reload(ctx, prev, frame, cause) }()
	select {
	case err := <-done:
		j.cfg.Log.Warn("the append is settled", "number", uint64(prev)+1, "stored", err == nil)
		return err
	case <-ctx.Done():
		// The goroutine is stuck in the kernel, with the store. The node stops.
		return unsettled(prev+1, cause, ctx.Err())
	}
}

// unsettled says that it can't be known whether seq is stored.
func unsettled(seq journal.Seq, cause, err error) error {
	return fault.As(fault.Fatal, "",
		fmt.Errorf("number %d can't be settled: %w", seq, errors.Join(cause, err)))
}

func (j *Journal) reload(ctx context.Context, prev journal.Seq, frame []byte, cause error) error {
	heard := j.wire.barrier(ctx, settleTimeout)
	if text := j.broker.log.takeCause(); text != "" {
		cause = errors.New(text)
	}
	if err := j.broker.disable(ctx, cause.Error()); err != nil {
		j.cfg.Log.Warn("taking the stream out of the broker", "err", err)
	}
	if text := j.broker.log.takeCause(); text != "" && !isWriteError(cause) {
		cause = errors.New(text)
	}
	stored, at, err := j.find(ctx, prev, frame)
	if errors.Is(err, errGone) {
		j.down = err
		return err
	}
	if err != nil {
		return unsettled(prev+1, cause, err)
	}
	if !stored && heard != nil {
		// It may still be under way within the broker.
		return unsettled(prev+1, cause, heard)
	}
	if syncFailed(cause.Error()) {
		j.suspect = true
	}
	if stored && j.suspect {
		// It is in the page cache, and perhaps on the disk. An answer that is
		// certain either way: take it out again.
		if err := j.takeOut(at); err != nil {
			return unsettled(prev+1, cause, err)
		}
		stored = false
	}
	last := prev
	if stored {
		last++
	}
	if err := j.load(ctx, last); err != nil && fault.Of(err) == fault.Fatal {
		return err
	}
	if stored {
		return nil
	}
	if isWriteError(cause) {
		return diskError(cause.Error())
	}
	return fault.As(fault.Retryable, "", cause) // a timeout is nobody's fault
}

// takeOut ends the journal at p. That it can't be synced is no failure: nobody
// reads what was there any more, and Reopen, which comes before the next
// append, tries again.
func (j *Journal) takeOut(p place) error {
	err := j.store.cut(p)
	if errors.Is(err, errNotSynced) {
		j.cfg.Log.Warn("the end of the journal is cut off, and that is not synced", "cause", err)
		return nil
	}
	return err
}

// find looks for number prev+1 in the files. at is where it begins.
func (j *Journal) find(ctx context.Context, prev journal.Seq, frame []byte) (bool, place, error) {
	floor := journal.Seq(j.first.Load()) - 1
	var at place
	var other bool
	found := false
	if there, err := j.store.exists(); err == nil && !there {
		return false, at, errMissing(j.store) // and so is the frame
	}
	e, err := j.store.walk(ctx, floor, max(prev, floor+1), nil, func(r record, p place) error {
		if r.seq == prev+1 {
			found, at = true, p
			other = !bytes.Equal(r.data, frame)
		}
		return nil
	})
	switch {
	case err != nil:
		return false, at, err
	case max(e.last, floor) < prev:
		return false, at, damaged(max(e.last, floor)+1,
			"the journal ends here; number %d was acknowledged", prev)
	case max(e.last, floor) > prev+1:
		return false, at, fmt.Errorf("the journal goes on to number %d, which nobody here wrote", e.last)
	case found && other:
		return false, at, fmt.Errorf("number %d has been written by somebody else", prev+1)
	case e.torn > 0:
		// Part of a frame is none. A tail that can't be cut off now keeps the
		// stream from being loaded.
		j.ragged = j.store.cut(e.tail)
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
		return diskError(j.ragged.Error())
	}
	if err := j.store.dropIndex(); err != nil {
		return diskError(err.Error())
	}
	if err := j.broker.enable(); err != nil {
		return diskError(fmt.Sprintf("load journal stream: %s", err))
	}
	return j.broker.checkStream(ctx, &j.cfg, journal.Seq(j.first.Load()), last)
}

// ready makes good what an earlier failure has left: a stream that the broker
// couldn't load, a write error that came between appends, a lost connection.
func (j *Journal) ready(ctx context.Context) error {
	if text := j.broker.log.takeCause(); text != "" {
		return j.relapse(ctx, errors.New(text))
	}
	if j.down != nil {
		j.api.Lock()
		err := j.load(ctx, journal.Seq(j.last.Load()))
		j.api.Unlock()
		if err != nil {
			return err
		}
	}
	select {
	case <-j.wire.dead:
		w, err := dial(ctx, j.broker)
		if err != nil {
			return fault.As(fault.Operator, "", err)
		}
		j.wire.close()
		j.wire = w
	default:
	}
	return nil
}

// relapse deals with a write error that no append of ours was waiting on, such
// as a failed sync in the background. The stream is loaded anew; that earlier
// frames are on the disk is for whoever gets the error to make sure of.
func (j *Journal) relapse(ctx context.Context, cause error) error {
	j.api.Lock()
	defer j.api.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := j.broker.disable(ctx, cause.Error()); err != nil {
		j.cfg.Log.Warn("taking the stream out of the broker", "err", err)
	}
	j.suspect = j.suspect || syncFailed(cause.Error())
	if err := j.load(ctx, journal.Seq(j.last.Load())); err != nil && fault.Of(err) == fault.Fatal {
		return err
	}
	return diskError(cause.Error())
}

// fenced finds out what stands in our place when the broker's last number is
// not prev.
func (j *Journal) fenced(ctx context.Context, prev journal.Seq, frame []byte, cause error) error {
	floor := journal.Seq(j.first.Load()) - 1
	if prev >= floor {
		_, err := j.store.walk(ctx, floor, prev+1, nil, func(r record, _ place) error {
			if r.seq == prev+1 && bytes.Equal(r.data, frame) {
				return errStop
			}
			return errWrongLast
		})
		if err == errStop {
			return nil
		}
	}
	return fault.As(fault.Operator, "", fmt.Errorf("fenced by another writer: %w", cause))
}
