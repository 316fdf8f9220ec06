package recovery_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

// history is a node that has stopped: its journal goes up to number 31, and
// there are snapshots at 11 and 21.
type history struct {
	*replaytest.Node
	dir      string
	old, new snapshot.Info
}

func newHistory(t *testing.T) *history {
	h := &history{Node: replaytest.Open(t, 2, writer.Config{}), dir: t.TempDir()}
	for i := range 30 {
		if i == 10 || i == 20 {
			h.old = h.new
			var err error
			if h.new, err = h.Snapshot(context.Background(), h.dir, h.Log); err != nil {
				t.Fatal(err)
			}
		}
		h.Must(set(0, fmt.Sprint("key:", i)), set(1, "k"))
	}
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	return h
}

// set sets a key of database db.
func set(db journal.DB, key string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(db)
		return d.SetString([]byte(key), []byte("value"), 0)
	}
}

func (h *history) recover(t *testing.T) (*replay.State, recovery.Report, error) {
	t.Helper()
	s, r, err := recovery.Recover(context.Background(), h.dir, h.Log, 2, nil)
	if err == nil {
		replaytest.CheckAtEnd(t, s)
	}
	return s, r, err
}

func (h *history) truncate(t *testing.T, upTo journal.Seq) {
	t.Helper()
	if err := h.Log.Truncate(context.Background(), upTo); err != nil {
		t.Fatal(err)
	}
}

// spoil inverts a byte in the middle of a snapshot.
func spoil(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		b[len(b)/2] ^= 0x40
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever snapshots there are, recovery ends where the journal ends.
func TestRecover(t *testing.T) {
	tests := []struct {
		name    string
		harm    func(*testing.T, *history)
		from    journal.Seq
		batches int
		bad     int
	}{
		{"newest", func(*testing.T, *history) {}, 21, 10, 0},
		{"truncated behind it", func(t *testing.T, h *history) { h.truncate(t, 21) }, 21, 10, 0},
		{"older", func(t *testing.T, h *history) { spoil(t, h.new.Path) }, 11, 20, 1},
		{"older, truncated", func(t *testing.T, h *history) {
			h.truncate(t, 11)
			spoil(t, h.new.Path)
		}, 11, 20, 1},
		{"journal alone", func(t *testing.T, h *history) {
			spoil(t, h.new.Path)
			spoil(t, h.old.Path)
		}, 0, 31, 2},
		{"no directory", func(t *testing.T, h *history) { h.dir += "/none" }, 0, 31, 0},
		{"empty file", func(t *testing.T, h *history) { os.Truncate(h.new.Path, 0) }, 11, 20, 1},
		{"cut short", func(t *testing.T, h *history) { os.Truncate(h.new.Path, h.new.Bytes-1) }, 11, 20, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHistory(t)
			tt.harm(t, h)
			s, r, err := h.recover(t)
			if err != nil {
				t.Fatalf("Recover = %v; want nil", err)
			}
			if r.Snapshot.Pos.Seq != tt.from || r.Batches != tt.batches || len(r.Bad) != tt.bad || r.Pos != h.Pos() {
				t.Errorf("Recover: snapshot %d, %d batches, %d bad, at %v; want %d, %d, %d, %v",
					r.Snapshot.Pos.Seq, r.Batches, len(r.Bad), r.Pos, tt.from, tt.batches, tt.bad, h.Pos())
			}
			if d := replaytest.Dump(t, s).Diff(replaytest.Dump(t, h.State)); d != "" {
				t.Error(d)
			}
		})
	}
}

