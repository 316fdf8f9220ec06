package appliance

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/snapshot"
	"ledge/respd/command"
)

// keepSnapshots is how many snapshots stay: the newest, and one in case that is
// found damaged. The journal goes back to the older of the two.
const keepSnapshots = 2

// snapshotTick is how often it is looked whether a snapshot is due. A snapshot that
// has failed is tried again no sooner than snapshotRetry later.
const (
	snapshotTick  = 250 * time.Millisecond
	snapshotRetry = time.Minute
)

// snapshotsConfig is what taking snapshots needs.
type snapshotsConfig struct {
	dir  string
	live func() *options.Live // when one is due, and how much journal stays for replicas

	state    *replay.State
	log      *journal.Log
	appended func() int64 // bytes so far
	// held returns the number after which replicas need the journal, if any do.
	held func() (journal.Seq, bool)
	// backup returns the number after which backups that are being taken need it.
	backup func() (journal.Seq, bool)
	ready  func() error               // why no snapshot can be taken yet, or nil
	beside func() (done func())       // has all processors
	notify func(snapshot.Info, error) // how one has ended
	freed  func()                     // is told that the journal was truncated
	clock  func() time.Time
	logger *slog.Logger
}

// snapshots takes snapshots: when one is due, and when a client asks. One is taken
// at a time. It remembers how the last one ended, for INFO.
type snapshots struct {
	cfg   snapshotsConfig
	asked chan struct{} // a snapshot that nobody waits for
	right chan struct{} // holds one element while somebody has the right to take one

	mu      sync.Mutex
	running bool          // mu
	began   time.Time     // mu; the last one, whether or not it has ended
	took    time.Duration // mu; of the last one that ended, or -1
	last    time.Time     // mu; of the last one that worked
	failed  error         // mu; why the last one didn't work, or nil
	pos     journal.Seq   // mu; that the last one covers
	bytes   int64         // mu; appended when that was begun
}

// newSnapshots returns the snapshots of a node that has none yet, as far as it knows.
func newSnapshots(cfg snapshotsConfig, started time.Time) *snapshots {
	return &snapshots{cfg: cfg, asked: make(chan struct{}, 1), right: make(chan struct{}, 1),
		took: -1, last: started, began: started}
}

// found goes on from what recovery has found: what it had to replay of a journal with
// that span counts towards the next snapshot.
func (s *snapshots) found(found recovery.Report, span journal.Stat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap := found.Snapshot; snap.Pos.Seq > 0 {
		s.last, s.pos = snap.Created, snap.Pos.Seq
	}
	s.began = s.last
	if found.Batches > 0 {
		s.bytes = -span.Bytes * int64(found.Batches) / int64(span.Last-span.First+1)
	}
}

// run takes snapshots until ctx ends. How each ended is logged and in INFO.
func (s *snapshots) run(ctx context.Context) {
	tick := time.NewTicker(snapshotTick)
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
func (s *snapshots) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.cfg.clock().Sub(s.began)
	if s.running || s.cfg.state.Pos().Seq == s.pos || s.failed != nil && age < snapshotRetry {
		return false
	}
	every := s.cfg.live()
	if every.SnapshotEvery > 0 && age >= every.SnapshotEvery {
		return true
	}
	return every.SnapshotBytes > 0 && s.cfg.appended()-s.bytes >= every.SnapshotBytes
}

// take takes one snapshot, and truncates the journal up to the older of those that stay.
func (s *snapshots) take(ctx context.Context) error {
	_, err := s.takeInfo(ctx)
	return err
}

// takeInfo is take for whoever wants to know what was taken.
func (s *snapshots) takeInfo(ctx context.Context) (snapshot.Info, error) {
	if s.cfg.ready() != nil {
		return snapshot.Info{}, command.ErrLoading // it would be an empty one
	}
	if !s.begin() {
		return snapshot.Info{}, command.ErrSaving
	}
	info, err := s.snapshot(ctx)
	if err == nil {
		s.cfg.freed()
	}
	s.end(info, err)
	return info, err
}

// snapshot takes one. What it frees is for whoever calls it to tell.
func (s *snapshots) snapshot(ctx context.Context) (snapshot.Info, error) {
	defer s.cfg.beside()()
	info, err := s.cfg.state.Snapshot(ctx, s.cfg.dir, s.cfg.log)
	if err != nil {
		return info, err
	}
	list, damaged := snapshot.List(s.cfg.dir)
	if damaged != nil {
		// They don't count, so they hold up nothing but a person's peace.
		s.cfg.logger.Warn("a snapshot is damaged", "cause", damaged)
	}
	list, err = snapshot.Prune(s.cfg.dir, list, keepSnapshots)
	if err != nil {
		return info, err
	}
	hold := s.hold(ctx)
	switch after, backed := s.cfg.backup(); {
	case backed && after == 0:
		return info, nil // all of the journal is being backed up
	case backed && (hold == 0 || after < hold):
		hold = after
	}
	return info, snapshot.Truncate(ctx, s.cfg.log, list, hold)
}

