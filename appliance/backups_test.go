package appliance

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/backup"
)

// wound is a clock that goes on, and can be put forward.
type wound struct{ by atomic.Int64 }

func (w *wound) now() time.Time { return time.Now().Add(time.Duration(w.by.Load())) }

// firstOf returns what a node's journal begins with.
func firstOf(t *testing.T, n *Node) journal.Seq {
	t.Helper()
	st, err := n.log.Stat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.First
}

// compactNow has a node truncate its journal as far as it may.
func compactNow(t *testing.T, n *Node) {
	t.Helper()
	if _, err := n.saves.compact(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What a backup needs of the journal stays, whatever truncates it, until the backup
// has ended, or nobody has read on for a while; then it is refused to go on.
func TestBackupHolds(t *testing.T) {
	ctx := t.Context()
	var clock wound
	n := running(t, Config{Dir: t.TempDir(), Node: "n", Clock: clock.now})
	write(t, n, 20)
	b, err := n.backups.begin(ctx, admin.BackupSince{})
	if err != nil || b.After != 0 || b.Last != uint64(n.state.Pos().Seq) {
		t.Fatalf("begin = %+v, %v; want all of the journal", b, err)
	}
	write(t, n, 20)
	compactNow(t, n)
	compactNow(t, n)
	if got := firstOf(t, n); got != 1 {
		t.Fatalf("the journal begins with %d while it is backed up; want 1", got)
	}
	piece, err := n.backups.piece(ctx, b.ID, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := backup.SplitFrames(piece)
	if last := len(frames) - 1; err != nil || last < 0 || uint64(frames[last].Seq) != b.Last {
		t.Errorf("%d frames, %v; want those up to number %d, and no more", len(frames), err, b.Last)
	}
	for _, from := range []journal.Seq{journal.Seq(b.Last) + 1, 1 << 40} {
		if _, err := n.backups.piece(ctx, b.ID, 0, from); fault.Of(err) != fault.Refused {
			t.Errorf("frames from number %d: %v; want them refused", from, err)
		}
	}
	if _, err := n.backups.piece(ctx, b.ID, 5, 0); fault.Of(err) != fault.Refused {
		t.Errorf("bytes of no snapshot: %v; want them refused", err)
	}
	clock.by.Store(int64(backupIdle + time.Second))
	if _, err := n.backups.piece(ctx, b.ID, 0, 1); fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "begin anew") {
		t.Errorf("after a minute without a word: %v; want it let go", err)
	}
	compactNow(t, n)
	if got := firstOf(t, n); got == 1 {
		t.Error("the journal still begins with 1 when nobody backs it up; want it truncated")
	}
}

// A backup goes on from where another one ends if that is this journal's past. Where
// the journal goes no longer back to it, it begins with a snapshot; another history, or
// another journal, is refused.
func TestBackupGoesOn(t *testing.T) {
	ctx := t.Context()
	n := running(t, Config{Dir: t.TempDir(), Node: "n"})
	write(t, n, 10)
	since := func() admin.BackupSince {
		pos, epoch := n.state.Position()
		return admin.BackupSince{Lineage: n.log.Lineage().String(), Number: uint64(pos.Seq), Digest: pos.Digest.String(), Epoch: epoch}
	}
	early := since()
	write(t, n, 10)
	for name, change := range map[string]func(s *admin.BackupSince){
		"another digest":  func(s *admin.BackupSince) { s.Digest = "00000000000000ff" },
		"another epoch":   func(s *admin.BackupSince) { s.Epoch += 5 },
		"another journal": func(s *admin.BackupSince) { s.Lineage = "00000000000000ff" },
		"more than is":    func(s *admin.BackupSince) { s.Number += 1000 },
	} {
		s := early
		change(&s)
		if _, err := n.backups.begin(ctx, s); fault.Of(err) != fault.Operator {
			t.Errorf("%s: begin = %v; want an Operator error", name, err)
		}
	}
	if _, err := n.backups.begin(ctx, admin.BackupSince{Lineage: "x"}); fault.Of(err) != fault.Refused {
		t.Errorf("a lineage that is none: %v; want it refused", err)
	}
	for _, s := range []admin.BackupSince{early, since()} {
		b, err := n.backups.begin(ctx, s)
		if err != nil || b.After != s.Number || b.Snapshot != 0 || b.AfterSum != s.Digest {
			t.Errorf("begin after number %d = %+v, %v; want it to go on from there", s.Number, b, err)
		}
		n.backups.end(b.ID)
	}
	compactNow(t, n)
	write(t, n, 10)
	b, err := n.backups.begin(ctx, early)
	if err != nil || b.Snapshot == 0 || b.After <= early.Number {
		t.Errorf("begin after what is truncated = %+v, %v; want it to begin with a snapshot", b, err)
	}
	for range mostBackups - 1 {
		if _, err := n.backups.begin(ctx, admin.BackupSince{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.backups.begin(ctx, admin.BackupSince{}); fault.Of(err) != fault.Retryable {
		t.Errorf("one backup too many: %v; want it refused for the moment", err)
	}
}
