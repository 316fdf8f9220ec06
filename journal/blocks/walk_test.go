package blocks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal"
)

// layOut makes a store of blocks, each of which begins with number from and has so
// many frames.
func layOut(t *testing.T, rows ...[2]int) Store {
	t.Helper()
	s := NewStore(t.TempDir())
	if err := os.MkdirAll(filepath.Join(s.Dir, BlockDir), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		var b []byte
		for n := range row[1] {
			b = append(b, recordIn(uint32(i+1), journal.Seq(row[0]+n), data(journal.Seq(row[0]+n)))...)
		}
		write(t, Path(filepath.Join(s.Dir, BlockDir), uint32(i+1)), b)
	}
	return s
}

func data(seq journal.Seq) []byte { return fmt.Appendf(nil, "frame %d", seq) }

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// extend appends to a block's file.
func extend(t *testing.T, s Store, block uint32, b []byte) {
	t.Helper()
	path := Path(filepath.Join(s.Dir, BlockDir), block)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, append(was, b...))
}

// walked returns the numbers that a walk comes by, whose data must be theirs.
func walked(t *testing.T, s Store, floor, from journal.Seq, start *Place) (seqs []journal.Seq, e End, err error) {
	t.Helper()
	e, err = s.Walk(t.Context(), floor, from, start, func(r Record, p Place) error {
		if string(r.Data) != string(data(r.Seq)) {
			t.Errorf("number %d is %q", r.Seq, r.Data)
		}
		seqs = append(seqs, r.Seq)
		return nil
	})
	return seqs, e, err
}

func numbers(from, to journal.Seq) (seqs []journal.Seq) {
	for ; from <= to; from++ {
		seqs = append(seqs, from)
	}
	return seqs
}

