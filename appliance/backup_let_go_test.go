package appliance

import (
	"context"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// slowStat is a journal of which it takes long to say what it spans.
type slowStat struct {
	*mem.Journal
	meanwhile func()
}

func (j slowStat) Stat(ctx context.Context) (journal.Stat, error) {
	j.meanwhile()
	return j.Journal.Stat(ctx)
}

// A backup that was let go while the disk was looked at has nothing open, and says so.
func TestBackupLetGo(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	for range 20 {
		n.Must(replaytest.Set("k", strings.Repeat("v", 100)))
	}
	dir, now, late := t.TempDir(), time.Unix(1000, 0), false
	if _, err := n.Snapshot(t.Context(), dir, n.Log); err != nil {
		t.Fatal(err)
	}
	var b *backups
	log, err := journal.NewLog(t.Context(), slowStat{n.Mem, func() {
		if late {
			now = now.Add(2 * backupIdle)
			b.held()
		}
	}}, n.Log.Lineage())
	if err != nil {
		t.Fatal(err)
	}
	b = newBackups(backupsConfig{dir: dir, node: "n", state: n.State, log: log, clock: func() time.Time { return now }})
	if got, err := b.begin(t.Context(), admin.BackupSince{Base: true}); err != nil || got.Snapshot == 0 {
		t.Fatalf("begin = %+v, %v; want one with a snapshot", got, err)
	}
	b.close()
	late = true
	if got, err := b.begin(t.Context(), admin.BackupSince{Base: true}); fault.Of(err) != fault.Retryable {
		t.Errorf("begin = %+v, %v; want it refused as retryable", got, err)
	}
	if len(b.open) > 0 {
		t.Errorf("%d backups are held; want none", len(b.open))
	}
}
