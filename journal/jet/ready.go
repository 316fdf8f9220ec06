package jet

import (
	"context"
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/fault"
)

// load has the broker load the stream, and compares that with the files. An error that
// isn't Fatal means that the broker can't load it at present. It is kept in down.
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
	if err := j.stream.Load(); err != nil {
		return broker.DiskError(fmt.Sprintf("load journal stream: %s", err))
	}
	return j.checkStream(ctx, journal.Seq(j.first.Load()), last)
}

// ready makes good what an earlier failure has left, before an append: a stream that
// the broker couldn't load, a write error that came between appends, or a lost
// connection.
func (j *Journal) ready(ctx context.Context) error {
	text := j.stream.ClearCause()
	if text == "" && j.down == nil && !j.wire.ended() {
		return nil
	}
	_, err := j.within(ctx, j.patience(), 0, late("making the journal fit for appends", j.patience()),
		func(ctx context.Context) (int, error) { return 0, j.makeReady(ctx, text) })
	return err
}

// makeReady is the part of ready that may hang. text is the write error, if there was
// one.
func (j *Journal) makeReady(ctx context.Context, text string) error {
	if text != "" {
		return j.afterWriteError(ctx, errors.New(text))
	}
	if j.down != nil {
		if err := await(ctx, j.api); err != nil {
			return err
		}
		err := j.load(ctx, journal.Seq(j.last.Load()))
		j.api.Unlock()
		if err != nil {
			return err
		}
	}
	if !j.wire.ended() {
		return nil
	}
	w, err := dial(ctx, j.stream)
	if err != nil {
		return fault.With(fault.Operator, err)
	}
	j.wire.close()
	j.wire = w
	return nil
}

// afterWriteError has the stream loaded anew after a write error that no append was
// waiting for, such as a failed sync in the background, and returns it. Whoever gets
// the error has to make sure that earlier frames are on the disk: see Reopen.
func (j *Journal) afterWriteError(ctx context.Context, cause error) error {
	if err := await(ctx, j.api); err != nil {
		return err
	}
	defer j.api.Unlock()
	if err := j.stream.Unload(ctx, cause.Error()); err != nil {
		j.cfg.Log.Warn("the stream could not be taken out of the broker", "cause", err)
	}
	if broker.SyncFailed(cause.Error()) {
		j.suspect.Store(true)
	}
	if err := j.load(ctx, journal.Seq(j.last.Load())); err != nil && fault.Of(err) == fault.Fatal {
		return err
	}
	return broker.DiskError(cause.Error())
}
