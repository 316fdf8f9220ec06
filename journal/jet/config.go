package jet

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ledge/journal"
)

// SyncMode says when an appended frame has reached the disk.
type SyncMode = journal.SyncMode

// The modes; SyncInterval syncs every Config.SyncEvery.
const (
	SyncAlways   = journal.SyncAlways
	SyncInterval = journal.SyncInterval
	SyncOff      = journal.SyncOff
)

// Defaults of Config.
const (
	DefaultSyncEvery     = time.Second
	DefaultMaxBytes      = 64 << 30
	DefaultAppendTimeout = 10 * time.Second
)

// housekeeping is the broker's background interval where no sync is promised.
// The broker closes idle files and compacts truncated blocks then. It is
// always set: left out, the broker would take two minutes for SyncInterval.
const housekeeping = 30 * time.Second

// Config says what Check checks and Open opens. Zero fields mean the defaults.
type Config struct {
	// Dir is the broker's store directory. Whoever calls Check holds its lock:
	// two brokers on one directory destroy it without a word.
	Dir string
	// Lineage is the journal's identity. A store of another one is refused.
	Lineage journal.Lineage
	// Create lets there be no stream, which Open then makes. It is true on a node's first start
	// only: a journal that has gone missing must not be replaced by an empty
	// one.
	Create bool
	// First is the number that a journal which is created begins with; 0 is 1.
	// A replica's journal begins after the snapshot that it was made from.
	First journal.Seq

	// Sync is the mode at first; see SetSync.
	Sync SyncMode
	// SyncEvery is the interval of SyncInterval.
	SyncEvery time.Duration
	// MaxBytes is the most that the journal may take. A full journal refuses
	// appends until it is truncated; it never drops a frame.
	MaxBytes int64
	// AppendTimeout bounds the wait for the broker's answer to one append.
	// After it the outcome is found out.
	AppendTimeout time.Duration

	Log *slog.Logger
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Sync > SyncOff {
		bad("sync mode %d is none of always, interval, off", c.Sync)
	}
	if c.SyncEvery < 0 || c.SyncEvery > 0 && c.SyncEvery < time.Millisecond {
		bad("sync interval %s is too short", c.SyncEvery)
	}
	if c.MaxBytes < 0 || c.MaxBytes > 0 && c.MaxBytes < minBytes {
		bad("journal limit of %d bytes; the least is %d", c.MaxBytes, minBytes)
	}
	if c.AppendTimeout < 0 {
		bad("append timeout %s", c.AppendTimeout)
	}
	if c.Dir == "" {
		bad("no store directory")
	}
	return errors.Join(errs...)
}

// minBytes leaves room for one frame of the largest size.
const minBytes = journal.MaxFrame + 1<<20

func (c *Config) setDefaults() {
	c.First = max(c.First, 1)
	if c.SyncEvery == 0 {
		c.SyncEvery = DefaultSyncEvery
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.AppendTimeout == 0 {
		c.AppendTimeout = DefaultAppendTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}