// losses are harms that recovery can't mend, and what it says of each.
var losses = []struct {
	name  string
	harm  func(*testing.T, *history)
	class fault.Class
	want  string
}{
	{"gap behind the newest", func(t *testing.T, h *history) { h.truncate(t, 25) },
		fault.Fatal, "numbers 22 to 25 are missing"},
	{"gap behind the older", func(t *testing.T, h *history) {
		h.truncate(t, 20)
		spoil(t, h.new.Path)
	}, fault.Fatal, "numbers 12 to 20 are missing"},
	{"no snapshot", func(t *testing.T, h *history) {
		h.truncate(t, 5)
		os.Remove(h.new.Path)
		os.Remove(h.old.Path)
	}, fault.Fatal, "begins with number 6"},
	{"lost tail", func(t *testing.T, h *history) {
		for seq := journal.Seq(31); seq > 15; seq-- {
			h.Mem.Drop(seq)
		}
	}, fault.Fatal, "goes up to number 15"},
	{"lost number", func(t *testing.T, h *history) { h.Mem.Drop(25) }, fault.Fatal, "number 25"},
	{"flipped bit", func(t *testing.T, h *history) { h.Mem.Flip(30, 401) }, fault.Fatal, "number 30"},
	{"other journal", func(t *testing.T, h *history) {
		log, err := journal.NewLog(context.Background(), mem.New(), 7)
		if err != nil {
			t.Fatal(err)
		}
		h.Log = log
	}, fault.Operator, "lineage"},
	{"newer format", func(t *testing.T, h *history) {
		patch(t, h.new.Path, 8, 0x7f)
		b, err := os.ReadFile(h.new.Path)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range binary.BigEndian.AppendUint32(nil, journal.Checksum(b[:12], b[16:64])) {
			patch(t, h.new.Path, 12+i, c)
		}
	}, fault.Operator, "format 32514"},
	{"number used again", func(t *testing.T, h *history) {
		h.Mem = mem.New()
		h.Log = replaytest.NewLog(t, h.Mem)
		for range 31 {
			if _, err := h.Log.Append(context.Background(), journal.Batch{Epoch: 2}); err != nil {
				t.Fatal(err)
			}
		}
	}, fault.Fatal, "number 21 is of epoch 2"},
}

// What can't be recovered is refused with the numbers that are missing, and
// nothing is written over.
func TestRecoverRefuses(t *testing.T) {
	for _, tt := range losses {
		t.Run(tt.name, func(t *testing.T) {
			h := newHistory(t)
			tt.harm(t, h)
			s, _, err := h.recover(t)
			if s != nil || fault.Of(err) != tt.class || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Recover = %v, %v; want an error of class %v with %q", s, err, tt.class, tt.want)
			}
		})
	}
}

// A node that is set to fewer databases than have keys does not drop any.
func TestRecoverFewerDatabases(t *testing.T) {
	h := newHistory(t)
	_, _, err := recovery.Recover(context.Background(), h.dir, h.Log, 1, nil)
	if fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "database 1") {
		t.Errorf("Recover with 1 database = %v; want an Operator error that names database 1", err)
	}
	s, _, err := recovery.Recover(context.Background(), h.dir, h.Log, 5, nil)
	if err != nil {
		t.Fatalf("Recover with 5 databases = %v; want nil", err)
	}
	replaytest.CheckAtEnd(t, s)
}

// Recovery removes what an interrupted snapshot left and touches nothing else.
func TestRecoverRemovesTemps(t *testing.T) {
	h := newHistory(t)
	temp, other := filepath.Join(h.dir, "123.snap.tmp"), filepath.Join(h.dir, "notes.txt")
	for _, path := range []string{temp, other} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.recover(t); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(temp) = %v; want it to be gone", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("Stat(other) = %v; want nil", err)
	}
}

// patch sets one byte of a file.
func patch(t *testing.T, path string, at int, to byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		b[at] = to
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The journal keeps what the older snapshot needs, and what it is held for.
func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		snapshots int
		hold      journal.Seq
		first     journal.Seq
	}{{0, 0, 1}, {1, 0, 1}, {2, 0, 12}, {2, 7, 8}, {2, 11, 12}, {2, 100, 12}} {
		h := newHistory(t)
		kept := []snapshot.Info{h.new, h.old}[:tt.snapshots]
		if err := snapshot.Truncate(context.Background(), h.Log, kept, tt.hold); err != nil {
			t.Errorf("Truncate = %v; want nil", err)
		}
		st, err := h.Log.Stat(context.Background())
		if err != nil || st.First != tt.first {
			t.Errorf("with %d snapshots and held at %d the journal begins with %d, %v; want %d",
				tt.snapshots, tt.hold, st.First, err, tt.first)
		}
		if _, _, err := h.recover(t); err != nil {
			t.Errorf("Recover = %v; want nil", err)
		}
	}
}
