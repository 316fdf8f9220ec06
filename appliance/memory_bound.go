package appliance

import (
	"log/slog"
	"sync/atomic"

	"ledge/appliance/options"
	"ledge/appliance/process"
)

// What bounds the memory of a node.
const (
	boundByNothing = "none"
	boundByOption  = "max-memory"
	boundByGroup   = "cgroup"
)

// memoryBound is what the process may take.
type memoryBound struct {
	live  *atomic.Pointer[options.Live]
	group int64 // what fits the process's control group; 0 is that it has no limit
}

// newMemoryBound finds out what fits the control group that the process is in: the
// kernel kills or stalls what goes past that.
func newMemoryBound(live *atomic.Pointer[options.Live], log *slog.Logger) *memoryBound {
	b := &memoryBound{live: live}
	limit := process.GroupLimit()
	if limit == 0 {
		return b
	}
	b.group = process.WithinGroup(limit)
	if live.Load().MaxMemory == 0 {
		log.Info("memory is bounded, since the process's control group is", "bytes", b.group, "group", limit)
	}
	return b
}

// by returns what the process may take, in bytes, 0 for any, and what says so:
// max-memory as it is set, or else the control group.
func (b *memoryBound) by() (most int64, by string) {
	switch set := b.live.Load().MaxMemory; {
	case set > 0:
		return set, boundByOption
	case b.group > 0:
		return b.group, boundByGroup
	}
	return 0, boundByNothing
}

// now returns what the process may take, in bytes, 0 for any.
func (b *memoryBound) now() int64 {
	most, _ := b.by()
	return most
}
