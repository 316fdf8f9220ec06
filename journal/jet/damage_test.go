package jet_test

// These tests harm a store's files without the broker's knowing. Everything that
// was acknowledged must come back, or the number that doesn't must be named
// and the journal refused. The images are copies of a running store, which is
// what a kill leaves, and of a closed one.

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
)

func frame(seq journal.Seq) []byte {
	return []byte(fmt.Sprintf("frame %d LDG1 %s", seq, bytes.Repeat([]byte{byte(seq)}, 30)))
}

func fill(t *testing.T, j *jettest.Journal, prev, last journal.Seq) {
	t.Helper()
	for ; prev < last; prev++ {
		if _, err := settled(t, 0, j.Append(t.Context(), prev, frame(prev+1))); err != nil {
			t.Fatalf("Append(%d) = %v; want nil", prev, err)
		}
	}
}

// wantFrames checks that j holds exactly the numbers first to last.
func wantFrames(t *testing.T, j *jettest.Journal, first, last journal.Seq) {
	t.Helper()
	next := first
	for f, err := range j.Read(t.Context(), first) {
		if err != nil {
			t.Fatalf("Read at number %d: %v", next, err)
		}
		if f.Seq != next || !bytes.Equal(f.Data, frame(next)) {
			t.Fatalf("Read yields number %d %q; want %d %q", f.Seq, f.Data, next, frame(next))
		}
		next++
	}
	if next != last+1 {
		t.Fatalf("the journal ends before number %d; want %d", next, last+1)
	}
}

// image returns a store with numbers 1 to last, of which those to floor are
// truncated.
func image(t *testing.T, clean bool, floor, last journal.Seq) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, last)
	if err := j.Truncate(t.Context(), floor); err != nil {
		t.Fatal(err)
	}
	if clean {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return clone(t, dir)
}

func clone(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "nats")
	if err := jet.CopyDir(to, dir); err != nil {
		t.Fatal(err)
	}
	return to
}

