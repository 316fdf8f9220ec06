package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay/snapshot"
	"ledge/replay/value"
)

// writeSnapshot writes the state as it stands at this moment to w, while Views
// go on and batches are applied. Only one snapshot is taken at a time; another
// gets errSnapshotRunning.
func (s *State) writeSnapshot(
	ctx context.Context, w io.Writer, l journal.Lineage, created time.Time,
) (snapshot.Info, error) {
	wk, err := s.beginWalk()
	if err != nil {
		return snapshot.Info{}, err
	}
	defer wk.end()
	wk.start.Lineage, wk.start.Created = l, created
	enc := snapshot.NewWriter(w)
	enc.Header(wk.start)
	sum := wk.share
	wk.saved.write(enc)
	var rows []walkedRow
	shown := progress.Of(ctx)
	shown.Step(progress.StepSave, progress.Keys, int64(wk.start.Rows))
	for _, p := range wk.parts {
		var digest journal.Digest
		enc.Database(snapshot.Database{DB: p.number, Rows: uint64(p.rows), Digest: p.digest})
		for more := true; more; {
			if rows, more, err = p.take(rows[:0]); err == nil {
				err = errors.Join(ctx.Err(), enc.Err())
			}
			if err != nil {
				return snapshot.Info{}, snapshot.Failed(err)
			}
			for _, r := range rows {
				digest += value.BlockDigest(r.b, value.Sum(r.key))
				enc.Row(r.pos, r.b)
			}
			shown.Add(int64(len(rows)))
			clear(rows)
		}
		sum += snapshot.Numbered(digest, int(p.number))
	}
	enc.Trailer()
	if enc.Err() != nil {
		return snapshot.Info{}, snapshot.Failed(enc.Err())
	}
	if sum != wk.start.Pos.Digest || enc.Rows() != wk.start.Rows {
		return snapshot.Info{}, fault.As(fault.Fatal, "take a snapshot", fmt.Errorf(
			"walk ended with %d rows and digest %s; the state at number %d had %d rows and %s",
			enc.Rows(), sum, wk.start.Pos.Seq, wk.start.Rows, wk.start.Pos.Digest))
	}
	return wk.start.Info("", enc.Size()), nil
}

// Snapshot writes the state, which log adds up to, as it stands at this moment to
// a file in dir, which is made if it isn't there. When it returns nil the file is
// durable, and so is the journal up to it: one that ended earlier would not fit. A
// snapshot that fails leaves no file, and the older ones as they were.
func (s *State) Snapshot(ctx context.Context, dir string, log *journal.Log) (snapshot.Info, error) {
	return snapshot.Create(dir, func(f *os.File) (snapshot.Info, error) {
		info, err := s.writeSnapshot(ctx, f, log.Lineage(), time.Now())
		if err == nil {
			err = f.Sync()
		}
		if err == nil {
			err = log.Sync(ctx)
		}
		if d := (*journal.Doubt)(nil); errors.As(err, &d) { // it is the snapshot that is none, no more
			err = fault.With(fault.Retryable, errors.New(d.Error()))
		}
		return info, err
	})
}
