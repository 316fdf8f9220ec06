package appliance

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"path/filepath"
	"time"

	"ledge/admin"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/jet"
	"ledge/journal/progress"
	"ledge/replay/recovery"
	"ledge/replay/snapshot"
)

// Stopped is the directory of a node that doesn't run. Looking at it changes
// nothing but that Replay takes away what unfinished snapshots have left.
type Stopped struct {
	dir *directory
}

// OpenStopped takes the directory of a stopped node. It is refused while a
// process owns it.
func OpenStopped(dir string) (*Stopped, error) {
	d, err := openStopped(dir)
	if err != nil {
		return nil, err
	}
	return &Stopped{d}, nil
}

// Close lets the directory go.
func (s *Stopped) Close() error { return s.dir.close() }

// Node returns the node's name.
func (s *Stopped) Node() string { return s.dir.node }

// Created returns when the directory was made.
func (s *Stopped) Created() time.Time { return s.dir.id.Created }

// Journal checks every byte of the journal and says what it holds.
func (s *Stopped) Journal(ctx context.Context) (jet.Summary, error) {
	return jet.Verify(ctx, s.dir.journalPath())
}

// Batches yields the batches from number from on, each checked.
func (s *Stopped) Batches(ctx context.Context, from journal.Seq) iter.Seq2[journal.Committed, error] {
	return func(yield func(journal.Committed, error) bool) {
		s.history(journal.Stat{}).Read(ctx, from)(yield)
	}
}

// Tail yields what a query asks for of the journal, as far as that can be read; its
// wait has no meaning here. Nothing is cut.
func (s *Stopped) Tail(ctx context.Context, q admin.TailQuery) iter.Seq2[admin.JournalEntry, error] {
	return func(yield func(admin.JournalEntry, error) bool) {
		// A damaged journal is shown as far as it goes; reading it says where.
		sum, _ := s.Journal(ctx)
		t := newTailing(s.history(journal.Stat{First: sum.First, Last: sum.Last}), q)
		t.shown.whole = true
		if err := t.start(ctx); err != nil {
			yield(admin.JournalEntry{}, err)
			return
		}
		for com, err := range s.Batches(ctx, t.next) {
			if err != nil {
				yield(admin.JournalEntry{}, err)
				return
			}
			for ; t.entry < len(com.Batch().Entries); t.entry++ {
				if e, ok := t.shown.entry(com, t.entry); ok && !yield(e, nil) {
					return
				}
			}
			t.entry = 0
		}
	}
}

// Verified is what a directory was found to hold.
type Verified struct {
	Journal jet.Summary
	Pos     journal.Pos
	Keys    int
	// Notes say what is not as it should be and costs nothing: a start says so
	// and makes it good.
	Notes []string
	// Damaged says that some of them are about damage: what is stored is not what was
	// written, though nothing is lost by it.
	Damaged bool
}

// Verify reads everything that a start relies on, and comes to the same end: it
// fails if a start is refused, and with the same error.
func (s *Stopped) Verify(ctx context.Context) (v Verified, err error) {
	v, err = s.verify(ctx)
	if err != nil && ctx.Err() == nil && isDamage(err) {
		p, perr := s.dir.plan(ctx, s.dir.id.Databases, false)
		switch {
		case perr != nil:
			return v, errors.Join(err, perr)
		case p.Needed() && p.Costs():
			return v, p.refusal(err)
		case p.Needed():
			v.Notes = append(v.Notes, err.Error())
			v.Notes = append(v.Notes, p.Faults...)
			v.Journal.First, v.Journal.Last, v.Pos, v.Keys, err = p.First, p.Pos.Seq, p.Pos, p.Keys, nil
			v.Damaged = true
		}
	}
	for _, user := range admin.ChangedUsers() {
		if _, perr := ReadOwnPassword(s.dir.userPath(user)); errors.Is(perr, errNoPassword) {
			v.Notes = append(v.Notes, perr.Error())
		}
	}
	v.Damaged = v.Damaged || len(s.dir.notes) > 0
	v.Notes = append(s.dir.notes, v.Notes...)
	return v, err
}

// unfinished says what a start has to finish before there is a journal to verify;
// false is nothing.
func (s *Stopped) unfinished(ctx context.Context, v *Verified) (bool, error) {
	a := s.dir.id.Adopt
	switch {
	case !s.dir.fresh():
		return false, nil
	case a == nil:
		if jet.Exists(s.dir.journalPath()) {
			return false, nil
		}
		v.Journal.First = 1
		v.Notes = append(v.Notes, "the first start was cut short before anything was written; the next one finishes it")
		return true, nil
	}
	moved, err := s.dir.moved(a)
	if err != nil || moved && jet.Exists(s.dir.journalPath()) {
		return err != nil, err
	}
	v.Notes = append(v.Notes, "a leader's journal is being put in place of the node's; the next start finishes it")
	v.Journal.First, v.Journal.Last = journal.Seq(a.First), journal.Seq(a.First)-1
	if a.Snapshot == "" {
		return true, nil
	}
	path := filepath.Join(s.dir.path, a.Snapshot)
	if moved {
		path = s.dir.adopted(a)
	}
	info, err := snapshot.Verify(ctx, path)
	v.Pos, v.Keys = info.Pos, info.Keys
	return true, err
}

