package appliance

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ledge/appliance/options"
	"ledge/appliance/process"
	"ledge/respd"
)

// What bounds the memory of a node.
const (
	boundByNothing = "none"
	boundByOption  = "max-memory"
	boundByGroup   = "cgroup"
)

// groupEvery is how often the control group is asked whether its limit has changed.
const groupEvery = 5 * time.Second

// memoryBound is what the process may take.
type memoryBound struct {
	live  *atomic.Pointer[options.Live]
	log   *slog.Logger
	group atomic.Int64 // what fits the process's control group; 0 is that it has no limit

	// mu is held while the parts of the node are told of the bound, so that what they
	// are told last is what holds.
	mu sync.Mutex
}

// newMemoryBound finds out what fits the control group that the process is in: the
// kernel kills or stalls what goes past that.
func newMemoryBound(live *atomic.Pointer[options.Live], log *slog.Logger) *memoryBound {
	b := &memoryBound{live: live, log: log}
	limit, err := process.GroupLimit()
	if err != nil {
		log.Warn("a limit of the process's control group can't be read", "cause", err)
	}
	b.look(limit)
	return b
}

// look takes what the limit of the control group is, 0 for none, and reports whether
// that has changed what fits the group.
func (b *memoryBound) look(limit int64) (changed bool) {
	fits := int64(0)
	if limit > 0 {
		fits = process.WithinGroup(limit)
	}
	if b.group.Swap(fits) == fits {
		return false
	}
	switch {
	case b.live.Load().MaxMemory > 0: // it is the bound whatever the group has
	case limit == 0:
		b.log.Info("memory is bounded no more, since the process's control group isn't")
	default:
		b.log.Info("memory is bounded, since the process's control group is", "bytes", fits, "group", limit)
	}
	return true
}

// by returns what the process may take, in bytes, 0 for any, and what says so:
// max-memory as it is set, or else the control group.
func (b *memoryBound) by() (most int64, by string) {
	switch set, group := b.live.Load().MaxMemory, b.group.Load(); {
	case set > 0:
		return set, boundByOption
	case group > 0:
		return group, boundByGroup
	}
	return 0, boundByNothing
}

// now returns what the process may take, in bytes, 0 for any.
func (b *memoryBound) now() int64 {
	most, _ := b.by()
	return most
}

// told are the parts of a node that are told of its bound.
type told struct {
	mem    *process.Memory
	server *respd.Server
}

// tell tells the parts of the node what the process may take, after that has changed.
func (b *memoryBound) tell(to told) {
	b.mu.Lock()
	defer b.mu.Unlock()
	to.mem.SetLimit(b.now())
	to.server.SetBound(b.now())
	to.server.SetGroup(b.group.Load())
}

// watch follows the limit of the control group, which may be changed while the node
// runs, until ctx ends.
func (b *memoryBound) watch(ctx context.Context, to told) {
	tick := time.NewTicker(groupEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// What can't be read just now, for want of descriptors, is as it was.
			if limit, err := process.GroupLimit(); err == nil && b.look(limit) {
				b.tell(to)
			}
		}
	}
}
