package appliance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/backup"
	"ledge/replay/part"
	"ledge/replay/snapshot"
	"ledge/respd/command"
)

// Bounds of answers from the past.
const (
	// mostRecalls is how many are read at a time.
	mostRecalls = 2
	// mostPasses is how often the journal is read for one: each pass but the last has
	// found that the key's value came by other keys, too.
	mostPasses = 64
	// recallAttempts is how often one is begun anew because the journal was truncated
	// meanwhile.
	recallAttempts = 3
	// recallLimit is how long one may take.
	recallLimit = 10 * time.Minute
	// recallMost is what one may keep in memory, where the process may take anything;
	// else it is recallShare of what that may.
	recallMost  = 256 << 20
	recallShare = 8
)

// recaller answers from the past out of the snapshots and the journal, while the node
// goes on.
type recaller struct {
	dir       string // of the snapshots
	databases int
	log       *journal.Log
	state     *replay.State
	beside    func() (done func()) // has all processors
	memory    func() int64         // that the process may take; 0 is any
	clock     func() time.Time
	slots     chan struct{}
}

// newRecaller reads a node's past.
func newRecaller(n *Node) *recaller {
	return &recaller{dir: n.dir.snapshotPath(), databases: n.cfg.Databases, log: n.log, state: n.state,
		beside: n.threads.Beside, memory: n.bound.now, clock: n.cfg.Clock, slots: make(chan struct{}, mostRecalls)}
}

// errRecalls turns away what there is no slot for.
var errRecalls = fault.With(fault.Retryable, fmt.Errorf("BUSY %d answers from the past are being read already; try again", mostRecalls))

// Recall calls read with a view of what a key held.
func (r *recaller) Recall(ctx context.Context, at string, db journal.DB, key string, read func(*replay.View)) error {
	to, err := r.target(at)
	if err != nil {
		return err
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return errRecalls
	}
	defer r.beside()()
	ctx, cancel := context.WithTimeout(ctx, recallLimit)
	defer cancel()
	for range recallAttempts {
		var first journal.Seq
		first, err = r.attempt(ctx, to, db, key, read)
		if err == nil || ctx.Err() != nil {
			break
		}
		if st, serr := r.log.Stat(ctx); serr != nil || st.First <= first {
			break // it was not truncated meanwhile
		}
	}
	return err
}

// target takes in what is asked for. No more is read than there is now.
func (r *recaller) target(at string) (to backup.Target, err error) {
	now := r.clock()
	n, when, err := options.ParsePast(at, now)
	if err != nil {
		return to, fault.With(fault.Refused, err)
	}
	last := r.state.Pos().Seq
	to = backup.Target{Seq: last, Time: when, HasSeq: true}
	switch {
	case when.After(now):
		return to, fault.With(fault.Refused, fmt.Errorf("%s is in the future", at))
	case when.IsZero() && journal.Seq(n) > last:
		return to, fault.With(fault.Refused, fmt.Errorf("number %d is not written yet; the last is %d", n, last))
	case when.IsZero():
		to.Seq = journal.Seq(n)
	}
	return to, nil
}

// attempt reads once, and returns what the journal began with then.
func (r *recaller) attempt(ctx context.Context, to backup.Target, db journal.DB, key string, read func(*replay.View)) (journal.Seq, error) {
	st, err := r.log.Stat(ctx)
	if err != nil {
		return 0, err
	}
	base, err := r.base(st, to)
	if err != nil {
		return st.First, err
	}
	p, err := part.New(r.databases, db, key)
	if err != nil {
		return st.First, err
	}
	p.Bound(r.most())
	for range mostPasses {
		at, err := r.pass(ctx, p, base, to)
		if errors.Is(err, part.ErrLarge) {
			err = fmt.Errorf("%w; ledge serve --as-of serves it", err)
		}
		if err != nil {
			return st.First, errors.Join(err, p.Close())
		}
		if p.Grown() {
			continue
		}
		if !to.Time.IsZero() {
			at = to.Time
		}
		err = p.View(at, func(v *replay.View) error {
			v.Select(db)
			read(v)
			return nil
		})
		return st.First, errors.Join(err, p.Close())
	}
	return st.First, errors.Join(fault.With(fault.Refused,
		fmt.Errorf("the key's value has come by too many others: %d passes", mostPasses)), p.Close())
}

