package appliance

import (
	"log/slog"

	"ledge/appliance/options"
)

// diskWants is what the options let a node take of the disk.
type diskWants struct{ journal, snapshots, reserve int64 }

// wantsOfDisk goes by the largest snapshot, of which one is written beside those that
// stay. The journal is kept back to the older of those, or for replicas, which may come.
func wantsOfDisk(l *options.Live, largest, reserve int64) diskWants {
	const most = int64(1) << 60 // options may say more than any disk has, and sums must not overflow
	return diskWants{
		journal:   max(keepSnapshots*min(l.SnapshotBytes, most/keepSnapshots), min(l.RetainForReplicas, most)),
		snapshots: (keepSnapshots + 1) * min(largest, most/(keepSnapshots+1)),
		reserve:   min(reserve, most),
	}
}

func (w diskWants) all() int64 { return w.journal + w.snapshots + w.reserve }

// warn says of a file system of that size that it is smaller than what the node may take.
func (w diskWants) warn(size int64, log *slog.Logger) {
	if size >= w.all() {
		return
	}
	log.Warn("the file system is smaller than what the options let the node take of it: it will be full; "+
		"smaller values of snapshot-every, retain-for-replicas and reserve have it take less",
		"file_system", mebibytes(size), "wanted", mebibytes(w.all()), "journal", mebibytes(w.journal),
		"snapshots", mebibytes(w.snapshots), "reserve", mebibytes(w.reserve))
}

// warnOfDisk looks at the file system that the node is on.
func warnOfDisk(n *Node) {
	if size, err := diskBytes(n.dir.path); err == nil { // who can't say is not asked
		wantsOfDisk(n.live.Load(), n.dir.snapshotBytes(), n.cfg.Reserve).warn(size, n.cfg.Logger)
	}
}
