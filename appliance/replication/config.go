// Package replication is a node's part in following and in being followed: who leads,
// how that changes, and how a leader's journal comes in the place of one's own.
package replication

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/remote"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// Directory is where it is written down who leads, for the next start.
type Directory interface {
	// Follow writes down that the node follows the leader with that URL, and Lead
	// that it does so no longer.
	Follow(url string) error
	Lead() error
	// Yield writes down that the node follows the leader with that URL, to which
	// that password opens.
	Yield(url, password string) error
	// Adopt writes down that a journal of that lineage, whose first number that is,
	// comes in place of the node's. snapshot is the file that it goes on from, "" for
	// none; diverged is why what there is has to be kept elsewhere, nil if it hasn't.
	Adopt(l journal.Lineage, first journal.Seq, snapshot string, diverged error) error
}

// Broker is what carries the node's journal, and its replicas' requests.
type Broker interface {
	// URL returns where the node can be followed, "" for nowhere, and Password what
	// opens there.
	URL() string
	Password() (string, error)
	// Conn returns a connection on which replicas can be answered, until Replace.
	Conn() *nats.Conn
	// Replace does what Adopt of the directory has written down, and has put give
	// the new journal to whoever stands on the old one.
	Replace(ctx context.Context, put func(journal.Driver) error) error
}

// Snapshots takes snapshots, one at a time.
type Snapshots interface {
	// Take takes one.
	Take(ctx context.Context) (snapshot.Info, error)
	// Hold waits until none is being taken, and lets none be taken before release.
	Hold(ctx context.Context) (release func(), err error)
	// Adopted is told that the journal begins after the leader's snapshot at seq.
	Adopted(seq journal.Seq)
}

// Clients are the Redis clients, as far as it matters to them who leads.
type Clients interface {
	// Demote ends what the clients of a leader wait for: why is what their writes
	// are refused with.
	Demote(why error)
	// AwaitOwner holds back what clients ask of a cluster's data, for so long at most,
	// since its leader changes; 0 ends it.
	AwaitOwner(most time.Duration)
	// Judge has it looked at once what is refused.
	Judge()
	// Came is told that the node has come further.
	Came()
}

// Settings are what can be changed while the node runs.
type Settings interface {
	// Timeouts are what a replica waits for at most.
	Timeouts() remote.Timeouts
	// Announced is where Redis clients reach the node, whose connection the leader
	// sees come from that address.
	Announced(seen net.IP) string
	// Present is after how long without a word a replica counts no longer.
	Present() time.Duration
	// LeaderPassword returns the password for a leader.
	LeaderPassword(leader string) (string, error)
}

// Config is what a Replication needs.
type Config struct {
	Node   string // its name
	User   string // as whom replicas come to their leader
	Leader string // the URL of whom it follows at first; "" is nobody
	Resync bool   // what has diverged is kept elsewhere, and the leader's taken

	Inbox     string // the directory for what is received
	Snapshot  string // the directory with the snapshots
	Databases int
	// Views is what the node knows of its cluster; nil is that it is in none.
	Views     wire.Views
	MaxMemory func() int64          // 0 is no bound
	Free      func() (int64, error) // room on the disk

	TLS    func() *tls.Config // towards the leader; nil is by the URL
	Log    *journal.Log
	State  *replay.State
	Writer *writer.Writer
	Read   func(context.Context, journal.Seq) func(func(journal.Frame, error) bool)
	// Synced returns up to which number the journal is on the disk.
	Synced func() journal.Seq
	// Beside gives all processors until it is done.
	Beside func() (done func())
	// Notify is told when the node stands otherwise with its leader.
	Notify func(standing.Link)
	// Turned is told when the node follows the leader with that URL from now on; with
	// "" it leads. It must not wait for anything.
	Turned func(leader string)
	// Followed is told when a replica streams that did not; nil is that nobody wants that. It
	// must not wait.
	Followed func()
	// Heard is given what clients have published at the node that the node follows, or at
	// the replica of the run that from names, or what those were told of. It must not wait.
	Heard func(posts []wire.Post, from string)

	Directory Directory
	Broker    Broker
	Snapshots Snapshots
	Clients   Clients
	Settings  Settings

	Clock  func() time.Time
	Logger *slog.Logger
}
