package replay_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// sample returns a node with keys in two of three databases.
func sample(t testing.TB) *replaytest.Node {
	n := replaytest.Open(t, 3, writer.Config{Node: "golden"})
	n.Must(plain()...)
	n.Must(collections()...)
	return n
}

// plain are commands that make strings.
func plain() []replaytest.Command {
	return []replaytest.Command{set(0, "plain"), set(0, "{tag}a"), set(0, "{tag}b"),
		setAll(0, "", "empty name"), setAll(2, "empty value", ""), setUntil(2, "deadline", 1_000_001),
		setAll(0, "binary \x00\xff", "\r\n\x00")}
}

// collections are commands that make one of each other type.
func collections() []replaytest.Command {
	bytesOf := func(ss ...string) (out [][]byte) {
		for _, s := range ss {
			out = append(out, []byte(s))
		}
		return out
	}
	return []replaytest.Command{
		func(d *replay.Draft) error {
			_, err := d.SetFields([]byte("hash"), 0, bytesOf("z", "1", "a", "", "", "\x00"))
			return errors.Join(err, d.ExpireFields([]byte("hash"), d.Now()+5000, bytesOf("a")),
				d.Expire([]byte("hash"), d.Now()+9000))
		},
		func(d *replay.Draft) error {
			_, err := d.AddMembers([]byte("set"), bytesOf("1", "", "three"))
			return err
		},
		func(d *replay.Draft) error {
			d.Select(1)
			return d.SetScores([]byte("zset"), []value.Scored{{Member: []byte("b"), Score: -1.5},
				{Member: []byte("a"), Score: math.Inf(1)}})
		},
		func(d *replay.Draft) error {
			_, err := d.Push([]byte("list"), false, bytesOf("one", "", "two", "one"))
			return err
		},
	}
}

// What is loaded from a snapshot is what was written, expired rows included.
func TestSnapshotRoundTrip(t *testing.T) {
	n := sample(t)
	want, err := n.Snapshot(context.Background(), t.TempDir(), n.Log)
	if err != nil {
		t.Fatal(err)
	}
	loaded, got, err := recovery.Load(context.Background(), want.Path, 3)
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, loaded)
	want.Created = got.Created // to the millisecond in the file
	if got != want || got.Keys != 11 || got.Pos != n.Pos() {
		t.Errorf("Load = %+v; want %+v with 11 keys at %v", got, want, n.Pos())
	}
	if loaded.Pos() != n.Pos() || loaded.Epoch() != n.Epoch() {
		t.Errorf("position %v of epoch %d; want %v of %d",
			loaded.Pos(), loaded.Epoch(), n.Pos(), n.Epoch())
	}
	if d := replaytest.Dump(t, loaded).Diff(replaytest.Dump(t, n.State)); d != "" {
		t.Error(d)
	}
	if info, err := snapshot.Verify(context.Background(), got.Path); info != got || err != nil {
		t.Errorf("VerifySnapshot = %+v, %v; want %+v, nil", info, err, got)
	}
}

var update = flag.Bool("update", false, "write the golden snapshot again: only for a new format")

// What format 1 had must load for ever.
func TestSnapshotFormat1(t *testing.T) {
	n := replaytest.Open(t, 3, writer.Config{Node: "golden"})
	n.Must(plain()...)
	s, _, err := recovery.Load(context.Background(), "testdata/snapshot-1.snap", 3)
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, s)
	if d := replaytest.Dump(t, s).Diff(replaytest.Dump(t, n.State)); d != "" {
		t.Error(d)
	}
}

// The golden file is format 2 as it was first written. It must load for ever,
// and the same state must make the same bytes but for the time.
func TestSnapshotGolden(t *testing.T) {
	const path = "testdata/snapshot-2.snap"
	n := sample(t)
	var got bytes.Buffer
	if _, err := n.WriteSnapshot(context.Background(), &got, replaytest.Lineage); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The time stands in the last header field, and so in two checksums.
	timeless := func(b []byte) []byte {
		b = slices.Clone(b)
		for _, at := range [][2]int{{12, 16}, {56, 64}, {len(b) - 44, len(b) - 40}, {len(b) - 8, len(b)}} {
			clear(b[at[0]:at[1]])
		}
		return b
	}
	if !bytes.Equal(timeless(got.Bytes()), timeless(want)) {
		t.Errorf("snapshot = %x; want %x", got.Bytes(), want)
	}
	s, _, err := recovery.Load(context.Background(), path, 3)
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, s)
	if d := replaytest.Dump(t, s).Diff(replaytest.Dump(t, n.State)); d != "" {
		t.Error(d)
	}
}

// Every single bit counts: none can be inverted and none cut off unnoticed.
func TestSnapshotDamage(t *testing.T) {
	n := sample(t)
	var buf bytes.Buffer
	if _, err := n.WriteSnapshot(context.Background(), &buf, replaytest.Lineage); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.snap")
	load := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := snapshot.Verify(context.Background(), path)
		return err
	}
	whole := buf.Bytes()
	for bit := range 8 * len(whole) {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		var d *snapshot.Damage
		if err := load(b); !errors.As(err, &d) || fault.Of(err) != fault.Fatal {
			t.Errorf("bit %d inverted: %v; want SnapshotDamage", bit, err)
		}
	}
	for n := range whole {
		var d *snapshot.Damage
		if err := load(whole[:n]); !errors.As(err, &d) {
			t.Errorf("cut to %d bytes: %v; want SnapshotDamage", n, err)
		}
	}
	if err := load(append(whole, 0)); err == nil {
		t.Errorf("one byte behind the end went unnoticed")
	}
}

