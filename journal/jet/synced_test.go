package jet_test

// How far the journal is on the disk is known from syncs that have worked, and
// from nothing else.

import (
	"path/filepath"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
)

func wantSynced(t *testing.T, j *jettest.Journal, when string, want journal.Seq) {
	t.Helper()
	if got, _ := j.Synced(); got != want {
		t.Errorf("%s %d numbers are synced; want %d", when, got, want)
	}
}

func TestSynced(t *testing.T) {
	for name, cfg := range map[string]jet.Config{
		"interval": {Sync: jet.SyncInterval, SyncEvery: time.Hour},
		"off":      {Sync: jet.SyncOff},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Dir, cfg.Create = filepath.Join(t.TempDir(), "nats"), true
			j := open(t, cfg)
			fill(t, j, 0, 3)
			wantSynced(t, j, "before a sync", 0)
			_, grown := j.Synced()
			syncAll(t, j)
			wantSynced(t, j, "after one", 3)
			select {
			case <-grown:
			default:
				t.Error("who waits for a sync isn't told of it")
			}
			fill(t, j, 3, 5)
			wantSynced(t, j, "after more appends", 3)
			if err := j.Cut(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
			wantSynced(t, j, "after a cut", 2)
			fill(t, j, 2, 4)
			wantSynced(t, j, "when the numbers are used again", 2)
		})
	}
}

// The witness syncs on time, and says so.
func TestSyncedOnTime(t *testing.T) {
	j := open(t, jet.Config{Dir: filepath.Join(t.TempDir(), "nats"), Create: true,
		Sync: jet.SyncInterval, SyncEvery: 50 * time.Millisecond})
	fill(t, j, 0, 3)
	for {
		n, grown := j.Synced()
		if n == 3 {
			return
		}
		select {
		case <-grown:
		case <-time.After(30 * time.Second):
			t.Fatalf("after 30 s %d numbers are synced; want 3", n)
		}
	}
}

// A sync of the broker's that has failed may have lost what the next one then
// finds nothing to do for.
func TestSyncedAfterFailure(t *testing.T) {
	j := open(t, jet.Config{Dir: filepath.Join(t.TempDir(), "nats"), Create: true, Sync: jet.SyncOff})
	fill(t, j, 0, 3)
	syncAll(t, j)
	fill(t, j, 3, 5)
	j.Stream().SetSick("Filestore [J] Critical write error: sync 1.blk: input/output error")
	syncAll(t, j)
	wantSynced(t, j, "after a sync that followed a failed one", 3)
}

func TestSyncedInBulk(t *testing.T) {
	j := open(t, jet.Config{Dir: filepath.Join(t.TempDir(), "nats"), Create: true})
	fill(t, j, 0, 3)
	wantSynced(t, j, "with a sync each", 3)
	bulk(t, j, true)
	wantSynced(t, j, "when bulk has begun", 3)
	fillAll(t, j, 3, 2)
	wantSynced(t, j, "of five, two in bulk,", 3)
	bulk(t, j, false)
	wantSynced(t, j, "when bulk is over", 5)
	fill(t, j, 5, 6)
	wantSynced(t, j, "after one more", 6)
}
