package client

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal/fault"
	"ledge/journal/rare"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/command/scripts"
	"ledge/respd/hub"
	"ledge/respd/stats"
)

// Config is what the connections of a server are given. All of it is set.
type Config struct {
	State   *replay.State
	Writer  *writer.Writer
	Table   *command.Table
	Scripts *scripts.Engine
	Stats   *command.Stats
	Slowlog *stats.Slowlog
	Hub     *hub.Hub
	// Host is the server, as commands see it.
	Host command.Host
	// MaxInput bounds what one connection may have unparsed, one argument included.
	MaxInput int
	// MaxQueued bounds the commands of one MULTI, with what keeping them takes.
	MaxQueued int
	// AtFirst is what clients may have until SetLimits is called.
	AtFirst Limits
	// MaxBuffers bounds what all connections together have unparsed, their unread
	// replies and messages, and their commands that wait for EXEC.
	MaxBuffers int
	// Replica says what is refused because of how the node stands with its leader
	// or its replicas.
	Replica *Gate
	// Cluster returns who serves which hash slot; nil for a node that is none of a
	// cluster's.
	Cluster func() *cluster.Map
	// OutOfMemory reports whether commands that need memory are refused.
	OutOfMemory func() bool
	// Beside gives work beside the loop all processors until done is called; nil is that
	// it has them anyway.
	Beside func() (done func())
	// Named reports whether entries of the journal say who wrote them.
	Named  func() bool
	Clock  func() time.Time
	Logger *slog.Logger
	Log    *rare.Log // of what strangers can cause
}

// Shared is what all connections of a server have in common.
type Shared struct {
	Config
	limits  atomic.Pointer[Limits]
	pause   pause
	owner   pause // see AwaitOwner
	waiters waiters
	demoted atomic.Pointer[error] // what Demote was called with last
	buffers sync.Pool             // of *[]byte: large buffers for replies
	most    atomic.Int64          // Buffers
	// waits is since when reads have waited for room, by Elapsed, 0 if none does, and
	// waited when one was last found to.
	waits, waited atomic.Int64
	reads         readRoom
	fresh         atomic.Int64 // bytes of large buffers that were made since the last collection for them
}

// NewShared returns what the connections of a server have in common.
func NewShared(cfg Config) *Shared {
	s := &Shared{Config: cfg}
	s.SetLimits(cfg.AtFirst)
	s.SetBound(0)
	return s
}

// Panicked counts and logs a panic. It must be called by whoever has recovered.
func (s *Shared) Panicked(spec *command.Spec, p any) {
	s.Stats.Panics.Add(1)
	name := "unknown"
	if spec != nil {
		name = spec.FullName()
		s.Stats.Count(spec, &stats.Calls{Calls: 1, Failed: 1})
	}
	caught := fault.Caught(p)
	s.Log.Add(slog.LevelError, "a command panicked: "+name, "cause", caught, "stack", string(caught.Stack))
}
