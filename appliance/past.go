package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/progress"
	"ledge/replay"
	"ledge/replay/backup"
	"ledge/replay/recovery"
	"ledge/replay/snapshot"
)

// A past that is read beside a running node may be truncated under one's eyes, and
// its end be half written. So reading is tried again.
const (
	pastAttempts = 20
	pastPause    = 100 * time.Millisecond
)

// ReadPast makes the state that a directory had at a target, out of its snapshots and
// its journal, and changes no byte of it. A node may have the directory open. What
// it has been asked for and is not there any more, or not yet, is refused with what
// there is.
func ReadPast(ctx context.Context, dir string, to backup.Target) (l *backup.Loaded, err error) {
	const op = "read the past"
	path, err := filepath.Abs(dir)
	if err == nil && !hasIdentity(path) {
		err = notLedges(path)
	}
	if err != nil {
		return nil, optionFault("dir", err)
	}
	for range pastAttempts {
		p := &past{paths: paths{path}, to: to}
		if l, err = p.read(ctx); err == nil || !p.again {
			break
		}
		select {
		case <-time.After(pastPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return l, fault.As(fault.Operator, op, err)
}

// past is one attempt.
type past struct {
	paths
	to    backup.Target
	again bool // what went wrong may be for want of a moment's quiet
	seen  jet.Seen
	last  journal.Seq // read so far
}

func (p *past) read(ctx context.Context) (l *backup.Loaded, err error) {
	d := &directory{paths: p.paths}
	if err := d.load(); err != nil {
		return nil, err
	}
	if d.fresh() {
		return nil, fault.With(fault.Operator, errors.New("the directory's journal is not made yet, or is being replaced; start the node once"))
	}
	if p.seen, err = jet.Look(p.journalPath()); err != nil {
		return nil, err
	}
	l = &backup.Loaded{Header: backup.Header{Lineage: p.seen.Lineage, Node: d.id.Node}}
	if err := p.begin(ctx, l, max(d.id.Databases, 1)); err != nil {
		return nil, err
	}
	p.last = l.State.Pos().Seq
	src := &backup.Bounded{Source: journal.NewHistory(stoppedReader{dir: p.journalPath()}, p.seen.Lineage), To: p.to,
		Note: func(c journal.Committed) { l.Note(c); p.last = c.Seq() }}
	bytes := jet.SizeAfter(p.journalPath(), p.last)
	if p.to.HasSeq {
		bytes -= min(bytes, jet.SizeAfter(p.journalPath(), p.to.Seq))
	}
	progress.Of(ctx).Step(progress.StepApply, progress.Bytes, bytes)
	if !p.to.HasSeq || p.to.Seq > p.last {
		err = recovery.CatchUpAll(ctx, src, l.State)
	}
	if err = p.judge(l, src.Past, err); err != nil {
		return nil, errors.Join(err, l.State.Close())
	}
	return l, nil
}

// begin makes the state that the newest snapshot has from which the target can be
// reached, or an empty one.
func (p *past) begin(ctx context.Context, l *backup.Loaded, databases int) error {
	list, damagedOnes := snapshot.List(p.snapshotPath())
	var oldest *snapshot.Info
	for i := range list {
		in := &list[i] // the newest first
		if in.Lineage != p.seen.Lineage || in.Pos.Seq < p.seen.Floor {
			continue
		}
		oldest = in
		if p.to.HasSeq && in.Pos.Seq > p.to.Seq || !p.to.Time.IsZero() && in.Created.After(p.to.Time) {
			continue
		}
		st, info, err := recovery.Load(ctx, in.Path, databases)
		if errors.Is(err, fs.ErrNotExist) {
			p.again = true // it was pruned meanwhile
		}
		if err != nil {
			return err
		}
		l.State, l.Base, l.At = st, backup.Point{Pos: info.Pos, Epoch: info.Epoch}, info.Created
		return nil
	}
	switch {
	case p.seen.Floor == 0:
		var err error
		l.State, err = replay.New(databases)
		return err
	case oldest == nil:
		p.again = true
		return fault.With(fault.Operator, errors.Join(
			fmt.Errorf("there is no snapshot from which the journal goes on: it begins with number %d", p.seen.Floor+1), damagedOnes))
	}
	return fault.With(fault.Operator, fmt.Errorf("the directory goes back to number %d, of %s; %s is before that: a backup may have it",
		oldest.Pos.Seq, oldest.Created.UTC().Format(time.RFC3339), p.to))
}

// judge decides whether what was read is what was asked for.
func (p *past) judge(l *backup.Loaded, beyond bool, err error) error {
	at := l.State.Pos().Seq
	reached := beyond || p.to.HasSeq && at == p.to.Seq
	switch {
	case reached && err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case err != nil:
		now, lookErr := jet.Look(p.journalPath())
		p.again = lookErr == nil && (now.Floor > p.seen.Floor || at >= p.seen.Last)
		if p.again && at >= p.seen.Last && !p.to.HasSeq && p.to.Time.IsZero() {
			return nil // the rest is being written
		}
		return err
	case at < p.seen.Last:
		return &journal.DamageError{Seq: at + 1, Cause: fmt.Sprintf("missing; the journal goes up to %d", p.seen.Last)}
	case p.to.HasSeq:
		return fault.With(fault.Operator, fmt.Errorf("the journal goes up to number %d; %s is not written yet", at, p.to))
	}
	return nil
}

// PastConfig says how the past is served.
type PastConfig struct {
	Listen, Password string
	MaxClients       int
	// At is the time that keys' deadlines are held against: it stands still.
	At     time.Time
	Node   string // whose past it is
	Logger *slog.Logger
}

// number returns a number as text.
func number(n journal.Seq) string { return strconv.FormatUint(uint64(n), 10) }
