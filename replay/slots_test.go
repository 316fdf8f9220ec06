package replay_test

// Custody is what a journal says of hash slots. These tests hold it, and the keys and
// digests of slots that are derived with it, against what the rows themselves say,
// however the state has come to be.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/value"
	"ledge/replay/writer"
)

var someSlots = []journal.SlotRange{{First: 0, Last: 99}, {First: 5000, Last: 16000}}

func found(cluster string, ranges ...journal.SlotRange) replaytest.Command {
	return func(d *replay.Draft) error { return d.FoundSlots(cluster, ranges) }
}

// A journal belongs to one cluster. A draft sees what it has founded, and nothing once
// that is undone.
func TestSlotsFound(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	if c := n.Custody(); c.Cluster != "" || c.Owns(0) || c.Owns(journal.MaxSlot) {
		t.Errorf("custody of a new journal = %+v; want none", c)
	}
	n.Must(func(d *replay.Draft) error {
		if err := d.FoundSlots("", nil); fault.Of(err) != fault.Refused {
			t.Errorf("a cluster without id and slots = %v; want it refused", err)
		}
		m := d.Mark()
		if err := d.FoundSlots("c1", someSlots); err != nil {
			return err
		}
		if c := d.Custody(); c.Cluster != "c1" || !c.Owns(99) {
			t.Errorf("custody in the draft = %+v; want slot 99 of c1", c)
		}
		d.Undo(m)
		if c := d.Custody(); c.Cluster != "" {
			t.Errorf("custody after Undo = %+v; want none", c)
		}
		return nil
	})
	if err := n.Do(found("c1", someSlots...)); err != nil {
		t.Fatal(err)
	}
	want := &cluster.Custody{Cluster: "c1",
		Owned: []journal.OwnedRange{{SlotRange: someSlots[0], Epoch: 1}, {SlotRange: someSlots[1], Epoch: 1}}}
	if got := n.Custody(); !reflect.DeepEqual(got, want) {
		t.Errorf("custody = %+v; want %+v", got, want)
	}
	for slot, owns := range map[uint16]bool{0: true, 99: true, 100: false, 4999: false, 5000: true, 16000: true, 16001: false} {
		if got := n.Custody().Owns(slot); got != owns {
			t.Errorf("Owns(%d) = %v; want %v", slot, got, owns)
		}
	}
	n.Must(func(d *replay.Draft) error {
		if err := d.FoundSlots("c2", someSlots); fault.Of(err) != fault.Refused {
			t.Errorf("founding again = %v; want it refused", err)
		}
		return nil
	})
	if got := n.Replay(t, n.Pos().Seq); !reflect.DeepEqual(got.Custody(), want) {
		t.Errorf("custody after replaying = %+v; want %+v", got.Custody(), want)
	}
}