// verify reads the journal and the snapshots as they are.
func (s *Stopped) verify(ctx context.Context) (v Verified, err error) {
	s.expect(progress.Of(ctx))
	if done, err := s.unfinished(ctx, &v); done || err != nil {
		return v, err
	}
	if v.Journal, err = s.Journal(ctx); err != nil {
		return v, err
	}
	v.Notes, v.Damaged = v.Journal.Notes, v.Journal.Damaged
	// What a snapshot covers is not replayed, so its effects are read here.
	shown := progress.Of(ctx)
	shown.Step(stepEffects, progress.Bytes, v.Journal.Bytes)
	for c, err := range s.Batches(progress.Without(ctx), v.Journal.First) {
		if err != nil {
			return v, err
		}
		shown.Add(int64(c.Size()))
	}
	log := s.history(journal.Stat{First: v.Journal.First, Last: v.Journal.Last, Bytes: v.Journal.Bytes})
	st, recovered, err := recovery.Recover(ctx, s.dir.snapshotPath(), log, max(s.dir.id.Databases, 1),
		slog.New(slog.DiscardHandler))
	if err != nil {
		return v, err
	}
	v.Pos, v.Keys = st.Pos(), st.Keys()
	if err := st.Close(); err != nil {
		return v, err
	}
	list, damaged := snapshot.List(s.dir.snapshotPath())
	shown.Step(stepSnapshots, progress.Bytes, 0)
	for _, info := range list {
		if info.Path == recovered.Snapshot.Path {
			continue
		}
		if _, err := snapshot.Verify(ctx, info.Path); err != nil {
			damaged = errors.Join(damaged, err)
		}
	}
	if damaged != nil {
		v.Notes, v.Damaged = append(v.Notes, report.Line(damaged)), true
	}
	return v, ctx.Err()
}

// Steps of a verification that are of no start; the last is a running node's.
const (
	stepEffects   = "reading every effect"
	stepSnapshots = snapshot.StepVerify
	stepState     = "counting the state again"
)

// expect plans what a verification comes to.
func (s *Stopped) expect(shown *progress.Meter) {
	bytes, info := jet.Size(s.dir.journalPath()), s.dir.newestSnapshot()
	rest := jet.SizeAfter(s.dir.journalPath(), info.Pos.Seq)
	list, _ := snapshot.List(s.dir.snapshotPath())
	others := int64(0)
	for _, other := range list {
		if other.Path != info.Path {
			others += other.Bytes
		}
	}
	shown.Plan(
		progress.Part{Name: jet.StepCheck, Unit: progress.Bytes, Total: bytes, Cost: nanoseconds(checkByte * float64(bytes))},
		progress.Part{Name: stepEffects, Unit: progress.Bytes, Total: bytes, Cost: nanoseconds(effectsByte * float64(bytes))},
		progress.Part{Name: progress.StepLoad, Unit: progress.Bytes, Total: info.Bytes,
			Cost: nanoseconds(loadByte*float64(info.Bytes) + loadKey*float64(info.Keys))},
		progress.Part{Name: progress.StepApply, Unit: progress.Bytes, Total: rest,
			Cost: nanoseconds(applyByte*float64(rest) + applyKey*float64(rest/sizeOfKey))},
		progress.Part{Name: stepSnapshots, Unit: progress.Bytes, Total: others, Cost: nanoseconds(verifyByte * float64(others))})
}

// Snapshots returns the snapshots there are, newest first. Those that can't be
// read make up the error; the list is good all the same.
func (s *Stopped) Snapshots() ([]snapshot.Info, error) {
	return snapshot.List(s.dir.snapshotPath())
}

// history is the journal, which was found to have that span.
func (s *Stopped) history(span journal.Stat) journal.History {
	return journal.NewHistory(stoppedReader{s.dir.journalPath(), span}, s.dir.lineage)
}

// stoppedReader reads the journal's files where no broker has them.
type stoppedReader struct {
	dir  string
	span journal.Stat
}

// Read yields the frames from number from on.
func (r stoppedReader) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return jet.Scan(ctx, r.dir, from)
}

// Stat returns what the journal was found to span.
func (r stoppedReader) Stat(context.Context) (journal.Stat, error) { return r.span, nil }
