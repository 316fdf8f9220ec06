package jet_test

import (
	"path/filepath"
	"testing"
	"time"

	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
)

// A power cut right behind a truncation takes what was not synced and no more:
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
