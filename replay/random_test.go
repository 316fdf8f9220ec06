package replay_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

var seedFlag = flag.Uint64("seed", 0, "run the random tests with this seed; 0 draws one")

// seed returns the seed of a random test and prints it when the test fails.
func seed(t *testing.T) uint64 {
	s := *seedFlag
	if s == 0 {
		s = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run again with -seed=%d", s)
		}
	})
	return s
}

// Random commands in random groups, some of which fail half-way: the draft, the
// state, what follows the journal and what recovers from it must all show what
// a naive model shows.
func TestRandom(t *testing.T) {
	const databases, groups = 4, 400
	n := replaytest.Open(t, databases, writer.Config{})
	r := replaytest.NewRandom(seed(t), databases, 60)
	r.Crowd = true
	r.Check = t
	for range groups {
		before := r.Model.Clone()
		if r.IntN(20) == 0 {
			n.Mem.FailNext(replaytest.ErrRefused)
		}
		cmds := make([]replaytest.Command, 1+r.IntN(6))
		for i := range cmds {
			cmds[i] = r.Command()
		}
		if err := n.Do(cmds...); err != nil {
			r.Model = before
		}
		n.Clock.Add(time.Duration(r.IntN(400)) * time.Millisecond)
		compareAll(t, n.State, n.Clock.Now(), r)
		if t.Failed() {
			return
		}
	}
	compareReplayed(t, n)
}

// compareAll compares all that a state says with the model.
func compareAll(t *testing.T, s *replay.State, now time.Time, r *replaytest.Random) {
	t.Helper()
	err := s.View(now, func(v *replay.View) error {
		for i := range r.Model {
			db := journal.DB(i)
			r.Model.Compare(t, v, db, 1+r.IntN(20))
			expiring := 0
			for _, val := range r.Model[i] {
				if val.At != 0 {
					expiring++
				}
			}
			if got, _ := v.Expiring(db); got != expiring {
				t.Errorf("Expiring(%d) = %d; want %d", db, got, expiring)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// compareReplayed brings the node's state about again in other ways.
func compareReplayed(t *testing.T, n *replaytest.Node) {
	t.Helper()
	want, rows := n.Pos(), replaytest.Dump(t, n.State)
	followed := n.Replay(t, want.Seq)
	oneByOne := replaytest.NewState(t, n.Databases())
	for c, err := range n.Log.Read(context.Background(), 1) {
		if err == nil {
			err = oneByOne.Apply(c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	recovered, _, err := recovery.Recover(context.Background(), t.TempDir(), n.Log, n.Databases(), nil)
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, recovered)
	for name, s := range map[string]*replay.State{
		"followed": followed, "applied one by one": oneByOne, "recovered": recovered,
	} {
		if got := s.Pos(); got != want {
			t.Errorf("position of the state that is %s = %v; want %v", name, got, want)
		}
		if d := replaytest.Dump(t, s).Diff(rows); d != "" {
			t.Errorf("the state that is %s: %s", name, d)
		}
	}
}

// A snapshot that is taken while commands of all kinds are applied is the state
// at its position: the same as following the journal up to there.
func TestSnapshotUnderWrites(t *testing.T) {
	const databases = 4
	n := replaytest.Open(t, databases, writer.Config{})
	r := replaytest.NewRandom(seed(t), databases, 20_000)
	r.Crowd = true
	for range 40 { // enough rows for many slices of a walk
		cmds := make([]replaytest.Command, 500)
		for i := range cmds {
			cmds[i] = replaytest.Set(r.Fresh(), "some value")
		}
		n.Must(cmds...)
	}
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	wg.Add(1)
	go func() {
		defer wg.Done()
		for ctx.Err() == nil {
			cmds := make([]replaytest.Command, 20)
			for i := range cmds {
				cmds[i] = r.Command()
			}
			n.Must(cmds...)
		}
	}()
	dir := t.TempDir()
	var infos []snapshot.Info
	for range 8 {
		info, err := n.Snapshot(ctx, dir, n.Log)
		if err != nil {
			t.Error(err)
			break
		}
		infos = append(infos, info)
	}
	stop()
	wg.Wait()
	for _, info := range infos {
		loaded, got, err := recovery.Load(context.Background(), info.Path, databases)
		if err != nil {
			t.Fatal(err)
		}
		replaytest.CheckAtEnd(t, loaded)
		want := n.Replay(t, info.Pos.Seq)
		if got.Pos != want.Pos() || loaded.Pos() != want.Pos() || loaded.Epoch() != want.Epoch() {
			t.Errorf("snapshot at %v, loaded at %v; want %v", got.Pos, loaded.Pos(), want.Pos())
		}
		if d := replaytest.Dump(t, loaded).Diff(replaytest.Dump(t, want)); d != "" {
			t.Errorf("snapshot at %v: %s", info.Pos, d)
		}
		if fi, err := os.Stat(info.Path); err != nil || fi.Size() != info.Bytes {
			t.Errorf("Stat(%s) = %v, %v; want %d bytes", info.Path, fi, err, info.Bytes)
		}
	}
}