func records(t *testing.T, dir string) []jet.Record {
	t.Helper()
	rs, err := jet.Records(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// refused checks that the store can't be opened, and for which number.
func refused(t *testing.T, dir string, want journal.Seq) {
	t.Helper()
	j, err := jettest.Open(t.Context(), jet.Config{Dir: dir, Lineage: lineage}, broker.Config{})
	if err == nil {
		st, _ := j.Stat(t.Context())
		j.Close()
		t.Fatalf("Open of a damaged store = nil, with %+v; want damage at number %d", st, want)
	}
	wantDamage(t, err, want)
}

func wantDamage(t *testing.T, err error, want journal.Seq) {
	t.Helper()
	var d *journal.DamageError
	if !errors.As(err, &d) || d.Seq != want {
		t.Errorf("error is %v; want damage at number %d", err, want)
	}
}

// A killed process leaves everything that was acknowledged.
func TestKill(t *testing.T) {
	for _, floor := range []journal.Seq{0, 7, 20} {
		dir := image(t, false, floor, 20)
		j := open(t, jet.Config{Dir: dir})
		wantFrames(t, j, floor+1, 20)
		fill(t, j, 20, 22)
		wantFrames(t, j, floor+1, 22)
	}
}

// However short an unfinished append is, it is cut off, and what was
// acknowledged before it stays.
func TestTornTail(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "nats")
	running := open(t, jet.Config{Dir: src, Create: true})
	fill(t, running, 0, 17)
	if err := running.Truncate(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	fill(t, running, 17, 20)
	dir := clone(t, src)
	rs := records(t, dir)
	last := rs[len(rs)-1]
	step := int64(1)
	if testing.Short() {
		step = 13
	}
	for cut := last.Off; cut < last.Off+int64(last.Size); cut += step {
		torn := clone(t, dir)
		path := filepath.Join(torn, last.Path[len(dir):])
		if err := os.Truncate(path, cut); err != nil {
			t.Fatal(err)
		}
		j := open(t, jet.Config{Dir: torn})
		wantFrames(t, j, 4, 19)
		fill(t, j, 19, 20)
		wantFrames(t, j, 4, 20)
		j.Close()
	}
}

// Pages that were allocated and never written count as torn too.
func TestZeroTail(t *testing.T) {
	dir := image(t, false, 0, 5)
	rs := records(t, dir)
	f, err := os.OpenFile(rs[4].Path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(make([]byte, 5000))
	f.Close()
	j := open(t, jet.Config{Dir: dir})
	wantFrames(t, j, 1, 5)
}

// Any one bit of any stored record that flips is named by its number, in the
// middle and at the very end, after a kill and after a good end, with and
// without tombstones after it.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	seed := uint64(rand.Uint32())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, clean := range []bool{false, true} {
		for _, floor := range []journal.Seq{0, 4} {
			t.Run(fmt.Sprintf("clean=%v/floor=%d", clean, floor), func(t *testing.T) {
				dir := image(t, clean, floor, 12)
				rs := records(t, dir)
				for _, r := range []jet.Record{rs[0], rs[len(rs)/2], rs[len(rs)-1]} {
					flipAll(t, dir, r, rng)
				}
			})
		}
	}
}

func flipAll(t *testing.T, dir string, r jet.Record, rng *rand.Rand) {
	t.Helper()
	good, err := os.ReadFile(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(r.Path, good, 0o640)
	for bit := range r.Size * 8 {
		b := slices.Clone(good)
		b[int(r.Off)+bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(r.Path, b, 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := jet.VerifyRecords(dir)
		wantDamage(t, err, r.Seq)
		if t.Failed() {
			t.Fatalf("number %d, byte %d of %d, bit %d", r.Seq, bit/8, r.Size, bit%8)
		}
		if rng.IntN(200) == 0 {
			refused(t, dir, r.Seq)
			if after, _ := os.ReadFile(r.Path); !bytes.Equal(after, b) {
				t.Fatalf("Open has changed a damaged block")
			}
		}
	}
}

// Blocks that are gone, or shorter than the journal was, are missed.
func TestLostFiles(t *testing.T) {
	t.Run("end of a closed journal", func(t *testing.T) {
		dir := image(t, true, 0, 10)
		rs := records(t, dir)
		if err := os.Truncate(rs[7].Path, rs[7].Off); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, 8)
	})
	t.Run("only block", func(t *testing.T) {
		dir := image(t, true, 0, 10)
		if err := os.Remove(records(t, dir)[0].Path); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, 1)
	})
	for _, clean := range []bool{true, false} {
		for _, gone := range []int{1, 2} {
			t.Run(fmt.Sprintf("block %d, clean=%v", gone, clean), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "nats")
				j := open(t, jet.Config{Dir: dir, Create: true})
				for i := range journal.Seq(5) { // 5 MiB each: one a block
					if err := j.Append(t.Context(), i, make([]byte, 5<<20)); err != nil {
						t.Fatal(err)
					}
				}
				if clean {
					j.Close()
				} else {
					dir = clone(t, dir)
				}
				if err := os.Remove(records(t, dir)[gone-1].Path); err != nil {
					t.Fatal(err)
				}
				refused(t, dir, journal.Seq(gone))
			})
		}
	}
	t.Run("stream", func(t *testing.T) {
		dir := image(t, true, 0, 3)
		if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
			t.Fatal(err)
		}
		if _, err := jettest.Open(t.Context(), jet.Config{Dir: dir, Lineage: lineage, Create: true}, broker.Config{}); err == nil {
			t.Error("Open of a store that lost its stream = nil; want an error")
		}
	})
}

// A truncation that was noted and not carried out is finished by Open.
func TestUnfinishedTruncate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, 10)
	before := clone(t, dir)
	if err := j.Truncate(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	mark, err := os.ReadFile(filepath.Join(dir, "mark"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(before, "mark"), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	j = open(t, jet.Config{Dir: before})
	wantFrames(t, j, 7, 10)
}
