package appliance

import (
	"context"
	"errors"
	"sync"
	"time"

	"ledge/appliance/report"
	"ledge/journal"
	"ledge/replay"
	"ledge/replay/snapshot"
	"ledge/respd/command"
)

// keepSnapshots is how many snapshots stay: the newest, and one in case that is
// found damaged. The journal goes back to the older of the two.
const keepSnapshots = 2

// savesTick is how often it is looked whether a snapshot is due. A snapshot that
// has failed is tried again no sooner than savesRetry later.
const (
	savesTick  = 250 * time.Millisecond
	savesRetry = time.Minute
	savesAwait = 20 * time.Millisecond // until one that is being taken is done
)

// saves takes snapshots: when one is due, and when a client asks. One is taken
// at a time. It remembers how the last one ended, for INFO.
type saves struct {
	node  *Node
	asked chan struct{} // a snapshot that nobody waits for

	mu      sync.Mutex
	running bool          // mu
	began   time.Time     // mu; the last one, whether or not it has ended
	took    time.Duration // mu; of the last one that ended, or -1
	last    time.Time     // mu; of the last one that worked
	failed  error         // mu; why the last one didn't work, or nil
	pos     journal.Seq   // mu; that the last one covers
	bytes   int64         // mu; appended when that was begun
}

// newSaves begins with what recovery has found: what it had to replay counts
// towards the next snapshot.
func newSaves(n *Node) *saves {
	s := &saves{node: n, asked: make(chan struct{}, 1), took: -1, last: n.started}
	if snap := n.recovered.Snapshot; snap.Pos.Seq > 0 {
		s.last, s.pos = snap.Created, snap.Pos.Seq
	}
	s.began = s.last
	if st, err := n.jet().Stat(context.Background()); err == nil && n.recovered.Batches > 0 {
		s.bytes = -st.Bytes * int64(n.recovered.Batches) / int64(st.Last-st.First+1)
	}
	return s
}

// run takes snapshots until ctx ends. How each ended is logged and in INFO.
func (s *saves) run(ctx context.Context) {
	tick := time.NewTicker(savesTick)
	defer tick.Stop()
	for {
		select {
		case <-s.asked:
			_ = s.take(ctx)
		case <-tick.C:
			if s.due() {
				_ = s.take(ctx)
			}
		case <-ctx.Done():
			return
		}
	}
}

// due reports whether the configuration asks for a snapshot.
func (s *saves) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg, age := &s.node.cfg, s.node.cfg.Clock().Sub(s.began)
	if s.running || s.node.state.Pos().Seq == s.pos || s.failed != nil && age < savesRetry {
		return false
	}
	if cfg.SnapshotEvery > 0 && age >= cfg.SnapshotEvery {
		return true
	}
	return cfg.SnapshotBytes > 0 && s.node.meter.bytes.Load()-s.bytes >= cfg.SnapshotBytes
}

// take takes one snapshot, and truncates the journal behind those that stay.
func (s *saves) take(ctx context.Context) error {
	_, err := s.takeInfo(ctx)
	return err
}

// takeInfo is take for who wants to know what was taken.
func (s *saves) takeInfo(ctx context.Context) (snapshot.Info, error) {
	if !s.begin() {
		return snapshot.Info{}, command.ErrSaving
	}
	info, err := s.snapshot(ctx)
	s.end(info, err)
	return info, err
}

func (s *saves) snapshot(ctx context.Context) (snapshot.Info, error) {
	n, dir := s.node, s.node.dir.snapshotPath()
	defer n.threads.Beside()()
	info, err := n.state.Snapshot(ctx, dir, n.log)
	if err != nil {
		return info, err
	}
	list, damaged := snapshot.List(dir)
	if damaged != nil {
		// They don't count, so they hold up nothing but a person's peace.
		n.cfg.Logger.Warn("damaged snapshot", "cause", damaged)
	}
	list, err = snapshot.Prune(dir, list, keepSnapshots)
	if err != nil {
		return info, err
	}
	return info, replay.TruncateBehind(ctx, n.log, list, n.repl.hold(ctx))
}

