package appliance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/glob"
	"ledge/respd/resp"
)

// backend is the node as the admin service sees it.
type backend struct {
	n *Node
	clusterBackend
}

func backendOf(n *Node) backend { return backend{n, clusterBackend{n.member}} }

var _ admin.Backend = backend{}

// Status says what the node is and how it is.
func (b backend) Status(context.Context) (admin.Status, error) {
	s := b.n.report.Status()
	s.Former = b.n.words.standing()
	if seen, began, ok := b.n.repl.Syncing(); ok {
		s.Work = append(s.Work, admin.WorkOf(admin.WorkFullSync, began, seen))
	}
	return s, nil
}

// Health says whether the journal takes writes.
func (b backend) Health(context.Context) (admin.Health, error) {
	return b.n.report.OperatorsHealth(), nil
}

// Resume tries to resume.
func (b backend) Resume(ctx context.Context) (admin.Resumed, error) {
	steps, err := b.n.writer.Health().Resume(ctx)
	r := admin.Resumed{Node: b.n.dir.node, Steps: []admin.Step{}}
	for _, s := range steps {
		r.Steps = append(r.Steps, admin.Step{Name: s.Name, Took: report.Millis(s.Took), Error: report.Line(s.Err)})
	}
	r.Health, _ = b.Health(ctx)
	r.State = r.Health.State
	return r, err
}

// Snapshot takes a snapshot.
func (b backend) Snapshot(ctx context.Context) (admin.Snapshot, error) {
	info, err := b.n.saves.takeInfo(ctx)
	return report.SnapshotOf(info), opFault(b.noRoom(ctx, err))
}

// Snapshots lists the snapshots, newest first. Damaged ones are the error.
func (b backend) Snapshots(context.Context) ([]admin.Snapshot, error) {
	infos, err := snapshot.List(b.n.dir.snapshotPath())
	list := make([]admin.Snapshot, len(infos))
	for i, info := range infos {
		list[i] = report.SnapshotOf(info)
	}
	return list, opFault(err)
}

// Compact takes a snapshot and truncates the journal up to it, or says why not.
func (b backend) Compact(ctx context.Context) (c admin.Compacted, err error) {
	before, err := b.n.jet().Stat(ctx)
	if err != nil {
		return c, err
	}
	keys := int64(b.n.state.Keys())
	progress.Of(ctx).Plan(
		progress.Part{Name: progress.StepSave, Unit: progress.Keys, Total: keys, Cost: nanoseconds(saveKey * float64(keys))},
		progress.Part{Name: snapshot.StepVerify, Unit: progress.Bytes, Cost: nanoseconds(verifyKey * float64(keys))})
	info, err := b.n.saves.compact(ctx)
	if err != nil {
		return c, opFault(b.noRoom(ctx, err))
	}
	after, err := b.n.jet().Stat(ctx)
	kept := ""
	switch {
	case err != nil:
	case uint64(after.First) <= uint64(info.Pos.Seq):
		kept = "a replica that is behind, or a backup that is being taken, needs the rest"
	case after.First == before.First:
		kept = "nothing was written since it was truncated last"
	}
	c = admin.Compacted{
		Kept:        kept,
		Snapshot:    report.SnapshotOf(info),
		FirstBefore: uint64(before.First), First: uint64(after.First),
		BytesBefore: before.Bytes, Bytes: after.Bytes,
	}
	c.WritesRefused = resumed(ctx, b.n.writer.Health())
	if oldest, ok := newRecaller(b.n).oldest(after); ok && err == nil && oldest.Pos.Seq > 0 {
		at := oldest.Created.UTC()
		c.History, c.HistoryTime = uint64(oldest.Pos.Seq), &at
	}
	return c, err
}

// resumeWait is how long a compact waits for the attempt to resume that follows it.
const resumeWait = 5 * time.Second

// resumed waits for the attempt that the node makes once there is room again, if it makes
// any by itself, and returns why it takes no writes after that.
func resumed(ctx context.Context, h *writer.Health) (refused string) {
	if h.TriesFull() {
		waiting, cancel := context.WithTimeout(ctx, resumeWait)
		defer cancel()
		_, _ = h.Resume(waiting) // the suspension has the cause
	}
	if s := h.Suspension(); s != nil {
		return report.Line(s.Cause)
	}
	return ""
}

