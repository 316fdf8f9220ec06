package appliance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
	"ledge/replay/remote"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
)

// steps are what Adopt does to a directory, one after the other, once it has
// written down what is to be done. A cut may come after each.
var steps = []struct {
	name string
	take func(d *directory) error
}{
	{"written down", func(*directory) error { return nil }},
	{"journal put away", func(d *directory) error { return d.putAway(d.journalPath(), d.id.Adopt) }},
	{"snapshots put away", func(d *directory) error { return d.putAway(d.snapshotPath(), d.id.Adopt) }},
	{"room for the snapshot", func(d *directory) error { return os.MkdirAll(d.snapshotPath(), 0o700) }},
	{"snapshot moved in", func(d *directory) error { return d.moveIn(d.id.Adopt) }},
	{"journal begun", func(d *directory) error { return os.MkdirAll(d.journalPath(), 0o700) }},
	{"journal made", makeJournal},
}

// makeJournal makes the journal as openJournal does, without noting so.
func makeJournal(d *directory) error {
	passwords, err := d.passwords()
	if err != nil {
		return err
	}
	j, err := jettest.Open(context.Background(), jet.Config{Dir: d.journalPath(),
		Lineage: d.lineage, Create: true, First: d.first()},
		broker.Config{Name: d.id.Node, Users: admin.Users(passwords, remote.Subjects)})
	if err != nil {
		return err
	}
	return j.Close()
}

// A replica that is cut off while it adopts its leader's journal finishes that
// at its next start, in a copy of its directory too, and needs no other full
// sync. What was to be set aside is there, whole.
func TestAdoptCut(t *testing.T) {
	leader := running(t, Config{Dir: t.TempDir(), Node: "leader"})
	write(t, leader, 40)
	info, err := leader.saves.takeInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	t.Run("before", func(t *testing.T) {
		n := running(t, Config{Dir: old, Node: "replica"})
		write(t, n, 7)
		if err := n.saves.take(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	for _, diverged := range []error{nil, errors.New("diverged")} {
		for cut, step := range steps {
			t.Run(fmt.Sprintf("%s, aside %t", step.name, diverged != nil), func(t *testing.T) {
				dir := cutOff(t, old, leader, info, diverged, cut)
				n := running(t, Config{Dir: dir, Follow: leader.carrier().ClientURL(),
					FollowPasswordFile: filepath.Join(leader.dir.path, authDir, admin.ReplicaUser)})
				if got := n.Link().Syncs; got != 0 {
					t.Errorf("full syncs = %d; want none beside the one that was cut", got)
				}
				checkAdopted(t, n, leader)
				checkAside(t, old, dir, diverged != nil)
			})
		}
	}
}

// write writes some keys.
func write(t *testing.T, n *Node, keys int) {
	t.Helper()
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.server.Addr().String(), DisableIdentity: true})
	defer c.Close()
	for i := range keys {
		if err := c.Set(t.Context(), fmt.Sprint("k", i), keys, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// cutOff begins, in a copy of a directory, to adopt a snapshot of the leader's,
// ends after a step, and returns a copy of what there is then.
func cutOff(t *testing.T, old string, leader *Node, info snapshot.Info, diverged error, cut int) string {
	t.Helper()
	work, dir := filepath.Join(t.TempDir(), "work"), filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(work, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	d, err := openStopped(work)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	part := filepath.Join(d.inboxPath(), "received.part")
	b, err := os.ReadFile(info.Path)
	if err == nil {
		err = os.MkdirAll(d.inboxPath(), 0o700)
	}
	if err == nil {
		err = os.WriteFile(part, b, 0o600)
	}
	if err == nil {
		err = d.adopt(leader.log.Lineage(), info.Pos.Seq+1, part, diverged)
	}
	for _, s := range steps[:cut+1] {
		err = errors.Join(err, s.take(d))
	}
	if err = errors.Join(err, os.CopyFS(dir, os.DirFS(work)), os.RemoveAll(work)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkAdopted checks that a node has what its leader has, and no need of its
// own snapshot of before.
func checkAdopted(t *testing.T, n, leader *Node) {
	t.Helper()
	if got, want := n.state.Pos(), leader.state.Pos(); got != want {
		t.Errorf("position = %s; want %s", got, want)
	}
	if err := n.state.Check(); err != nil {
		t.Error(err)
	}
	if n.dir.id.State != stateReady || n.dir.id.Adopt != nil {
		t.Errorf("identity = %+v; want it ready", n.dir.id)
	}
	if list, err := snapshot.List(n.dir.snapshotPath()); len(list) != 1 || err != nil {
		t.Errorf("snapshots = %v, %v; want the one that was adopted", list, err)
	}
	parts, err := filepath.Glob(filepath.Join(n.dir.inboxPath(), "*"))
	if len(parts) != 0 || err != nil {
		t.Errorf("received files = %v, %v; want none left", parts, err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); n.Link().State != standing.LinkStreaming; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("link = %+v; want it streaming", n.Link())
		}
	}
	if got := n.Link().Syncs; got != 0 {
		t.Errorf("full syncs = %d; want it to go on behind the snapshot", got)
	}
}

// checkAside checks that what there was has been kept, or not.
func checkAside(t *testing.T, old, dir string, want bool) {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(dir, divergedDir, "*"))
	if err != nil || len(kept) > 1 || (len(kept) == 1) != want {
		t.Fatalf("set aside: %v, %v; want that it is: %t", kept, err, want)
	}
	if !want {
		return
	}
	had, err := jet.Verify(t.Context(), filepath.Join(old, journalDir))
	if err != nil {
		t.Fatal(err)
	}
	got, err := jet.Verify(t.Context(), filepath.Join(kept[0], journalDir))
	if err != nil || got.Last != had.Last || got.First != had.First {
		t.Errorf("the journal that was set aside has %d to %d, %v; want %d to %d",
			got.First, got.Last, err, had.First, had.Last)
	}
	if list, err := snapshot.List(filepath.Join(kept[0], snapshotDir)); len(list) != 1 || err != nil {
		t.Errorf("snapshots that were set aside: %v, %v; want one", list, err)
	}
	aside, err := OpenStopped(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	v, err := aside.Verify(t.Context())
	if err = errors.Join(err, aside.Close()); err != nil || v.Keys != 7 || v.Damaged || aside.Node() != "replica" {
		t.Errorf("what was set aside is node %q's with %+v, %v; want the replica's 7 keys", aside.Node(), v, err)
	}
}

// A directory whose received snapshot is gone is left as it is.
func TestAdoptWithoutSnapshot(t *testing.T) {
	dir := t.TempDir()
	t.Run("before", func(t *testing.T) { write(t, running(t, Config{Dir: dir, Node: "n"}), 3) })
	d, err := openStopped(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	part := filepath.Join(d.inboxPath(), "received.part")
	if err := errors.Join(os.MkdirAll(d.inboxPath(), 0o700), os.WriteFile(part, nil, 0o600),
		d.adopt(d.lineage, 5, part, nil), os.Remove(part)); err != nil {
		t.Fatal(err)
	}
	if err := d.finish(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("finish = %v; want the snapshot missed", err)
	}
	if _, err := jet.Verify(t.Context(), d.journalPath()); err != nil {
		t.Errorf("the journal that was there: %v", err)
	}
}
