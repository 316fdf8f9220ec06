package replay_test

import (
	"context"
	"testing"

	"ledge/journal/mem"
	"ledge/replay"
)

// What is loaded from a snapshot is what was written, and all of it counts.
func TestSnapshotRoundTrip(t *testing.T) {
	log, dir := newLog(t, mem.New()), t.TempDir()
	s := fillJournal(t, log, 5000, 50)
	want, err := s.Snapshot(context.Background(), dir, log.Lineage())
	if err != nil {
		t.Fatal(err)
	}
	loaded, got, err := replay.LoadSnapshot(context.Background(), want.Path, 16)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	want.Created = got.Created // to the millisecond in the file
	if got != want {
		t.Errorf("LoadSnapshot = %+v; want %+v", got, want)
	}
	if loaded.Pos() != s.Pos() || loaded.Epoch() != s.Epoch() {
		t.Errorf("position %v of epoch %d; want %v of %d",
			loaded.Pos(), loaded.Epoch(), s.Pos(), s.Epoch())
	}
	if err := loaded.Check(); err != nil {
		t.Error(err)
	}
}
