package appliance

import (
	"strings"
	"testing"

	"ledge/appliance/options"
	"ledge/journal/logtest"
)

// A disk that is too small for what the options let a node take of it is said with the
// figures, and one that is large enough is not. With the journal at 512 MiB for two
// snapshots and 1 GiB for replicas, the larger counts.
func TestDiskSize(t *testing.T) {
	const mib = 1 << 20
	l := &options.Live{SnapshotBytes: 256 * mib, RetainForReplicas: 1024 * mib}
	w := wantsOfDisk(l, 10*mib, 16*mib)
	if want := (diskWants{journal: 1024 * mib, snapshots: 30 * mib, reserve: 16 * mib}); w != want {
		t.Errorf("wanted is %+v; want %+v", w, want)
	}
	var log logtest.Log
	w.warn(1070*mib, log.Logger())
	if got := log.Take(); got != "" {
		t.Errorf("a disk that is just large enough: %s; want nothing", got)
	}
	w.warn(1070*mib-1, log.Logger())
	if got := log.Take(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, `wanted="1070.0 MiB" journal="1024.0 MiB" snapshots="30.0 MiB" reserve="16.0 MiB"`) {
		t.Errorf("a disk that is too small: %s; want a WARN with the figures", got)
	}
	l.RetainForReplicas = 1
	if got := wantsOfDisk(l, 0, 0).all(); got != 512*mib {
		t.Errorf("wanted is %d; want %d", got, 512*mib)
	}
	huge := &options.Live{SnapshotBytes: 1 << 62, RetainForReplicas: 1 << 62}
	if got := wantsOfDisk(huge, 1<<62, 1<<62).all(); got <= 0 {
		t.Errorf("wanted is %d; want no overflow", got)
	}
}