// compact takes a snapshot, reads it again, and truncates the journal up to it. An
// operator who asks wants room now, while the older of two snapshots may hold back
// all there is to cut. What replicas still need stays.
func (s *snapshots) compact(ctx context.Context) (snapshot.Info, error) {
	if !s.begin() {
		return snapshot.Info{}, command.ErrSaving
	}
	info, err := s.snapshot(ctx)
	if err == nil {
		err = s.truncate(ctx, info)
		// Not before: an attempt to resume holds room back, and on a full disk that is
		// what the journal's own notes of the truncation need.
		s.cfg.freed()
	}
	s.end(info, err)
	return info, err
}

// truncate cuts the journal off up to one snapshot, once that has been read from
// one end to the other: nothing else has what is cut off then.
func (s *snapshots) truncate(ctx context.Context, info snapshot.Info) error {
	if _, err := snapshot.Verify(ctx, info.Path); err != nil {
		return err
	}
	to := info.Pos.Seq
	if hold := s.hold(ctx); hold > 0 {
		to = min(to, hold)
	}
	if after, backed := s.cfg.backup(); backed {
		to = min(to, after)
	}
	if to == 0 {
		return nil
	}
	return s.cfg.log.Truncate(ctx, to)
}

// hold returns the number after which the journal is still needed by a replica,
// 0 for none. One that is too far back is let go, and finds that it needs a
// full sync.
func (s *snapshots) hold(ctx context.Context) journal.Seq {
	held, ok := s.cfg.held()
	st, err := s.cfg.log.Stat(ctx)
	if err != nil || !ok || st.Last < st.First || held >= st.Last {
		return 0
	}
	needed := int64(float64(st.Bytes) * float64(st.Last-max(held, st.First-1)) / float64(st.Last-st.First+1))
	if needed > s.cfg.live().RetainForReplicas {
		s.cfg.logger.Warn("the journal is truncated although a replica needs more of it",
			"replica", uint64(held), "last", uint64(st.Last), "bytes", needed)
		return 0
	}
	return max(held, 1)
}

// secure takes a snapshot of all that is acknowledged, reads it again, and
// truncates the journal up to it: after a failed sync the journal's files may
// not hold on the disk what they show.
func (s *snapshots) secure(ctx context.Context) error {
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
	return s.cfg.log.Truncate(ctx, info.Pos.Seq)
}

// await claims the right to take a snapshot as soon as nobody else has it.
func (s *snapshots) await(ctx context.Context) error {
	select {
	case s.right <- struct{}{}:
		s.claimed()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin claims it if nobody else has it.
func (s *snapshots) begin() bool {
	select {
	case s.right <- struct{}{}:
		s.claimed()
		return true
	default:
		return false
	}
}

// claimed notes that a snapshot may be on its way.
func (s *snapshots) claimed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.began = true, s.cfg.clock()
}

// release gives back the right to take a snapshot.
func (s *snapshots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	<-s.right // together with running: whoever sees that none is taken can take one
}

// adopted is told that the journal now begins after the snapshot of a leader.
func (s *snapshots) adopted(seq journal.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pos, s.last, s.bytes = seq, s.cfg.clock(), s.cfg.appended()
}

// end notes how a snapshot went, and gives the right back. One that stands counts
// even if tidying up after it did not work.
func (s *snapshots) end(info snapshot.Info, err error) {
	defer s.cfg.notify(info, err)
	defer s.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.took = err, s.cfg.clock().Sub(s.began)
	if info.Path != "" {
		s.last, s.pos, s.bytes = info.Created, info.Pos.Seq, s.cfg.appended()
		s.cfg.logger.Info("snapshot taken", "number", uint64(info.Pos.Seq), "keys", info.Keys,
			"bytes", info.Bytes, "took", s.took)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.cfg.logger.Error("snapshot failed", "cause", err)
	}
}

// facts says how taking snapshots goes.
func (s *snapshots) facts() report.Saves {
	s.mu.Lock()
	defer s.mu.Unlock()
	return report.Saves{Running: s.running, Began: s.began, Took: s.took, Last: s.last,
		Failed: s.failed, Pos: s.pos, Changes: s.cfg.state.Pos().Seq - s.pos}
}

// ask has a snapshot taken that nobody waits for.
func (s *snapshots) ask() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return command.ErrSaving
	}
	select {
	case s.asked <- struct{}{}:
		return nil
	default: // one is about to begin
		return command.ErrSaving
	}
}

// lastSave returns when the last snapshot that worked was taken; before the
// first one, when the node was started, as in Redis.
func (s *snapshots) lastSave() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