// Verify reads the journal and the snapshots, and counts the state again.
func (b backend) Verify(ctx context.Context) (v admin.Verified, err error) {
	began, n := time.Now(), b.n
	defer n.threads.Beside()()
	st, err := n.jet().Stat(ctx)
	if err != nil {
		return v, err
	}
	v.First, v.Last = uint64(st.First), uint64(st.Last)
	infos, err := snapshot.List(n.dir.snapshotPath())
	shown, bytes := progress.Of(ctx), int64(0)
	for _, info := range infos {
		bytes += info.Bytes
	}
	shown.Plan(progress.Part{Name: stepEffects, Unit: progress.Bytes, Cost: nanoseconds(effectsByte * float64(st.Bytes))},
		progress.Part{Name: snapshot.StepVerify, Unit: progress.Bytes, Cost: nanoseconds(verifyByte * float64(bytes))},
		progress.Part{Name: stepState, Cost: nanoseconds(verifyKey * float64(n.state.Keys()))})
	shown.Step(stepEffects, progress.Bytes, st.Bytes)
	for c, err := range n.log.Read(progress.Without(ctx), st.First) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return v, truncatedMeanwhile(n, st.First, err)
		}
		shown.Add(int64(c.Size()))
	}
	shown.Step(snapshot.StepVerify, progress.Bytes, bytes)
	for _, info := range infos {
		_, verr := snapshot.Verify(ctx, info.Path)
		err = errors.Join(err, verr)
	}
	v.Snapshots = len(infos)
	shown.Step(stepState, progress.Unmeasured, 0)
	if err = errors.Join(err, n.state.Check()); err != nil {
		return v, opFault(err)
	}
	v.Digest, v.Keys, v.Took = n.state.Pos().Digest.String(), n.state.Keys(), report.Millis(time.Since(began))
	return v, nil
}

// truncatedMeanwhile tells a journal that was truncated while it was read from
// a damaged one.
func truncatedMeanwhile(n *Node, first journal.Seq, err error) error {
	if st, serr := n.jet().Stat(context.Background()); serr == nil && st.First > first {
		return fault.With(fault.Refused, errors.New("the journal was truncated meanwhile; try again"))
	}
	return err
}

// BackupBegin holds what a backup needs.
func (b backend) BackupBegin(ctx context.Context, since admin.BackupSince) (admin.Backup, error) {
	return b.n.backups.begin(ctx, since)
}

// BackupRead returns a piece of it.
func (b backend) BackupRead(ctx context.Context, id string, offset int64, from uint64) (admin.Raw, error) {
	return b.n.backups.piece(ctx, id, offset, journal.Seq(from))
}

// BackupEnd lets it go.
func (b backend) BackupEnd(_ context.Context, id string, taken *uint64) error {
	b.n.backups.end(id)
	if taken == nil {
		return nil
	}
	return noteBackup(b.n, *taken)
}

// ConfigGet returns the parameters whose names match a glob pattern. A secret is not for
// other doors than its own: by its name it is said whether there is one, and a pattern
// leaves it out, so that nobody sets what stands in its place.
func (b backend) ConfigGet(_ context.Context, pattern string) (map[string]string, error) {
	values := make(map[string]string)
	for _, p := range b.n.server.Config().Match(func(name string) bool {
		return glob.MatchFold(pattern, name)
	}) {
		value := p.Get()
		if command.SecretParam(p.Name) {
			if !strings.EqualFold(pattern, p.Name) {
				continue
			}
			if value != "" {
				value = command.Redacted
			}
		}
		values[p.Name] = value
	}
	return values, nil
}

// ConfigSet changes parameters, all or none.
func (b backend) ConfigSet(ctx context.Context, values map[string]string) error {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(b.n.server.Config().Match(func(n string) bool { return strings.EqualFold(n, name) })) == 0 {
			return fault.With(fault.Refused, fmt.Errorf("parameter %q: %w", name, admin.ErrNotFound))
		}
		pairs = append(pairs, name, values[name])
	}
	return fault.With(fault.Refused, b.n.server.Config().Set(ctx, pairs...))
}

// ConfigOrigins says where the values of parameters are from.
func (b backend) ConfigOrigins(_ context.Context, pattern string) (map[string]string, error) {
	origins := make(map[string]string)
	for _, p := range b.n.server.Config().Match(func(name string) bool { return glob.MatchFold(pattern, name) }) {
		origins[p.Name] = b.n.set.origin(p)
	}
	return origins, nil
}

