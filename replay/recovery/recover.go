// Package recovery makes a state out of what is kept: a snapshot that is loaded, and
// the batches after it, which a journal or a backup has. A start does all of it
// (Recover); whoever reads a past, a backup or a damaged directory takes the parts.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay"
	"ledge/replay/snapshot"
)

// Report says what a recovery found and did.
type Report struct {
	Snapshot   snapshot.Info // zero when there was none
	Bad        []error       // newer snapshots that could not be used
	LoadTime   time.Duration
	Batches    int // replayed from the journal
	ReplayTime time.Duration
	Pos        journal.Pos
}

// Recover returns the state that the snapshots in dir and the journal add up
// to: the newest good snapshot and whatever the journal has after it. Silence
// is not trusted: a gap between the two, a journal that ends before the
// snapshot, and anything missing or changed in between is an error that names
// the number.
func Recover(
	ctx context.Context, dir string, log journal.History, databases int, logger *slog.Logger,
) (*replay.State, Report, error) {
	r := recovery{ctx: ctx, dir: dir, log: log, databases: databases, logger: logger, shown: progress.Of(ctx)}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	s, err := r.run()
	if err != nil {
		return nil, r.Report, fault.As(fault.Fatal, "recover", err)
	}
	return s, r.Report, nil
}

// recovery is one call of Recover.
type recovery struct {
	Report
	ctx       context.Context // of the call, like the rest
	dir       string
	log       journal.History
	databases int
	logger    *slog.Logger
	span      journal.Stat
	shown     *progress.Meter
}

func (r *recovery) run() (s *replay.State, err error) {
	if r.span, err = r.log.Stat(r.ctx); err != nil {
		return nil, err
	}
	if err := snapshot.RemoveUnfinished(r.dir); err != nil {
		r.logger.Warn("unfinished snapshot not removed", "cause", err)
	}
	start := time.Now()
	if s, err = r.newest(); err != nil {
		return nil, err
	}
	r.LoadTime = time.Since(start)
	if err := r.replay(s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	r.Pos = s.Pos()
	return s, nil
}

// newest returns the state of the newest good snapshot, or an empty one if the
// journal goes back to its beginning.
func (r *recovery) newest() (*replay.State, error) {
	paths, err := snapshot.Paths(r.dir)
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	for _, path := range paths {
		s, info, err := r.load(path)
		var bad *snapshot.Damage
		if errors.As(err, &bad) {
			r.Bad = append(r.Bad, err)
			r.logger.Warn("snapshot is damaged; trying an older one", "cause", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.Snapshot = info
		return s, nil
	}
	if r.span.First > 1 {
		return nil, errors.Join(append(r.Bad, unfit(
			"the journal begins with number %d and no snapshot has what was before", r.span.First))...)
	}
	return replay.New(r.databases)
}

// load loads a snapshot that fits the journal. It asks what the header says
// before it loads the rest.
func (r *recovery) load(path string) (*replay.State, snapshot.Info, error) {
	f, err := snapshot.Open(path)
	if err != nil {
		return nil, snapshot.Info{}, err
	}
	f.Close()
	if err := r.fits(f.Info); err != nil {
		return nil, f.Info, errors.Join(append(r.Bad, err)...)
	}
	return Load(r.ctx, path, r.databases)
}

// fits reports why a snapshot and the journal can't belong together.
func (r *recovery) fits(info snapshot.Info) error {
	seq, span := info.Pos.Seq, r.span
	switch {
	case info.Lineage != r.log.Lineage():
		return fault.With(fault.Operator, journal.Damage(fmt.Errorf("snapshot %s is of lineage %s; the journal is %s",
			info.Path, info.Lineage, r.log.Lineage())))
	case seq > span.Last:
		return unfit("the journal has lost its end: it goes up to number %d, snapshot %s up to %d",
			span.Last, info.Path, seq)
	case span.First > seq+1:
		return unfit("numbers %d to %d are missing: snapshot %s goes up to %d, the journal begins with %d",
			seq+1, span.First-1, info.Path, seq, span.First)
	case seq < span.First:
		return nil // the snapshot's own number is truncated; its digest is checked with the next
	}
	for c, err := range r.log.Read(r.ctx, seq) {
		if err == nil && c.Batch().Epoch != info.Epoch {
			err = unfit("number %d is of epoch %d in the journal and of %d in snapshot %s: "+
				"the number was lost and used again", seq, c.Batch().Epoch, info.Epoch, info.Path)
		}
		return err
	}
	return nil
}

// unfit says that the journal and the snapshots have lost something between them.
func unfit(format string, args ...any) error {
	return fault.With(fault.Fatal, journal.Damage(fmt.Errorf(format, args...)))
}

// replay applies what the journal has after the snapshot.
func (r *recovery) replay(s *replay.State) error {
	start, from := time.Now(), s.Pos().Seq
	bytes := int64(0) // as planned
	if len(r.Bad) > 0 || !r.shown.Planned(progress.StepApply) {
		bytes = after(r.span, from)
	}
	r.shown.Step(progress.StepApply, progress.Bytes, bytes)
	err := s.Bulk(func() error { return CatchUp(r.ctx, r.log, s, r.span.Last) })
	r.ReplayTime = time.Since(start)
	r.Batches = int(s.Pos().Seq - from)
	return err
}