// compact takes a snapshot, reads it again, and truncates the journal up to it. An
// operator who asks wants room now, while the older of two snapshots may hold back
// all there is to cut. What replicas still need stays.
func (s *saves) compact(ctx context.Context) (snapshot.Info, error) {
	if !s.begin() {
		return snapshot.Info{}, command.ErrSaving
	}
	info, err := s.snapshot(ctx)
	if err == nil {
		err = s.truncate(ctx, info)
	}
	s.end(info, err)
	return info, err
}

// truncate cuts the journal off behind one snapshot, once that has been read from
// one end to the other: nothing else has what is cut off then.
func (s *saves) truncate(ctx context.Context, info snapshot.Info) error {
	if _, err := snapshot.Verify(ctx, info.Path); err != nil {
		return err
	}
	to := info.Pos.Seq
	if hold := s.node.repl.hold(ctx); hold > 0 {
		to = min(to, hold)
	}
	return s.node.log.Truncate(ctx, to)
}

// secure takes a snapshot of all that is acknowledged, reads it again, and
// truncates the journal up to it: after a failed sync the journal's files may
// not hold on the disk what they show.
func (s *saves) secure(ctx context.Context) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	info, err := s.snapshot(ctx)
	s.end(info, err)
	if err != nil {
		return diskFault(err)
	}
	if _, err := snapshot.Verify(ctx, info.Path); err != nil {
		return err
	}
	return s.node.log.Truncate(ctx, info.Pos.Seq)
}

// await claims the right to take a snapshot as soon as nobody else has it.
func (s *saves) await(ctx context.Context) error {
	tick := time.NewTicker(savesAwait)
	defer tick.Stop()
	for !s.begin() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// release gives back the right to take a snapshot that none was taken with.
func (s *saves) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
}

// adopted is told that the journal now begins behind the snapshot of a leader.
func (s *saves) adopted(seq journal.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pos, s.last, s.bytes = seq, s.node.cfg.Clock(), s.node.meter.bytes.Load()
}

// begin claims the right to take a snapshot.
func (s *saves) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return false
	}
	s.running, s.began = true, s.node.cfg.Clock()
	return true
}

// end gives it back and notes how it went. A snapshot that stands counts even
// if tidying up behind it did not work.
func (s *saves) end(info snapshot.Info, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.node.cfg.Logger
	s.running, s.failed = false, err
	s.took = s.node.cfg.Clock().Sub(s.began)
	if info.Path != "" {
		s.last, s.pos, s.bytes = info.Created, info.Pos.Seq, s.node.meter.bytes.Load()
		log.Info("snapshot taken", "number", uint64(info.Pos.Seq), "keys", info.Keys,
			"bytes", info.Bytes, "took", s.took)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Error("snapshot", "cause", err)
	}
	s.node.events.snapshot(info, err)
}

// facts says how taking snapshots goes.
func (s *saves) facts() report.Saves {
	s.mu.Lock()
	defer s.mu.Unlock()
	return report.Saves{Running: s.running, Began: s.began, Took: s.took, Last: s.last,
		Failed: s.failed, Pos: s.pos, Changes: s.node.state.Pos().Seq - s.pos}
}

// Save takes a snapshot and waits for it.
func (n *Node) Save(ctx context.Context) error { return n.saves.take(ctx) }

// SaveInBackground begins a snapshot.
func (n *Node) SaveInBackground() error {
	n.saves.mu.Lock()
	defer n.saves.mu.Unlock()
	if n.saves.running {
		return command.ErrSaving
	}
	select {
	case n.saves.asked <- struct{}{}:
		return nil
	default: // one is about to begin
		return command.ErrSaving
	}
}

// LastSave returns when the last snapshot that worked was taken; before the
// first one, when the node was started, as in Redis.
func (n *Node) LastSave() time.Time {
	n.saves.mu.Lock()
	defer n.saves.mu.Unlock()
	return n.saves.last
}
