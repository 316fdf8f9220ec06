package journal

import "time"

// SyncMode says when an appended frame has reached the disk.
type SyncMode uint8

const (
	// SyncAlways answers an append after its frame is synced.
	SyncAlways SyncMode = iota
	// SyncInterval syncs in the background, every Syncing.Every. A power cut loses
	// what was appended since.
	SyncInterval
	// SyncOff leaves it to the kernel when to write.
	SyncOff
)

// Syncing says when what is appended reaches the disk. Every is the interval of
// SyncInterval, and has no meaning otherwise.
type Syncing struct {
	Mode  SyncMode
	Every time.Duration
}
