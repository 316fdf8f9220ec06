package backup_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/backup"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

var add = flag.Bool("add", false, "write golden files that aren't there")

// at is when everything in the golden files was taken.
var at = time.UnixMilli(1_700_000_000_000)

// memory is a part in memory.
func memory(name string, b []byte) backup.Part {
	return backup.Part{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// history is a node's journal with the point at each of its numbers.
type history struct {
	*replaytest.Node
	points []backup.Point // by number
	times  []time.Time
}

// newHistory has a node carry out random commands, one number each, a second apart.
func newHistory(t *testing.T, seed uint64, numbers int) *history {
	t.Helper()
	h := &history{Node: replaytest.Open(t, 3, writer.Config{})}
	r := replaytest.NewRandom(seed, 3, 20)
	h.points, h.times = make([]backup.Point, 1), make([]time.Time, 1)
	for len(h.points) <= numbers {
		if err := h.Do(r.Command()); err != nil {
			continue // it has failed, which journals nothing
		}
		pos, epoch := h.Position()
		for journal.Seq(len(h.points)) <= pos.Seq {
			h.points, h.times = append(h.points, backup.Point{Pos: pos, Epoch: epoch}), append(h.times, h.Clock.Now())
		}
		h.Clock.Set(h.Clock.Now().Add(time.Second))
	}
	// The epoch's own number comes with the first command's.
	for c, err := range h.Log.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		h.points[c.Seq()-1].Digest = c.Batch().Prev
		h.points[c.Seq()].Epoch = c.Batch().Epoch
		h.times[c.Seq()] = c.Batch().Entries[0].At
	}
	return h
}

// part writes a part of the journal. snap is the file of a snapshot at after.
func (h *history) part(t *testing.T, after, last journal.Seq, snap string) []byte {
	t.Helper()
	b, err := h.try(after, last, snap)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (h *history) try(after, last journal.Seq, snap string) ([]byte, error) {
	var out bytes.Buffer
	var image []byte
	if snap != "" {
		var err error
		if image, err = os.ReadFile(snap); err != nil {
			return nil, err
		}
	}
	w, err := backup.NewWriter(&out, backup.Header{Lineage: replaytest.Lineage, Databases: 3, After: h.points[after],
		Last: h.points[last], Snapshot: int64(len(image)), Created: h.times[last], Node: "n1"})
	if err != nil {
		return nil, err
	}
	for piece := range slices.Chunk(image, backup.ChunkSize) {
		if err := w.Snapshot(piece); err != nil {
			return nil, err
		}
	}
	var chunk []byte
	for f, err := range h.Mem.Read(context.Background(), after+1) {
		if err != nil {
			return nil, err
		}
		if f.Seq > last {
			break
		}
		if chunk = backup.AppendFrame(chunk, f); len(chunk) > 500 || f.Seq == last {
			if err := w.Frames(chunk); err != nil {
				return nil, err
			}
			chunk = nil
		}
	}
	_, err = w.Close()
	return out.Bytes(), err
}

// snapshotAt writes a snapshot of the state that the journal has at a number.
func (h *history) snapshotAt(t *testing.T, seq journal.Seq) string {
	t.Helper()
	info, err := h.Replay(t, seq).SaveAs(t.Context(), t.TempDir(), replaytest.Lineage)
	if err != nil {
		t.Fatal(err)
	}
	return info.Path
}

// A backup of several parts, with a snapshot among them, comes to the very state
// that was there at each number, and at each time.
func TestLoadAnywhere(t *testing.T) {
	const numbers = 120
	h := newHistory(t, 7, numbers)
	parts := []backup.Part{
		memory("c", h.part(t, 80, numbers, "")),
		memory("a", h.part(t, 0, 50, "")),
		memory("snap", h.part(t, 60, 70, h.snapshotAt(t, 60))),
		memory("b", h.part(t, 50, 80, "")),
	}
	for seq := journal.Seq(0); seq <= numbers; seq++ {
		if seq > 70 { // the newest base ends before that
			parts = slices.DeleteFunc(parts, func(p backup.Part) bool { return p.Name == "snap" })
		}
		check(t, h, parts, backup.Target{HasSeq: true, Seq: seq}, seq)
		if seq > 0 {
			check(t, h, parts, backup.Target{Time: h.times[seq].Add(500 * time.Millisecond)}, seq)
		}
	}
	check(t, h, parts, backup.Target{}, numbers)
}

// check loads a backup and holds the state against what was at a number.
func check(t *testing.T, h *history, parts []backup.Part, to backup.Target, want journal.Seq) {
	t.Helper()
	l, err := backup.Load(t.Context(), parts, to)
	if err != nil {
		if !to.Time.IsZero() && strings.Contains(err.Error(), "ends at number") {
			return // the time is after the last part was taken
		}
		t.Fatalf("Load(%s) = %v; want nil", to, err)
	}
	defer l.State.Close()
	if got := l.State.Pos(); got != h.points[want].Pos {
		t.Errorf("Load(%s) comes to %s; want %s", to, got, h.points[want].Pos)
	}
	if err := l.State.Check(); err != nil {
		t.Errorf("Load(%s): %v", to, err)
	}
}

// What a backup does not have is refused with what it has: before its first number,
// after its last, across a gap, and of two journals.
func TestLoadRefuses(t *testing.T) {
	h := newHistory(t, 8, 60)
	snap := h.snapshotAt(t, 20)
	first, second := h.part(t, 20, 30, snap), h.part(t, 40, 60, "")
	stranger := newHistory(t, 9, 60)
	for _, c := range []struct {
		name  string
		parts []backup.Part
		to    backup.Target
		want  string
	}{
		{"before", []backup.Part{memory("a", first)}, backup.Target{HasSeq: true, Seq: 19}, "goes back to number 20"},
		{"before in time", []backup.Part{memory("a", first)}, backup.Target{Time: time.UnixMilli(5)}, "goes back to number 20"},
		{"before there was anything", []backup.Part{memory("a", h.part(t, 0, 30, ""))}, backup.Target{Time: h.times[1].Add(-time.Millisecond)},
			"the first time that can be had is " + h.times[1].UTC().Format(time.RFC3339Nano)},
		{"after", []backup.Part{memory("a", first)}, backup.Target{HasSeq: true, Seq: 31}, "ends at number 30"},
		{"after in time", []backup.Part{memory("a", h.part(t, 0, 30, ""))}, backup.Target{Time: h.times[30].Add(time.Hour)}, "ends at number 30"},
		{"across a gap", []backup.Part{memory("a", first), memory("b", second)}, backup.Target{HasSeq: true, Seq: 50},
			"numbers 31 to 40 are missing from the backup, which ends at number 60"},
		{"no base", []backup.Part{memory("b", second)}, backup.Target{}, "no part to begin with"},
		{"another history", []backup.Part{memory("a", first), memory("b", stranger.part(t, 30, 60, ""))},
			backup.Target{HasSeq: true, Seq: 40}, "ends at number 30"},
	} {
		l, err := backup.Load(t.Context(), c.parts, c.to)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.Of(err) != fault.Operator {
			t.Errorf("%s: Load = %v, %v; want an Operator error with %q", c.name, l, err, c.want)
		}
	}
	if _, err := backup.Verify(t.Context(), []backup.Part{memory("a", first), memory("b", second)}); !errors.Is(err, journal.ErrDamage) {
		t.Errorf("Verify across a gap = %v; want damage", err)
	}
}

// Each byte that is flipped, and each length at which a part is cut, is noticed, and
// named as damage.
func TestDamage(t *testing.T) {
	h := newHistory(t, 10, 6)
	for name, whole := range map[string][]byte{
		"frames":   h.part(t, 0, 6, ""),
		"snapshot": h.part(t, 3, 6, h.snapshotAt(t, 3)),
	} {
		if _, err := verify(t, whole); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range whole {
			b := bytes.Clone(whole)
			b[i] ^= 0x10
			if _, err := verify(t, b); err == nil {
				t.Fatalf("%s: byte %d is flipped, and Verify = nil; want an error", name, i)
			}
			if _, err := verify(t, whole[:i]); !errors.Is(err, journal.ErrDamage) {
				t.Fatalf("%s: cut after %d bytes, Verify = %v; want damage", name, i, err)
			}
		}
		if _, err := verify(t, append(bytes.Clone(whole), 0)); err == nil {
			t.Errorf("%s: a byte follows, and Verify = nil; want an error", name)
		}
	}
}

// verify verifies a part in memory, and returns where it ends.
func verify(t testing.TB, b []byte) (journal.Pos, error) {
	l, err := backup.Verify(context.Background(), []backup.Part{memory("part", b)})
	if err != nil {
		return journal.Pos{}, err
	}
	pos := l.State.Pos()
	if err := l.State.Close(); err != nil {
		t.Error(err)
	}
	return pos, nil
}

// A Writer refuses what could not be restored: frames that don't follow, that are
// another journal's, or that were written on another state, and an end too early.
func TestWriterRefuses(t *testing.T) {
	h, stranger := newHistory(t, 11, 20), newHistory(t, 12, 20)
	frames := func(h *history, from, to journal.Seq) (b []byte) {
		for f, err := range h.Mem.Read(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Seq > to {
				break
			}
			b = backup.AppendFrame(b, f)
		}
		return b
	}
	open := func() *backup.Writer {
		w, err := backup.NewWriter(io.Discard, backup.Header{Lineage: replaytest.Lineage, Databases: 3, After: h.points[4], Last: h.points[10]})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for name, try := range map[string]func(w *backup.Writer) error{
		"a gap":          func(w *backup.Writer) error { return w.Frames(frames(h, 6, 10)) },
		"too far":        func(w *backup.Writer) error { return w.Frames(frames(h, 5, 11)) },
		"another state":  func(w *backup.Writer) error { return w.Frames(frames(stranger, 5, 10)) },
		"cut":            func(w *backup.Writer) error { b := frames(h, 5, 6); return w.Frames(b[:len(b)-1]) },
		"nothing":        func(w *backup.Writer) error { return w.Frames(nil) },
		"a snapshot":     func(w *backup.Writer) error { return w.Snapshot([]byte("x")) },
		"the end":        func(w *backup.Writer) error { _, err := w.Close(); return err },
		"the end, early": func(w *backup.Writer) error { _, err := w.Close(); return errors.Join(w.Frames(frames(h, 5, 9)), err) },
	} {
		if err := try(open()); err == nil {
			t.Errorf("%s: got nil; want an error", name)
		}
	}
	if err := open().Frames(frames(h, 5, 10)); err != nil {
		t.Errorf("frames that follow: %v", err)
	}
	for _, bad := range []backup.Header{
		{Databases: 1, After: h.points[5], Last: h.points[4]},
		{Databases: 0},
		{Databases: 1, Snapshot: 10},
		{Databases: 1, Node: strings.Repeat("n", 65)},
	} {
		if _, err := backup.NewWriter(io.Discard, bad); err == nil {
			t.Errorf("NewWriter(%+v) = nil; want an error", bad)
		}
	}
}

// The golden parts are as they were first written, and load for ever: a journal from
// its beginning, and a snapshot alone.
func TestGolden(t *testing.T) {
	h := newHistory(t, 1, 8)
	const image = "../testdata/snapshot-2.snap"
	f, err := snapshot.OpenAs(image)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	var alone bytes.Buffer
	point := backup.Point{Pos: f.Info.Pos, Epoch: f.Info.Epoch}
	w, err := backup.NewWriter(&alone, backup.Header{Lineage: f.Info.Lineage, Databases: f.Header.Databases,
		After: point, Last: point, Snapshot: f.Info.Bytes, Created: at, Node: "n1"})
	if err == nil {
		err = w.Snapshot(b)
	}
	if err == nil {
		_, err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		now  []byte
		ends journal.Pos
	}{
		"journal-1.backup":  {h.part(t, 0, 8, ""), h.points[8].Pos},
		"snapshot-1.backup": {alone.Bytes(), f.Info.Pos},
	} {
		path := filepath.Join("testdata", name)
		golden, err := os.ReadFile(path)
		if *add && errors.Is(err, os.ErrNotExist) {
			golden, err = c.now, os.WriteFile(path, c.now, 0o644)
		}
		if err != nil {
			t.Fatalf("%v; -add writes it", err)
		}
		if !bytes.Equal(c.now, golden) {
			t.Errorf("%s is written otherwise: %d bytes; want %d", name, len(c.now), len(golden))
		}
		if got, err := verify(t, golden); got != c.ends || err != nil {
			t.Errorf("%s comes to %s, %v; want %s", name, got, err, c.ends)
		}
	}
}

// Whatever a part is, reading it ends, with an error or with what it says of itself.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"journal-1.backup", "snapshot-1.backup"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := backup.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != r.Header.Snapshot {
			if err == nil {
				t.Errorf("%d bytes of a snapshot of %d", n, r.Header.Snapshot)
			}
			return
		}
		last := r.Header.After.Seq
		for fr, err := range r.Frames(context.Background()) {
			if err != nil {
				return
			}
			if last++; fr.Seq != last {
				t.Fatalf("number %d; want %d", fr.Seq, last)
			}
		}
		if last != r.Header.Last.Seq || r.Trailer.Bytes != int64(len(b)) {
			t.Errorf("ends with number %d after %d bytes; want %d after %d", last, r.Trailer.Bytes, r.Header.Last.Seq, len(b))
		}
	})
}
