package jet_test

// When frames are synced can be changed while the journal is open: what was
// acknowledged under SyncAlways was synced, and what is said to be on the disk is.

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
	"ledge/journal/jet/jettest"
)

func setSync(t *testing.T, j *jettest.Journal, mode journal.SyncMode, every time.Duration) {
	t.Helper()
	if _, err := settled(t, 0, j.SetSync(t.Context(), journal.Syncing{Mode: mode, Every: every})); err != nil {
		t.Fatalf("SetSync(%d, %s) = %v; want nil", mode, every, err)
	}
	if got := j.Syncing(); got.Mode != mode {
		t.Fatalf("Syncing() = %+v; want mode %d", got, mode)
	}
}

// Each mode does what it says, whichever was before, and in bulk as well.
func TestSetSync(t *testing.T) {
	disk := faultfs.Start(t)
	j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true})
	last := journal.Seq(0)
	syncs := func() int {
		before := disk.Stats()[faultfs.OpFsync].Calls
		fillAll(t, j, last, 100)
		last += 100
		return int(disk.Stats()[faultfs.OpFsync].Calls - before)
	}
	for _, mode := range []journal.SyncMode{jet.SyncInterval, jet.SyncOff, jet.SyncAlways, jet.SyncOff, jet.SyncInterval, jet.SyncAlways} {
		setSync(t, j, mode, time.Hour)
		switch n := syncs(); {
		case mode == jet.SyncAlways && n < 100:
			t.Errorf("%d syncs for 100 frames with mode %d; want as many", n, mode)
		case mode != jet.SyncAlways && n > 50:
			t.Errorf("%d syncs for 100 frames with mode %d; want hardly any", n, mode)
		}
	}
	wantSynced(t, j, "after a change to always", last)
	// Bulk and the mode are changed in any order.
	bulk(t, j, true)
	setSync(t, j, jet.SyncOff, time.Hour)
	bulk(t, j, false)
	if n := syncs(); n > 50 {
		t.Errorf("%d syncs for 100 frames with mode off after bulk; want hardly any", n)
	}
	bulk(t, j, true)
	setSync(t, j, jet.SyncAlways, time.Hour)
	if n := syncs(); n > 50 {
		t.Errorf("%d syncs for 100 frames in bulk; want hardly any", n)
	}
	bulk(t, j, false)
	if n := syncs(); n < 100 {
		t.Errorf("%d syncs for 100 frames after bulk; want as many", n)
	}
	wantFrames(t, j, 1, last)
}

// Whoever waits for a sync hears of a shorter interval, of always, and that nobody
// syncs any more.
func TestSetSyncWakes(t *testing.T) {
	j := open(t, jet.Config{Dir: filepath.Join(t.TempDir(), "nats"), Create: true, Sync: jet.SyncInterval, SyncEvery: time.Hour})
	last := journal.Seq(0)
	for _, to := range []journal.Syncing{{Mode: jet.SyncAlways}, {Mode: jet.SyncInterval, Every: 10 * time.Millisecond}, {Mode: jet.SyncOff}} {
		setSync(t, j, jet.SyncInterval, time.Hour)
		fillAll(t, j, last, 3)
		last += 3
		n, grown := j.Synced()
		if n >= last {
			t.Errorf("%d numbers are synced with an interval of an hour; want less than %d", n, last)
		}
		setSync(t, j, to.Mode, to.Every)
		select {
		case <-grown:
		case <-time.After(30 * time.Second):
			t.Fatalf("who waits for a sync does not hear of %+v", to)
		}
		for to.Mode != jet.SyncOff && n < last {
			if n, grown = j.Synced(); n >= last {
				break
			}
			select {
			case <-grown:
			case <-time.After(30 * time.Second):
				t.Fatalf("%d numbers are synced with %+v; want %d", n, to, last)
			}
		}
	}
}

// The power goes while the mode changes. What AppendAll has returned for under always,
// and what was there when always was set, is there afterwards.
func TestSetSyncPowerCut(t *testing.T) {
	t.Parallel()
	disk := faultfs.Start(t)
	cfg := jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true, AppendTimeout: 200 * time.Millisecond}
	modes := []journal.SyncMode{jet.SyncAlways, jet.SyncInterval, jet.SyncOff}
	var safe journal.Seq
	promised := 0
	// On a busy machine the power may go before anything is promised: so it goes again, later.
	for cut := 0; cut < 8 || promised == 0 && cut < 40; cut++ {
		cfg.Sync = modes[rand.IntN(3)]
		j := open(t, cfg)
		cfg.Create = false
		st, err := j.Stat(t.Context())
		if err != nil || st.Last < safe {
			t.Fatalf("the journal is %+v, %v; want it to go to %d at least", st, err, safe)
		}
		wantFrames(t, j, st.First, st.Last)
		last := st.Last
		time.AfterFunc(time.Duration(20+rand.IntN(80)+20*cut)*time.Millisecond, func() { disk.PowerCut() })
		for err == nil {
			if rand.IntN(4) == 0 {
				err = j.SetSync(t.Context(), journal.Syncing{Mode: modes[rand.IntN(3)], Every: 5 * time.Millisecond})
			} else {
				var n int
				n, err = j.AppendAll(t.Context(), last, framesBehind(last, 1+rand.IntN(20)))
				last += journal.Seq(n)
			}
			if err == nil && j.Syncing().Mode == jet.SyncAlways {
				safe, promised = last, promised+1
			}
			if n, _ := j.Synced(); err == nil {
				safe = max(safe, n)
			}
		}
		j.Close()
		if err := disk.Restore(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("up to number %d, %d times promised", safe, promised)
	if promised == 0 {
		t.Error("nothing was promised when the power went: the test says nothing")
	}
}

// A change to always that can't sync what there is says so, and is none.
func TestSetSyncFails(t *testing.T) {
	disk := faultfs.Start(t)
	j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true, Sync: jet.SyncOff})
	fillAll(t, j, 0, 10)
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO, Count: 1})
	err := j.SetSync(t.Context(), journal.Syncing{Mode: jet.SyncAlways})
	if fault.Of(err) != fault.Operator || !errors.Is(err, journal.ErrSync) {
		t.Errorf("SetSync = %v, class %s; want a failed sync, class operator", err, fault.Of(err))
	}
	if got := j.Syncing().Mode; got != jet.SyncOff {
		t.Errorf("the mode is %d after a change that failed; want off", got)
	}
	wantSynced(t, j, "after a change that failed", 0)
	if err := j.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen = %v; want nil", err)
	}
	setSync(t, j, jet.SyncAlways, 0)
	wantSynced(t, j, "after one that did not", 10)
}