// most returns what one answer may keep in memory.
func (r *recaller) most() int64 {
	if m := r.memory(); m > 0 {
		return min(recallMost, m/recallShare)
	}
	return recallMost
}

// pass reads the snapshot and the journal after it once, and returns when what came
// last was written.
func (r *recaller) pass(ctx context.Context, p *part.Part, base *snapshot.Info, to backup.Target) (at time.Time, err error) {
	if err := p.Begin(); err != nil {
		return at, err
	}
	seq := journal.Seq(0)
	if base != nil {
		info, err := p.Load(ctx, base.Path)
		if err != nil {
			return at, err
		}
		seq, at = info.Pos.Seq, info.Created
	}
	if seq >= to.Seq {
		return at, nil
	}
	src := backup.Bounded{Source: r.log, To: to, Note: func(c journal.Committed) {
		if e := c.Batch().Entries; len(e) > 0 {
			at = e[len(e)-1].At
		}
	}}
	for c, err := range src.Read(ctx, seq+1) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return at, err
		}
		if err := p.Apply(c); err != nil {
			return at, err
		}
		if seq = c.Seq(); seq >= to.Seq {
			break
		}
	}
	if seq < to.Seq && !src.Past {
		return at, journal.Damaged(seq+1, "missing; the journal goes up to %d", to.Seq)
	}
	return at, nil
}

// base returns the newest snapshot from which the target can be reached; nil is the
// journal's beginning.
func (r *recaller) base(st journal.Stat, to backup.Target) (*snapshot.Info, error) {
	list, first := r.bases(st)
	for i := range list {
		if in := &list[i]; in.Pos.Seq <= to.Seq && (to.Time.IsZero() || !in.Created.After(to.Time)) {
			return in, nil
		}
	}
	if st.First == 1 {
		return nil, nil
	}
	return nil, fault.With(fault.Refused, fmt.Errorf("the node goes back to %s; a backup may go further", first))
}

// bases returns the snapshots from which the journal goes on, the newest first, and in
// words where the oldest is.
func (r *recaller) bases(st journal.Stat) (list []snapshot.Info, first string) {
	all, _ := snapshot.List(r.dir) // damaged ones are not in it
	first = "no number: there is no snapshot from which the journal goes on"
	for _, in := range all {
		if in.Lineage == r.log.Lineage() && in.Pos.Seq+1 >= st.First {
			list = append(list, in)
			first = fmt.Sprintf("number %d, of %s", in.Pos.Seq, in.Created.UTC().Format(time.RFC3339Nano))
		}
	}
	return list, first
}

// oldest returns the snapshot up to which the past can be asked for: an empty one, of
// number 0, while the journal has all numbers. There is none where no snapshot is good.
func (r *recaller) oldest(st journal.Stat) (in snapshot.Info, ok bool) {
	if st.First == 1 {
		return in, true
	}
	list, _ := r.bases(st)
	if len(list) == 0 {
		return in, false
	}
	return list[len(list)-1], true
}

// History returns how far back Recall goes.
func (r *recaller) History(ctx context.Context) ([]command.InfoField, error) {
	st, err := r.log.Stat(ctx)
	if err != nil {
		return nil, err
	}
	list, _ := r.bases(st)
	fields := []command.InfoField{{Name: "last_number", Value: number(r.state.Pos().Seq)}}
	if oldest, ok := r.oldest(st); ok {
		fields = append(fields, command.InfoField{Name: "first_number", Value: number(oldest.Pos.Seq)})
		if oldest.Pos.Seq > 0 {
			fields = append(fields, command.InfoField{Name: "first_time", Value: oldest.Created.UTC().Format(time.RFC3339Nano)})
		}
	}
	for _, in := range list {
		fields = append(fields, command.InfoField{Name: "snapshot",
			Value: fmt.Sprintf("%d %s", in.Pos.Seq, in.Created.UTC().Format(time.RFC3339Nano))})
	}
	return fields, nil
}
