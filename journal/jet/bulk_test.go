package jet_test

// Frames that are synced many at a time, while a replica has far to go.

import (
	"context"
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
	"ledge/journal/jet/jettest"
)

func bulk(t *testing.T, j *jettest.Journal, on bool) {
	t.Helper()
	if _, err := settled(t, 0, j.Bulk(t.Context(), on)); err != nil {
		t.Fatalf("Bulk(%v) = %v; want nil", on, err)
	}
}

func syncAll(t *testing.T, j *jettest.Journal) {
	t.Helper()
	if err := j.Sync(t.Context()); err != nil {
		t.Fatalf("Sync = %v; want nil", err)
	}
}

// fillAll appends so many frames at once.
func fillAll(t *testing.T, j *jettest.Journal, prev journal.Seq, n int) {
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
	if n := syncs(func() { fillAll(t, j, 1000, 1000); syncAll(t, j) }); n < 1 || n > 20 {
		t.Errorf("%d syncs for 1000 frames in bulk; want a few", n)
	}
	bulk(t, j, false)
	if n := syncs(func() { fillAll(t, j, 2000, 1000) }); n < 1000 {
		t.Errorf("%d syncs for 1000 frames behind the bulk; want as many", n)
	}
	wantFrames(t, j, 1, 3000)
}

// The power goes while frames are taken in bulk and single, and numbers are
// truncated in between. What Sync has returned for, or AppendAll outside of bulk,
// is there afterwards, and what is there is what was appended.
func TestBulkPowerCut(t *testing.T) {
	t.Parallel()
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	disk := faultfs.Start(t)
	cfg := jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true, AppendTimeout: 200 * time.Millisecond}
	var safe journal.Seq // what must be there
	synced := 0
	for range rounds {
		j := open(t, cfg)
		cfg.Create = false
		st, err := j.Stat(t.Context())
		if err != nil || st.Last < safe {
			t.Fatalf("the journal is %+v, %v; want it to go to %d at least", st, err, safe)
		}
		wantFrames(t, j, st.First, st.Last)
		first, last, single := st.First, st.Last, rand.IntN(4) == 0
		bulk(t, j, !single)
		time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { disk.PowerCut() })
		for err == nil {
			var n int
			switch n = rand.IntN(200); {
			case n == 0:
				first += (last - first) / 2
				err = j.Truncate(t.Context(), first)
			case n < 10:
				if err = j.Bulk(t.Context(), n < 8); n < 8 {
					single = single && err != nil
					continue
				}
				single = err == nil
			case n < 40:
				err = j.Sync(t.Context())
			default:
				n, err = j.AppendAll(t.Context(), last, framesBehind(last, n))
				if last += journal.Seq(n); !single {
					continue
				}
			}
			if err == nil {
				safe, synced = last, synced+1
			}
		}
		j.Close()
		if err := disk.Restore(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d cuts, up to number %d, %d times synced", rounds, safe, synced)
	if synced == 0 {
		t.Error("nothing was synced when the power went: the test says nothing")
	}
}

// A sync in bulk that fails says so. The journal takes frames again once it has
// been opened anew, and what it has then is there.
func TestBulkFailedSync(t *testing.T) {
	disk := faultfs.Start(t)
	dir := filepath.Join(disk.Dir, "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	fillAll(t, j, 0, 10)
	bulk(t, j, true)
	fillAll(t, j, 10, 700)
	for name, sync := range map[string]func() error{
		"Sync":        func() error { return j.Sync(t.Context()) },
		"Bulk(false)": func() error { return j.Bulk(t.Context(), false) },
	} {
		disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO, Count: 1})
		if err := sync(); fault.Of(err) != fault.Operator || !errors.Is(err, journal.ErrSync) {
			t.Errorf("%s = %v, class %s; want a failed sync, class operator", name, err, fault.Of(err))
		}
		if err := j.Reopen(t.Context()); err != nil {
			t.Fatalf("Reopen = %v; want nil", err)
		}
		wantFrames(t, j, 1, 710)
	}
	bulk(t, j, false)
	fillAll(t, j, 710, 5)
	if err := j.Close(); err != nil {
		t.Errorf("Close = %v; want nil", err)
	}
	wantFrames(t, open(t, jet.Config{Dir: dir}), 1, 715)
}

// With sync interval a sync that somebody asks for and that fails is no secret
// either: the next append says so.
func TestSyncFails(t *testing.T) {
	disk := faultfs.Start(t)
	j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true, Sync: jet.SyncInterval, SyncEvery: time.Hour})
	fillAll(t, j, 0, 10)
	syncAll(t, j)
	fillAll(t, j, 10, 10)
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO, Count: 1})
	if err := j.Sync(t.Context()); fault.Of(err) != fault.Operator || !errors.Is(err, journal.ErrSync) {
		t.Errorf("Sync = %v, class %s; want a failed sync, class operator", err, fault.Of(err))
	}
	if n, err := j.AppendAll(t.Context(), 20, framesBehind(20, 5)); n != 0 || !errors.Is(err, journal.ErrSync) {
		t.Errorf("AppendAll behind it = %d, %v; want 0 and the failed sync", n, err)
	}
	if err := j.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen = %v; want nil", err)
	}
	fillAll(t, j, 20, 5)
	wantFrames(t, j, 1, 25)
}

// Of a window that the journal's limit cuts off, those in front are stored, and
// the error is about the limit.
func TestWindowFull(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true, MaxBytes: 19 << 20})
	var last journal.Seq
	for ; last < 5; last++ {
		if err := j.Append(t.Context(), last, make([]byte, 3<<20)); err != nil {
			t.Fatal(err)
		}
	}
	many := make([][]byte, 100)
	for i := range many {
		many[i] = make([]byte, 50<<10)
	}
	n, err := j.AppendAll(t.Context(), last, many)
	if n == 0 || n == len(many) || fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "maximum bytes") {
		t.Errorf("AppendAll = %d, %v, class %s; want some, and the limit, class retryable", n, err, fault.Of(err))
	}
	if st, _ := j.Stat(t.Context()); st.Last != last+journal.Seq(n) {
		t.Errorf("the last number is %d; want %d", st.Last, last+journal.Seq(n))
	}
	if err := j.Truncate(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if got, err := j.AppendAll(t.Context(), last+journal.Seq(n), many[n:]); got != len(many)-n || err != nil {
		t.Errorf("AppendAll with room = %d, %v; want %d, nil", got, err, len(many)-n)
	}
}

// One that hangs is given up, and takes in all of it the next time.
func TestBulkSyncHangs(t *testing.T) {
	disk := faultfs.Start(t)
	j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true})
	bulk(t, j, true)
	fillAll(t, j, 0, 100)
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := j.Sync(ctx)
	var d *journal.Doubt
	if !errors.As(err, &d) {
		t.Fatalf("Sync = %v; want that it is in doubt", err)
	}
	disk.Clear()
	if _, err := settled(t, 0, err); err != nil {
		t.Errorf("the sync that has come back = %v; want nil", err)
	}
	fillAll(t, j, 100, 100)
	before := disk.Stats()[faultfs.OpFsync].Calls
	syncAll(t, j)
	if disk.Stats()[faultfs.OpFsync].Calls == before {
		t.Error("the next one syncs nothing")
	}
	wantFrames(t, j, 1, 200)
}

// A window in whose way somebody else's frame is leaves nothing of itself, though
// its second frame expects just what stands there.
func TestWindowFenced(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 3)
	nc, err := j.Broker.Connect("journal")
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