// A walk yields what it is asked for, wherever that begins.
func TestWalk(t *testing.T) {
	s := layOut(t, [2]int{1, 5}, [2]int{6, 5}, [2]int{11, 3})
	for _, from := range []journal.Seq{1, 2, 5, 6, 7, 11, 13} {
		seqs, e, err := walked(t, s, 0, from, nil)
		if err != nil || !slices.Equal(seqs, numbers(from, 13)) || e.Last != 13 || e.Torn != 0 {
			t.Errorf("from %d: %v, %+v, %v; want the numbers up to 13", from, seqs, e, err)
		}
	}
	size := FrameSize(5, len(data(6)))
	start := &Place{Block: 2, Off: 2 * size} // where number 8 begins
	if seqs, e, err := walked(t, s, 0, 8, start); err != nil || !slices.Equal(seqs, numbers(8, 13)) || e.Blocks != 2 {
		t.Errorf("from a known place: %v, %+v, %v; want 8 to 13 out of 2 blocks", seqs, e, err)
	}
	start.Off = size // of number 7: not to be believed
	if seqs, _, err := walked(t, s, 0, 8, start); err != nil || !slices.Equal(seqs, numbers(8, 13)) {
		t.Errorf("from a wrong place: %v, %v; want 8 to 13", seqs, err)
	}
	stop := errors.New("enough")
	if _, err := s.Walk(t.Context(), 0, 1, nil, func(Record, Place) error { return stop }); err != stop {
		t.Errorf("a walk that is stopped = %v; want what has stopped it", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Walk(ended, 0, 1, nil, func(Record, Place) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a walk whose context has ended = %v; want that", err)
	}
}

// Frames up to the floor may be missing; those after it may not, nor come twice, and
// an empty block at the end hides nothing.
func TestWalkOrder(t *testing.T) {
	for name, c := range map[string]struct {
		rows  [][2]int
		floor journal.Seq
		seqs  []journal.Seq
		want  string // of an error
	}{
		"truncated":               {rows: [][2]int{{4, 3}}, floor: 3, seqs: numbers(4, 6)},
		"more than was truncated": {rows: [][2]int{{4, 3}}, floor: 2, want: "number 3"},
		"less than was truncated": {rows: [][2]int{{2, 5}}, floor: 3, seqs: numbers(4, 6)},
		"a gap":                   {rows: [][2]int{{1, 3}, {5, 2}}, seqs: numbers(1, 3), want: "number 4"},
		"a gap before the floor":  {rows: [][2]int{{1, 1}, {3, 3}}, floor: 3, seqs: numbers(4, 5)},
		"twice":                   {rows: [][2]int{{1, 3}, {3, 2}}, seqs: numbers(1, 3), want: "number 3 stands in its place"},
		"an empty block":          {rows: [][2]int{{1, 3}, {4, 0}, {4, 0}}, seqs: numbers(1, 3)},
		"an empty one between":    {rows: [][2]int{{1, 3}, {4, 0}, {4, 1}}, seqs: numbers(1, 4)},
		"nothing":                 {},
	} {
		seqs, _, err := walked(t, layOut(t, c.rows...), c.floor, c.floor+1, nil)
		if !slices.Equal(seqs, c.seqs) || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, %v; want %v and error %q", name, seqs, err, c.seqs, c.want)
		}
		if err != nil && (!errors.Is(err, journal.ErrDamage) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want damage with %q", name, err, c.want)
		}
	}
}

// What is at the end and no record is a torn end, foreign, or damage.
func TestTail(t *testing.T) {
	next := recordIn(1, 4, data(4))
	bent := func(at int) []byte { b := slices.Clone(next); b[at] ^= 1; return b }
	zeros := func(from int) []byte { b := slices.Clone(next); clear(b[from:]); return b }
	tomb := AppendTomb(nil, 4, 1, time.Unix(0, 0))
	for name, c := range map[string]struct {
		rest   []byte
		sealed bool // the journal was closed with number 3
		want   string
	}{
		"half a record":             {rest: next[:len(next)/2], want: "torn"},
		"a byte":                    {rest: next[:1], want: "torn"},
		"pages never written":       {rest: make([]byte, 100), want: "torn"},
		"the last page unwritten":   {rest: zeros(len(next) - 20), want: "torn"},
		"a flipped bit":             {rest: bent(len(next) - 12), want: "damage"},
		"a flipped bit in a hash":   {rest: bent(len(next) - 1), want: "damage"},
		"a flipped bit in a length": {rest: bent(1), want: "damage"},
		"half a record and more":    {rest: append(slices.Clone(next[:40]), recordIn(1, 5, data(5))...), want: "damage"},
		"something else":            {rest: []byte(strings.Repeat("something else ", 10)), want: "foreign"},
		"half a record once closed": {rest: next[:len(next)/2], sealed: true, want: "foreign"},
		"a tombstone after rubbish": {rest: append([]byte("rubbish that is no record at all, of some length"), tomb...), want: "damage"},
	} {
		s := layOut(t, [2]int{1, 3})
		extend(t, s, 1, c.rest)
		if c.sealed {
			s.Seal(3)
		}
		seqs, e, err := walked(t, s, 0, 1, nil)
		got := "whole"
		switch {
		case errors.Is(err, journal.ErrDamage):
			got = "damage"
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case e.Foreign:
			got = "foreign"
		case e.Torn > 0:
			got = "torn"
		}
		if got != c.want || !slices.Equal(seqs, numbers(1, 3)) {
			t.Errorf("%s: %s, numbers %v; want %s, 1 to 3", name, got, seqs, c.want)
		}
		if err == nil && e.Torn != int64(len(c.rest)) {
			t.Errorf("%s: %d bytes are torn; want %d", name, e.Torn, len(c.rest))
		}
		// The same before another block is damage, whatever it is.
		s = layOut(t, [2]int{1, 3}, [2]int{4, 1})
		extend(t, s, 1, c.rest)
		if _, _, err := walked(t, s, 0, 1, nil); !errors.Is(err, journal.ErrDamage) {
			t.Errorf("%s in a block before the last: %v; want damage", name, err)
		}
	}
}

// A cut takes the later blocks, the rest of its own and the index, and the walk that
// found its place ends there.
func TestCut(t *testing.T) {
	for _, last := range []journal.Seq{0, 1, 5, 6, 12, 13} {
		s := layOut(t, [2]int{1, 5}, [2]int{6, 5}, [2]int{11, 3})
		index := filepath.Join(s.Dir, BlockDir, IndexFile)
		write(t, index, []byte("index"))
		var at Place
		_, err := s.Walk(t.Context(), 0, 1, nil, func(r Record, p Place) error {
			if at = p; r.Seq > last {
				return ErrStop
			}
			at.Off += int64(r.Size)
			return nil
		})
		if err != nil && err != ErrStop {
			t.Fatal(err)
		}
		if err := s.Cut(at); err != nil {
			t.Errorf("Cut behind %d = %v; want nil", last, err)
		}
		if seqs, e, err := walked(t, s, 0, 1, nil); err != nil || !slices.Equal(seqs, numbers(1, last)) || e.Torn > 0 {
			t.Errorf("cut behind %d: %v, %+v, %v", last, seqs, e, err)
		}
		if _, err := os.Stat(index); !os.IsNotExist(err) {
			t.Errorf("cut behind %d: the index is still there, %v", last, err)
		}
	}
}

// While a purge goes on, the blocks that count are in a directory of their own.
func TestBlocks(t *testing.T) {
	s := layOut(t, [2]int{1, 2})
	for _, name := range []string{"10.blk", "9.blk", "x.blk", "9.tmp", "4294967296.blk"} {
		write(t, filepath.Join(s.Dir, BlockDir, name), nil)
	}
	if err := os.Mkdir(filepath.Join(s.Dir, BlockDir, "11.blk"), 0o700); err != nil {
		t.Fatal(err)
	}
	if dir, ids, err := s.Blocks(); err != nil || !slices.Equal(ids, []uint32{1, 9, 10}) || filepath.Base(dir) != BlockDir {
		t.Errorf("Blocks = %s, %v, %v; want 1, 9, 10", dir, ids, err)
	}
	write(t, filepath.Join(s.Dir, NewBlockDir, "7.blk"), nil)
	if dir, ids, err := s.Blocks(); err != nil || !slices.Equal(ids, []uint32{7}) || filepath.Base(dir) != NewBlockDir {
		t.Errorf("Blocks in a purge = %s, %v, %v; want 7", dir, ids, err)
	}
}

// Sizes are reckoned as they are stored, and the last whole frame of a block is found.
func TestSizes(t *testing.T) {
	for _, seq := range []journal.Seq{1, 10, 11, 100, 101, 1 << 60} {
		b := recordIn(3, seq, []byte("some data"))
		if got := FrameSize(seq-1, 9); got != int64(len(b)) {
			t.Errorf("FrameSize after %d = %d; want %d", seq-1, got, len(b))
		}
		path := filepath.Join(t.TempDir(), "3.blk")
		write(t, path, append(b, recordIn(3, seq+1, nil)[:30]...))
		if got, err := LastIn(path, 3); got != seq || err != nil {
			t.Errorf("LastIn = %d, %v; want %d", got, err, seq)
		}
		if got, err := LastIn(path, 4); got != 0 || err != nil {
			t.Errorf("LastIn as another block = %d, %v; want 0", got, err)
		}
	}
}

// What comes after a number is reckoned by the blocks' sizes, not by how many numbers
// there are: blocks have very different ones.
func TestSizeAfter(t *testing.T) {
	s := layOut(t, [2]int{1, 10}, [2]int{11, 2}, [2]int{13, 100})
	size := func(block uint32) int64 {
		fi, err := os.Stat(Path(filepath.Join(s.Dir, BlockDir), block))
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	for _, tt := range []struct {
		seq, last journal.Seq
		want      int64
	}{
		{0, 112, s.Size()},
		{0, 0, s.Size()},
		{5, 112, size(1)/2 + size(2) + size(3)},
		{10, 112, size(2) + size(3)},
		{11, 112, size(2)/2 + size(3)},
		{12, 112, size(3)},
		{62, 112, size(3) / 2},
		{112, 112, 0},
		{200, 112, 0},
		{5, 3, size(1)/2 + size(2) + size(3)}, // the last number is known of the last block only
		{50, 0, size(3)},                      // and that one counts as a whole without it
	} {
		if got := s.SizeAfter(tt.seq, tt.last); max(got-tt.want, tt.want-got) > 1 {
			t.Errorf("SizeAfter(%d, %d) = %d; want %d", tt.seq, tt.last, got, tt.want)
		}
	}
	if got := NewStore(t.TempDir()).SizeAfter(0, 0); got != 0 {
		t.Errorf("SizeAfter of nothing = %d; want 0", got)
	}
}

// The configuration counts with its checksum only, and the index with its own.
func TestSums(t *testing.T) {
	s := layOut(t, [2]int{1, 1})
	if _, err := s.ReadMeta(); !errors.Is(err, os.ErrNotExist) || s.Created() {
		t.Errorf("ReadMeta of nothing = %v; want it to be missing", err)
	}
	if err := s.WriteMeta([]byte("{}")); err != nil || !s.Created() {
		t.Fatalf("WriteMeta = %v", err)
	}
	if b, err := s.ReadMeta(); string(b) != "{}" || err != nil {
		t.Errorf("ReadMeta = %q, %v", b, err)
	}
	write(t, filepath.Join(s.Dir, MetaFile), []byte("{ }"))
	if _, err := s.ReadMeta(); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("ReadMeta of a changed one = %v; want its checksum to be wrong", err)
	}
	index := append([]byte{22, 1}, 5, 50, 1, 0, 7) // magic, version, messages, bytes, first, time, last
	path := filepath.Join(s.Dir, BlockDir, IndexFile)
	write(t, path, append(slices.Clone(index), streamSum(index)...))
	if n, ok := s.IndexLast(); n != 7 || !ok {
		t.Errorf("IndexLast = %d, %v; want 7", n, ok)
	}
	for name, b := range map[string][]byte{
		"changed": append(append(slices.Clone(index[:6]), 8), streamSum(index)...),
		"short":   append(slices.Clone(index[:4]), streamSum(index[:4])...),
		"empty":   nil,
	} {
		write(t, path, b)
		if n, ok := s.IndexLast(); ok {
			t.Errorf("IndexLast of one that is %s = %d; want none", name, n)
		}
	}
}

// A disk that can't read what it holds has damaged it.
func TestUnreadable(t *testing.T) {
	err := Unreadable(fmt.Errorf("read: %w", syscall.EIO))
	if !errors.Is(err, journal.ErrDamage) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Unreadable(EIO) = %v; want damage", err)
	}
	if err := Unreadable(syscall.EACCES); errors.Is(err, journal.ErrDamage) {
		t.Errorf("Unreadable(EACCES) = %v; want no damage", err)
	}
}
