package jet_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
	"ledge/journal/jet/jettest"
)

// blockBytes returns what the blocks below dir take, under whatever name.
func blockBytes(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".blk") {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// A truncation that fails half-way, as on a full disk, is finished by the next one that
// is asked for, even if that is up to the same number: nobody has to append anything,
// nor to start the node again, to have the room.
func TestTruncateHalfWay(t *testing.T) {
	for name, rule := range map[string]faultfs.Rule{
		"the first of what is removed": {Op: faultfs.OpUnlink, Match: ".blk", Errno: syscall.EIO},
		"the second":                   {Op: faultfs.OpUnlink, Match: ".blk", Errno: syscall.EIO, After: 1},
		"what is left of a block":      {Op: faultfs.OpWrite, Match: "msgs", Errno: syscall.ENOSPC},
	} {
		for _, sync := range []jet.SyncMode{jet.SyncAlways, jet.SyncInterval} {
			t.Run(fmt.Sprintf("%s, sync %v", name, sync), func(t *testing.T) {
				disk := faultfs.Start(t)
				dir := filepath.Join(disk.Dir, "nats")
				j := open(t, jet.Config{Dir: dir, Create: true, Sync: sync, SyncEvery: time.Hour})
				var last journal.Seq
				for range 8 {
					last = appendBlock(t, j, last)
				}
				full := blockBytes(t, dir)
				if err := disk.Add(rule); err != nil {
					t.Fatal(err)
				}
				if err := j.Truncate(t.Context(), last-1); err == nil {
					t.Fatal("Truncate on a disk that fails = nil; want an error")
				}
				if err := disk.Clear(); err != nil {
					t.Fatal(err)
				}
				if err := j.Truncate(t.Context(), last-1); err != nil {
					t.Fatalf("Truncate again = %v; want nil", err)
				}
				if got := blockBytes(t, dir); got > full/2 {
					t.Errorf("the blocks take %d bytes afterwards; they took %d", got, full)
				}
				if st, err := j.Stat(t.Context()); err != nil || st.First != last || st.Bytes > full/2 {
					t.Errorf("Stat = %+v, %v; want it to begin with %d and to take less than %d bytes", st, err, last, full/2)
				}
				fillAll(t, j, last, 3)
				wantFrames(t, j, last+1, last+3)
			})
		}
	}
}

// appendBlock appends two frames after number prev, which fill a block. What is left
// of it without the first is written anew.
func appendBlock(t *testing.T, j *jettest.Journal, prev journal.Seq) journal.Seq {
	t.Helper()
	for _, size := range []int{4 << 20, 3 << 19} {
		if err := j.Append(t.Context(), prev, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		prev++
	}
	return prev
}