// A snapshot that fails leaves the older ones whole and nothing of itself, and
// the next may be taken.
func TestSnapshotFails(t *testing.T) {
	n, dir := sample(t), t.TempDir()
	old, err := n.Snapshot(context.Background(), dir, n.Log)
	if err != nil {
		t.Fatal(err)
	}
	n.Must(set(0, "more"))
	name := filepath.Join(dir, fmt.Sprintf("%020d.snap", n.Pos().Seq))
	if err := os.MkdirAll(filepath.Join(name, "x"), 0o700); err != nil {
		t.Fatal(err) // a directory of that name makes the rename fail
	}
	if _, err := n.Snapshot(context.Background(), dir, n.Log); fault.Of(err) != fault.Operator {
		t.Errorf("Snapshot = %v; want an Operator error", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.Snapshot(cancelled, dir, n.Log); !errors.Is(err, context.Canceled) ||
		fault.Of(err) != fault.Retryable {
		t.Errorf("Snapshot = %v; want %v, Retryable", err, context.Canceled)
	}
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != filepath.Base(old.Path) {
		t.Errorf("the directory holds %v, %v; want %s alone", files, err, old.Path)
	}
	if _, err := n.Snapshot(context.Background(), dir, n.Log); err != nil {
		t.Errorf("Snapshot = %v; want nil", err)
	}
}

// brokenDisk fails once it has taken some bytes, and runs do before it fails.
type brokenDisk struct {
	left int
	do   func()
}

var errDisk = errors.New("input/output error")

func (d *brokenDisk) Write(b []byte) (int, error) {
	if d.left -= len(b); d.left < 0 {
		d.do()
		return 0, errDisk
	}
	return len(b), nil
}

// While one snapshot is taken another is refused; Views and writes go on while
// its disk is slow; and when it fails the next is taken.
func TestSnapshotOneAtATime(t *testing.T) {
	n := sample(t)
	disk := &brokenDisk{left: 100, do: func() {
		if _, err := n.WriteSnapshot(context.Background(), &bytes.Buffer{}, 1); !errors.Is(err, replay.ErrSnapshotRunning) {
			t.Errorf("second snapshot = %v; want %v", err, replay.ErrSnapshotRunning)
		}
		n.Must(set(0, "while the disk is slow"), clearDB(0), clearDB(2), set(0, "again"))
	}}
	if _, err := n.WriteSnapshot(context.Background(), disk, 1); !errors.Is(err, errDisk) {
		t.Errorf("WriteSnapshot = %v; want %v", err, errDisk)
	}
	if _, err := n.WriteSnapshot(context.Background(), &bytes.Buffer{}, 1); err != nil {
		t.Errorf("WriteSnapshot = %v; want nil", err)
	}
}

// Snapshots are listed newest first and pruned from the old end. One that is
// damaged is left for a person and does not count.
func TestListAndPrune(t *testing.T) {
	n, dir := sample(t), t.TempDir()
	var want []journal.Seq
	for range 4 {
		n.Must(set(0, "k"))
		info, err := n.Snapshot(context.Background(), dir, n.Log)
		if err != nil {
			t.Fatal(err)
		}
		want = append([]journal.Seq{info.Pos.Seq}, want...)
	}
	seqs := func() (got []journal.Seq, err error) {
		infos, err := snapshot.List(dir)
		for _, info := range infos {
			got = append(got, info.Pos.Seq)
		}
		return got, err
	}
	if got, err := seqs(); !slices.Equal(got, want) || err != nil {
		t.Errorf("ListSnapshots = %v, %v; want %v, nil", got, err, want)
	}
	newest := filepath.Join(dir, fmt.Sprintf("%020d.snap", want[0]))
	b, err := os.ReadFile(newest)
	if err == nil {
		b[20] = 0xee
		err = os.WriteFile(newest, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	list, _ := snapshot.List(dir)
	kept, err := snapshot.Prune(dir, list, 2)
	if err != nil || len(kept) != 2 || kept[0].Pos.Seq != want[1] {
		t.Errorf("PruneSnapshots = %v, %v; want the 2 newest that are good, nil", kept, err)
	}
	got, err := seqs()
	if !slices.Equal(got, want[1:3]) || err == nil || !strings.Contains(err.Error(), fmt.Sprint(want[0])) {
		t.Errorf("ListSnapshots = %v, %v; want %v and an error that names %d", got, err, want[1:3], want[0])
	}
}

// FuzzSnapshot gives the reader files whose checksums are right, so that it
// gets to see what is behind them. It must neither panic nor take memory that
// the file does not warrant, and what it takes must be a sound state.
func FuzzSnapshot(f *testing.F) {
	n := sample(f)
	var buf bytes.Buffer
	if _, err := n.WriteSnapshot(context.Background(), &buf, replaytest.Lineage); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:64])
	f.Fuzz(func(t *testing.T, b []byte) {
		reseal(b)
		path := filepath.Join(t.TempDir(), "x.snap")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, err := recovery.Load(context.Background(), path, 3)
		if err == nil {
			replaytest.CheckAtEnd(t, s)
		}
	})
}

// reseal puts the right checksums into the header and as many chunks as make
// sense.
func reseal(b []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	if len(b) < 64 {
		return
	}
	binary.BigEndian.PutUint32(b[12:], crc32.Update(crc32.Checksum(b[:12], table), table, b[16:64]))
	for b = b[64:]; len(b) >= 20; {
		n := 20 + int(binary.BigEndian.Uint32(b[8:]))
		if n > len(b) {
			return
		}
		binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:n], table))
		b = b[n:]
	}
}
