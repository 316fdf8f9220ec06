package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// shared is what two snapshots of one state have alike, taken at different times: all
// but the header and the trailer, which has a hash of it.
func shared(b []byte) []byte { return b[64 : len(b)-44] }

// A state that stands still is saved in the very bytes of one that is walked, whatever
// it holds: keys of all types, few and many, that share slots, and none at all.
func TestSaveAs(t *testing.T) {
	many := replaytest.Open(t, 3, writer.Config{})
	for i := range 3000 {
		many.Must(set(journal.DB(i%3), fmt.Sprintf("key:%d", i)), set(0, fmt.Sprintf("{tag}%d", i%50)))
	}
	many.Must(del("key:0"), clearDB(1))
	random := replaytest.Open(t, 3, writer.Config{})
	r := replaytest.NewRandom(4, 3, 200)
	r.Crowd = true
	for range 500 {
		_ = random.Do(r.Command()) // one that fails journals nothing
	}
	for name, n := range map[string]*replaytest.Node{
		"all types": sample(t), "many": many, "random": random, "none": replaytest.Open(t, 1, writer.Config{}),
	} {
		var walked bytes.Buffer
		if _, err := n.WriteSnapshot(context.Background(), &walked, replaytest.Lineage); err != nil {
			t.Fatal(err)
		}
		info, err := n.SaveAs(t.Context(), t.TempDir(), replaytest.Lineage)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		saved, err := os.ReadFile(info.Path)
		if err != nil || !bytes.Equal(shared(saved), shared(walked.Bytes())) {
			t.Errorf("%s: SaveAs has written %d bytes, %v; want the %d that a walk writes", name, len(saved), err, walked.Len())
		}
		s, got, err := recovery.Load(t.Context(), info.Path, 1)
		if name != "none" { // which fits one database
			s, got, err = recovery.Load(t.Context(), info.Path, 3)
		}
		if err != nil || got.Pos != n.Pos() || got.Bytes != info.Bytes || got.Epoch != n.Epoch() {
			t.Fatalf("%s: Load = %+v, %v; want %s in %d bytes", name, got, err, n.Pos(), info.Bytes)
		}
		replaytest.CheckAtEnd(t, s)
	}
}

// What is saved is read again: a state that does not hold what its journal led to is
// refused, as is one whose saving is given up, and neither leaves a file.
func TestSaveAsRefuses(t *testing.T) {
	n := sample(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		harm journal.DB
		is   error
	}{
		{"given up", ended, 0, context.Canceled},
		{"drifted", t.Context(), 2, journal.ErrDamage},
	} {
		st := n.Replay(t, n.Pos().Seq)
		if c.harm > 0 {
			st.Drift(c.harm)
		}
		dir := t.TempDir()
		_, err := st.SaveAs(c.ctx, dir, replaytest.Lineage)
		if !errors.Is(err, c.is) {
			t.Errorf("%s: SaveAs = %v; want %v", c.name, err, c.is)
		}
		if c.harm > 0 && !strings.Contains(err.Error(), "database 2") {
			t.Errorf("%s: SaveAs = %v; want the database named", c.name, err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s: %v are left, %v; want nothing", c.name, files, err)
		}
		if c.harm > 0 { // each state is checked when the test ends
			st.Undrift(c.harm)
		}
	}
}