// ConfigReset gives a parameter the value back that the configuration says.
func (b backend) ConfigReset(ctx context.Context, name string) error {
	return fault.With(fault.Refused, b.n.set.reset(ctx, b.n.server.Config(), name))
}

// ConfigRewrite writes what was set at run time into the configuration files.
func (b backend) ConfigRewrite(ctx context.Context) (admin.Rewritten, error) {
	r, err := b.n.rewrite(ctx)
	var said resp.Error
	switch {
	case errors.Is(err, errNoConfigFile):
		err = fault.With(fault.Refused, errors.New("the node runs without a configuration file, which serve --config FILE names; "+
			"what is set at run time holds over restarts without one, too"))
	case errors.As(err, &said): // in Redis's words, which begin with a code
		err = fault.With(fault.Of(err), errors.New(strings.TrimPrefix(string(said), "ERR ")))
	}
	return r, err
}

// Clients lists the connected Redis clients.
func (b backend) Clients(context.Context) ([]admin.Client, error) {
	now := b.n.cfg.Clock()
	list := []admin.Client{}
	b.n.server.Clients(func(s *command.Session) {
		f := s.Facts()
		c := admin.Client{
			ID: s.ID, Addr: s.Addr, Name: f.Name, DB: int(s.DBSeen.Load()),
			Protocol: int(s.ProtoSeen.Load()), Since: s.Created.UTC(),
			Idle: max(0, now.Sub(time.UnixMilli(s.LastUsed.Load())).Seconds()),
		}
		if f.LibName != "" {
			c.Lib = fmt.Sprintf("%s %s", f.LibName, f.LibVer)
		}
		if spec := s.LastCmd.Load(); spec != nil {
			c.Command = spec.FullName()
		}
		list = append(list, c)
	})
	return list, nil
}

// Slowlog returns the latest slow commands.
func (b backend) Slowlog(_ context.Context, count int) ([]admin.Slow, error) {
	if count == 0 {
		count = -1
	}
	list := []admin.Slow{}
	for _, e := range b.n.server.Slowlog().Entries(count) {
		list = append(list, admin.Slow{ID: e.ID, At: e.At.UTC(), Took: report.Millis(e.Took),
			Args: e.Args, Client: e.Client, Name: e.Name})
	}
	return list, nil
}

// Events returns what has happened to the node.
func (b backend) Events(_ context.Context, since time.Time, most int) ([]admin.Event, error) {
	return b.n.events.past(since, most), nil
}

// Follow makes the node follow a leader.
func (b backend) Follow(ctx context.Context, leader string) (admin.Link, error) {
	err := b.n.repl.Follow(ctx, leader)
	return report.LinkOf(b.n.Link()), err
}

// Promote makes the node lead.
func (b backend) Promote(ctx context.Context) (admin.Promoted, error) {
	before := b.n.Link()
	err := b.n.repl.Promote(ctx)
	p := admin.Promoted{Node: b.n.dir.node, Number: uint64(b.n.state.Pos().Seq), Epoch: b.n.state.Epoch(),
		Already: before.State == standing.LinkNone}
	if before.State != standing.LinkNone {
		p.Followed = options.ShownURL(before.Leader)
		if heard := before.Heard.UTC(); before.State == standing.LinkStreaming {
			p.Heard = &heard
		}
	}
	return p, err
}

// Switchover has a replica lead, and the node follow it.
func (b backend) Switchover(ctx context.Context, to string) (admin.Switched, error) {
	return b.n.repl.Switchover(ctx, to)
}

// Passwd gives one of the NATS users another password.
func (b backend) Passwd(ctx context.Context, user, password string, grace time.Duration) (admin.PasswordChanged, error) {
	c, err := b.n.words.change(ctx, user, password, grace)
	c.Node = b.n.dir.node
	return c, err
}

// stopDelay is what the answer to a stop has to get out, before the broker that
// carries it goes.
const stopDelay = 100 * time.Millisecond

// Stop makes the node stop.
func (b backend) Stop(context.Context) error {
	time.AfterFunc(stopDelay, b.n.Shutdown)
	return nil
}

// opFault classes what the file system says. A second snapshot beside the
// first is the request's fault.
func opFault(err error) error {
	if errors.Is(err, command.ErrSaving) {
		return fault.With(fault.Refused, errors.New("a snapshot is being taken already"))
	}
	if err == nil {
		return nil
	}
	return diskFault(err)
}
