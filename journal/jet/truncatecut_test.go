package jet_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
)

// A power cut right after a truncation takes what was not synced and no more:
// what is left is a journal that opens. The mark must not speak of frames, nor
// of a truncation up to some, that are not on the disk.
func TestTruncatePowerCut(t *testing.T) {
	disk := faultfs.Start(t)
	cfg := jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true, AppendTimeout: 200 * time.Millisecond,
		Sync: jet.SyncInterval, SyncEvery: time.Hour}
	j := open(t, cfg)
	fillAll(t, j, 0, 300)
	if err := j.Truncate(t.Context(), 200); err != nil {
		t.Fatal(err)
	}
	fillAll(t, j, 300, 50)
	disk.PowerCut()
	j.Close()
	if err := disk.Restore(); err != nil {
		t.Fatal(err)
	}
	cfg.Create = false
	j = open(t, cfg)
	st, err := j.Stat(t.Context())
	if err != nil || st.First != 201 || st.Last < 300 {
		t.Fatalf("the journal is %+v, %v; want it to go from 201 to 300 at least", st, err)
	}
	wantFrames(t, j, 201, st.Last)
}

// A truncation makes room, so it goes on where there is none for the second names of
// the blocks, be it the disk or a quota that is used up.
func TestTruncateWithoutRoom(t *testing.T) {
	for name, rule := range map[string]faultfs.Rule{
		"full disk":           {Op: faultfs.OpCreate, Match: "guard", Errno: syscall.ENOSPC},
		"used up quota":       {Op: faultfs.OpCreate, Match: "guard", Errno: syscall.EDQUOT},
		"quota, second file":  {Op: faultfs.OpCreate, Match: "guard", Errno: syscall.EDQUOT, After: 2},
		"quota, when renamed": {Op: faultfs.OpRename, Match: "guard", Errno: syscall.EDQUOT},
	} {
		t.Run(name, func(t *testing.T) {
			disk := faultfs.Start(t)
			j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true,
				Sync: jet.SyncInterval, SyncEvery: time.Hour})
			fillAll(t, j, 0, 300)
			if err := disk.Add(rule); err != nil {
				t.Fatal(err)
			}
			if err := j.Truncate(t.Context(), 200); err != nil {
				t.Fatalf("Truncate = %v; want nil", err)
			}
			if err := disk.Clear(); err != nil {
				t.Fatal(err)
			}
			fillAll(t, j, 300, 5)
			wantFrames(t, j, 201, 305)
			if _, err := os.Stat(filepath.Join(disk.Dir, "nats", "guard.tmp")); !os.IsNotExist(err) {
				t.Errorf("the second names are still there: %v", err)
			}
		})
	}
}
