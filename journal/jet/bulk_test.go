package jet_test

// Frames that are synced many at a time, while a replica has far to go.

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
)

func bulk(t *testing.T, j *jet.Journal, on bool) {
	t.Helper()
	if err := j.Bulk(t.Context(), on); err != nil {
		t.Fatalf("Bulk(%v) = %v; want nil", on, err)
	}
}

// fillAll appends so many frames at once.
func fillAll(t *testing.T, j *jet.Journal, prev journal.Seq, n int) {
	t.Helper()
	if got, err := j.AppendAll(t.Context(), prev, framesBehind(prev, n)); got != n || err != nil {
		t.Fatalf("AppendAll(%d) = %d, %v; want %d, nil", prev, got, err, n)
	}
}

// In bulk frames share syncs. Behind it each has its own again.
func TestBulkShares(t *testing.T) {
	disk := faultfs.Start(t)
	j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true})
	syncs := func(fn func()) int {
		before := disk.Stats()[faultfs.OpFsync].Calls
		fn()
		return int(disk.Stats()[faultfs.OpFsync].Calls - before)
	}
	if n := syncs(func() { fillAll(t, j, 0, 1000) }); n < 1000 {
		t.Errorf("%d syncs for 1000 frames, each by itself; want as many", n)
	}
	bulk(t, j, true)
	bulk(t, j, true)
	if n := syncs(func() { fillAll(t, j, 1000, 1000) }); n > 20 {
		t.Errorf("%d syncs for 1000 frames in bulk; want a few", n)
	}
	bulk(t, j, false)
	if n := syncs(func() { fillAll(t, j, 2000, 1000) }); n < 1000 {
		t.Errorf("%d syncs for 1000 frames behind the bulk; want as many", n)
	}
	wantFrames(t, j, 1, 3000)
}

// The power goes while frames are taken in bulk and single, and numbers are
// truncated and cut off in between. What AppendAll has returned is there
// afterwards.
func TestBulkPowerCut(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	disk := faultfs.Start(t)
	cfg := jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true, AppendTimeout: time.Second}
	first, last, kept := journal.Seq(1), journal.Seq(0), 0
	for range rounds {
		j := open(t, cfg)
		cfg.Create = false
		st, err := j.Stat(t.Context())
		if err != nil || st.First < first || st.Last < last {
			t.Fatalf("the journal is %+v, %v; want it to go from %d to %d at least", st, err, first, last)
		}
		kept += int(last + 1 - first)
		first, last = st.First, st.Last
		wantFrames(t, j, first, last)
		bulk(t, j, rand.IntN(4) > 0)
		time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { disk.PowerCut() })
		for err == nil {
			var n int
			switch n = rand.IntN(200); {
			case n == 0:
				if err = j.Truncate(t.Context(), last-(last-first)/2); err == nil {
					first = last - (last-first)/2 + 1
				}
			case n < 10:
				err = j.Bulk(t.Context(), n < 8)
			default:
				n, err = j.AppendAll(t.Context(), last, framesBehind(last, n))
				last += journal.Seq(n)
			}
		}
		j.Close()
		if err := disk.Restore(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d cuts, up to number %d", rounds, last)
	if kept == 0 {
		t.Error("nothing was stored when the power went: the test says nothing")
	}
}

// A sync in bulk that fails, or doesn't come back in time, leaves none of its
// frames; so does one at its end. The journal takes frames again once it has been
// opened anew.
func TestBulkFailedSync(t *testing.T) {
	for name, r := range map[string]faultfs.Rule{
		"fails": {Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO, Count: 1},
		"hangs": {Op: faultfs.OpFsync, Match: ".blk", Delay: 400 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			disk := faultfs.Start(t)
			dir := filepath.Join(disk.Dir, "nats")
			j := open(t, jet.Config{Dir: dir, Create: true, AppendTimeout: 200 * time.Millisecond})
			fillAll(t, j, 0, 10)
			bulk(t, j, true)
			fillAll(t, j, 10, 700)
			disk.Add(r)
			n, err := j.AppendAll(t.Context(), 710, framesBehind(710, 300))
			if n != 0 || fault.Of(err) != fault.Operator || !errors.Is(err, journal.ErrSync) {
				t.Errorf("AppendAll = %d, %v, class %s; want 0, a failed sync, class operator", n, err, fault.Of(err))
			}
			disk.Clear()
			wantFrames(t, j, 1, 710)
			if err := j.Reopen(t.Context()); err != nil {
				t.Fatalf("Reopen = %v; want nil", err)
			}
			fillAll(t, j, 710, 300)
			disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO, Count: 1})
			if err := j.Bulk(t.Context(), false); !errors.Is(err, journal.ErrSync) {
				t.Errorf("Bulk(false) = %v; want a failed sync", err)
			}
			if err := j.Reopen(t.Context()); err != nil {
				t.Fatalf("Reopen = %v; want nil", err)
			}
			bulk(t, j, false)
			fillAll(t, j, 1010, 5)
			wantFrames(t, j, 1, 1015)
			if err := j.Close(); err != nil {
				t.Errorf("Close = %v; want nil", err)
			}
			wantFrames(t, open(t, jet.Config{Dir: dir}), 1, 1015)
		})
	}
}

// A window in whose way somebody else's frame is leaves nothing of itself, though
// its second frame expects just what stands there.
func TestWindowFenced(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 3)
	nc, err := nats.Connect("", nats.InProcessServer(j), nats.UserInfo("journal", j.Secret()))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	foreign := &nats.Msg{Subject: "j", Data: frame(9), Header: nats.Header{"Nats-Expected-Last-Sequence": {"3"}}}
	if _, err := nc.RequestMsg(foreign, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	n, err := j.AppendAll(t.Context(), 3, framesBehind(3, 20))
	if n != 0 || fault.Of(err) != fault.Operator {
		t.Errorf("AppendAll = %d, %v, class %s; want 0 and class operator", n, err, fault.Of(err))
	}
	wantFrames(t, j, 1, 3)
	if err := j.Reopen(t.Context()); err == nil || !strings.Contains(err.Error(), "number 4") || strings.Contains(err.Error(), "number 5") {
		t.Errorf("Reopen = %v; want it to name number 4, and nothing behind it", err)
	}
}
