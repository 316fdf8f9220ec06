// Package report says what a node is and how it is. It collects facts, a section at
// a time and only when somebody asks, and words them: for INFO, for Prometheus and
// for operators.
package report

import (
	"time"

	"ledge/admin"
	"ledge/appliance/process"
	"ledge/journal"
	"ledge/journal/timing"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/command"
)

// Report is where the facts of a node come from, a function for each section. None
// of them waits for the disk, and all may be called from any goroutine. Those that
// are nil have nothing to say yet, for Health only.
type Report struct {
	Node    string // its name
	Version string
	Clock   func() time.Time

	Server      func() Server
	Memory      func() Memory
	Saves       func() Saves
	Journal     func() Journal
	Health      func() Health
	Loading     func() Loading // nil is that the node never loads
	Replication func() Replication
	Clients     func() Clients
	Keys        func() []Keys
	// ShardsUp returns how many other shards there is a connection to; nil for a node in no
	// cluster.
	ShardsUp func() int
	// Unheard returns how many messages other shards were not told of; nil likewise.
	Unheard func() int64
	Cluster func() *cluster.Map // nil, or its map is, for a node in none
	// Moves returns how moves of slots go; nil for a node in no cluster.
	Moves   func() Moves
	Process func() process.Figures
}

// Server is which process it is, and where it can be reached.
type Server struct {
	Started time.Time
	PID     int
	Dir     string
	Redis   string // the address of the listener
	NATS    string // the URL, "" for none
}

// Moves is how moves of slots go.
type Moves struct {
	All     []move.Status
	Stats   move.Stats
	Pending int // keys that are to be cleared
}

// Memory is what the process takes.
type Memory struct {
	Taken    int64  // from the system
	Most     int64  // that may be taken, 0 for no bound
	Live     int64  // found by the last collection
	Percent  int64  // the collector's target
	Refusing bool   // what needs memory is refused
	BoundBy  string // what says so
}

// Saves is how taking snapshots goes.
type Saves struct {
	Running bool
	Began   time.Time     // the last one, whether or not it has ended
	Took    time.Duration // the last one that ended, -1 for none
	Last    time.Time     // when the last one worked, or the start
	Failed  error         // why the last one did not, or nil
	Pos     journal.Seq   // what the last one covers, 0 if there is none
	Changes journal.Seq   // since then

	Backup    time.Time   // when the last backup was taken; zero is that none is known
	BackupPos journal.Seq // what it holds up to
}

// Journal is what the journal holds, and what went into it since the start.
type Journal struct {
	First, Last journal.Seq
	Bytes       int64
	Sync        string        // the mode
	Interval    time.Duration // between syncs, 0 unless the mode has one
	Lineage     journal.Lineage
	Epoch       uint64
	Applied     journal.Pos
	Appends     int64
	Appended    int64 // bytes
	Failed      int64 // appends
	LastAppend  time.Time
	Took        time.Duration // by the last append
	Reserve     int64         // bytes that are held back
	Lost        string        // by the last repair that cost something
	Recovery    time.Duration

	// How long appends took, each of all the batches that were stored together, how
	// long syncs apart from appends, and how long applying.
	AppendTimes, SyncTimes, ApplyTimes timing.Times
}

// Health is whether the journal takes writes, and what is done about it if not.
type Health struct {
	Suspension *writer.Suspension // nil is that it does
	Policy     writer.ResumePolicy
	// Reserve is how many bytes are held back, and ReserveMissing that it is less
	// than there should be.
	Reserve        int64
	ReserveMissing bool
	// Reads and Writes are why clients' reads and writes are refused; nil is that they
	// are not. Link is how the node stands with its leader.
	Reads, Writes error
	Link          standing.Link
	// Seized is slots that are the shard's by its own journal, and another one has seized.
	Seized string
	// Given is slots that the shard has given, and that nobody has taken for long.
	Given string
	// Waits is what the node waits for before it serves the slots of its shard.
	Waits string
}

// Loading is how far a node has come that has not got all of its data yet. Its zero
// value is a node that has.
type Loading struct {
	Step         string // what it is at; "" if it has all of its data
	Began        time.Time
	Bytes, Total int64         // that have been read, of those that there are to read
	Share        float64       // of the time that all of it takes, about; 0 to 1
	Rows         int64         // keys so far
	Rate         float64       // rows in a second
	Left         time.Duration // about; negative is that nobody can tell yet
}

// loading returns how far the node has come.
func (r *Report) loading() Loading {
	if r.Loading == nil {
		return Loading{}
	}
	return r.Loading()
}

// Replication is how the node stands with its leader and its replicas.
type Replication struct {
	Link     standing.Link
	Replicas []standing.Replica
	Lineage  journal.Lineage
	Applied  journal.Seq
}

// Clients is what Redis clients do.
type Clients struct {
	Connected, Blocked int
	Most               int // that may connect
	Stats              *command.Stats
	Slow               int // entries in the slow log
}

// Keys is how many keys a database has, and how many of them have a deadline.
type Keys struct {
	DB              journal.DB
	Count, Expiring int
}

// Words of a role. Redis has other ones than operators.
const (
	leads, leadsRedis     = "leader", "master"
	follows, followsRedis = "replica", "slave"
)

// Role is what a node with that link is, for operators.
func Role(l standing.Link) string {
	if l.State == standing.LinkNone {
		return leads
	}
	return follows
}

// RedisRole is what a node with that link is for Redis clients. It is what HELLO asks
// for, with each connection: a look at the link and nothing else.
func RedisRole(l standing.Link) string {
	if l.State == standing.LinkNone {
		return leadsRedis
	}
	return followsRedis
}

// lag is how many numbers a replica lacks, as far as it knows.
func lag(l standing.Link) uint64 { return uint64(max(l.Last, l.Applied) - l.Applied) }

// knownLag is lag, or -1 before the leader has been heard of.
func knownLag(l standing.Link) int64 {
	if l.Heard.IsZero() {
		return -1
	}
	return int64(lag(l))
}

// state words whether the journal takes writes.
func (h Health) state() string {
	switch {
	case h.Suspension == nil:
		return admin.StateOK
	case h.Suspension.InDoubt:
		return admin.StateInDoubt
	}
	return admin.StateSuspended
}