// slotSums compares what is kept of slots with what the rows say.
func slotSums(t *testing.T, s *replay.State) {
	t.Helper()
	if err := s.Check(); err != nil { // counts all slots again
		t.Fatal(err)
	}
	err := s.View((&replaytest.Clock{}).Now(), func(v *replay.View) error {
		keys := make(map[uint16]int)
		v.Each(func(key string, _ value.Type) bool {
			keys[value.Slot(key)]++
			return true
		})
		for slot := range uint16(journal.MaxSlot + 1) {
			if d, ok := v.SlotDigest(0, slot); !ok || v.SlotKeys(0, slot) != keys[slot] || d == 0 && keys[slot] > 0 {
				t.Errorf("slot %d has %d keys of digest %s, kept %v; want %d keys", slot, v.SlotKeys(0, slot), d, ok, keys[slot])
			}
			listed := 0
			v.EachInSlot(slot, func(string) bool { listed++; return true })
			if listed != keys[slot] {
				t.Errorf("EachInSlot(%d) gives %d keys; want %d", slot, listed, keys[slot])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Keys and digests of slots follow every kind of change, and are the same where they
// were counted at once: when a cluster is founded over keys, and when a snapshot is
// loaded.
func TestSlotSums(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	r := replaytest.NewRandom(seed(t), 2, 200)
	r.Crowd = true
	change := func(times int) {
		for range times {
			_ = n.Do(r.Command()) // some are to fail
		}
	}
	change(200)
	if err := n.View(n.Clock.Now(), func(v *replay.View) error {
		if _, ok := v.SlotDigest(0, 7); ok {
			t.Error("digests of slots are kept outside of a cluster")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n.Must(found("c1", journal.SlotRange{Last: journal.MaxSlot}))
	slotSums(t, n.State)
	change(300)
	slotSums(t, n.State)
	n.Must(clearDB(0), set(0, "a{x}"), set(0, "b{x}"), rename("a{x}", "c{y}"), clearSlot("b{x}"), swap(0, 1))
	slotSums(t, n.State)
	change(100)
	slotSums(t, n.State)
	slotSums(t, n.Replay(t, n.Pos().Seq))
}

// saved returns a snapshot of a state, and what loads one.
func saved(t *testing.T, n *replaytest.Node) (b []byte, load func([]byte) (*replay.State, error)) {
	t.Helper()
	var buf bytes.Buffer
	if _, err := n.WriteSnapshot(context.Background(), &buf, replaytest.Lineage); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.snap")
	return buf.Bytes(), func(b []byte) (*replay.State, error) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, err := recovery.Load(context.Background(), path, 3)
		return s, err
	}
}

// A snapshot has the custody, in a format that older programs refuse; without one it has
// the format that they read.
func TestSlotsInSnapshot(t *testing.T) {
	n := sample(t)
	const versionAt = 9 // the lower byte of it
	if b, _ := saved(t, n); b[versionAt] != 2 {
		t.Errorf("a snapshot without custody has format %d; want 2", b[versionAt])
	}
	n.Must(found("c1", someSlots...))
	b, load := saved(t, n)
	if b[versionAt] != 3 {
		t.Errorf("a snapshot with custody has format %d; want 3", b[versionAt])
	}
	s, err := load(b)
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, s)
	if !reflect.DeepEqual(s.Custody(), n.Custody()) || s.Pos() != n.Pos() {
		t.Errorf("custody = %+v at %v; want %+v at %v", s.Custody(), s.Pos(), n.Custody(), n.Pos())
	}
	slotSums(t, s)
	for what, change := range map[string][2]string{
		"a range that runs backwards": {"16000 1", "04000 1"},
		"no epoch":                    {"99 1", "99 0"},
		"another table":               {"slots", "slogs"},
		"a slot that does not exist":  {"16000 1", "17000 1"},
		"no cluster":                  {"clusterc1", "clustexc1"},
	} {
		bad := bytes.Replace(b, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(bad, b) {
			t.Fatalf("%s: %q does not stand in the snapshot", what, change[0])
		}
		reseal(bad)
		var d *snapshot.Damage
		if _, err := load(bad); !errors.As(err, &d) {
			t.Errorf("%s: %v; want a snapshot.Damage", what, err)
		}
	}
}

// A row that can't be custody is no empty one: neither a snapshot nor an effect has a
// cluster without an id.
func TestSlotsWithoutClusterID(t *testing.T) {
	row := snapshot.TableRow{Table: "slots", Key: "cluster"}
	digest, _ := snapshot.TableShare(row.Table, snapshot.TableDigest(row.Key, row.Val))
	var b bytes.Buffer
	w := snapshot.NewWriter(&b)
	w.Header(snapshot.Header{Databases: 1, Lineage: replaytest.Lineage, Pos: journal.Pos{Seq: 1, Digest: digest},
		Epoch: 1, Tables: true})
	w.TableRow(row)
	w.Trailer()
	path := filepath.Join(t.TempDir(), "x.snap")
	if err := errors.Join(w.Err(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	var d *snapshot.Damage
	if s, _, err := recovery.Load(context.Background(), path, 1); !errors.As(err, &d) || !strings.Contains(d.Cause, "row \"cluster\"") {
		t.Errorf("Load = %v; want damage that names the row", err)
		if err == nil {
			s.Close()
		}
	}
	s := replaytest.NewState(t, 1)
	f := &journal.SlotsFound{Ranges: someSlots}
	err := s.Apply(commit(t, 1, journal.Batch{Epoch: 1, Entries: entry(f)}))
	if fault.Of(err) != fault.Fatal || !strings.Contains(err.Error(), "number 1: ") {
		t.Errorf("Apply = %v; want an error that names the number", err)
	}
	if c := s.Custody(); c.Cluster != "" || len(c.Owned) > 0 {
		t.Errorf("custody = %+v after what does not apply; want none", c)
	}
}

// Custody is taken back with the rest of a batch that does not apply. It comes with the state
// that takes another's place, and so do moves.
func TestSlotsRollBackAndBecome(t *testing.T) {
	s, err := replay.New(1)
	if err != nil {
		t.Fatal(err)
	}
	f := &journal.SlotsFound{Cluster: "c1", Ranges: someSlots}
	bad := &journal.KeyDelete{DB: 9, Key: "k"}
	if err := s.Apply(commit(t, 1, journal.Batch{Epoch: 1, Entries: entry(f, bad)})); err == nil {
		t.Fatal("Apply = nil; want an error")
	}
	if s.Custody().Cluster != "" {
		t.Errorf("custody = %+v after a batch that was taken back; want none", s.Custody())
	}
	if err := s.Apply(commit(t, 1, journal.Batch{Epoch: 1, Entries: entry(f)})); err != nil {
		t.Fatal(err)
	}
	twice := journal.Batch{Epoch: 1, Prev: s.Pos().Digest, Entries: entry(f)}
	if err := s.Apply(commit(t, 2, twice)); fault.Of(err) != fault.Fatal || !strings.Contains(err.Error(), "belongs to a cluster") {
		t.Errorf("a second founding = %v; want it Fatal", err)
	}
	// So many that some are counted in their slots before the batch is over.
	var puts []journal.Op
	for i := range 100 {
		puts = append(puts, &journal.StringSet{Key: fmt.Sprint(i), Value: "1"})
	}
	put := journal.Batch{Epoch: 1, Prev: s.Pos().Digest, Entries: entry(append(puts, bad)...)}
	if err := s.Apply(commit(t, 2, put)); err == nil {
		t.Fatal("Apply = nil; want an error")
	}
	slotSums(t, s)
	put.Entries = entry(puts[:50]...)
	if err := s.Apply(commit(t, 2, put)); err != nil {
		t.Fatal(err)
	}
	slotSums(t, s)
	begin := &journal.MoveBegin{ID: 1, Side: journal.Source, Ranges: someSlots[:1], Shard: 7}
	if err := s.Apply(commit(t, 3, journal.Batch{Epoch: 1, Prev: s.Pos().Digest, Entries: entry(begin)})); err != nil {
		t.Fatal(err)
	}
	other := replaytest.NewState(t, 1)
	want := s.Custody()
	if err := other.Become(s); err != nil {
		t.Fatal(err)
	}
	if got := other.Custody(); got != want {
		t.Errorf("custody = %+v; want that of the state that took its place, %+v", got, want)
	}
	if got := other.Moves(); len(got) != 1 || got[0].ID != 1 {
		t.Errorf("moves = %+v; want that of the state that took its place", got)
	}
}

// A collection that several commands of one batch change counts in its slot as what it is
// in the end.
func TestSlotSumsOfOneBatch(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(func(d *replay.Draft) error { return d.FoundSlots("c1", someSlots) })
	replica := n.Replay(t, n.Pos().Seq)
	field := func(i int) func(d *replay.Draft) error {
		return func(d *replay.Draft) error {
			var pairs [][]byte
			for j := range 300 {
				pairs = append(pairs, fmt.Appendf(nil, "f%d", 300*i+j), []byte("v"))
			}
			_, err := d.SetFields([]byte("h"), 0, pairs)
			return err
		}
	}
	n.Must(field(0), field(1), field(2))
	slotSums(t, n.State)
	if err := recovery.CatchUp(t.Context(), n.Log, replica, n.Pos().Seq); err != nil {
		t.Fatal(err)
	}
	slotSums(t, replica)
}
