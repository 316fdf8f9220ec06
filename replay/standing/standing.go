// Package standing says how a node stands with the leader whose journal it reads,
// and with the replicas that read its own.
package standing

import (
	"time"

	"ledge/journal"
)

// LinkState says how far a replica has come with its leader.
type LinkState uint8

// The states of a link. A node that follows nobody has LinkNone.
const (
	LinkNone LinkState = iota
	LinkConnecting
	LinkHandshake
	LinkFullSync
	LinkStreaming
	LinkStalled
	LinkFailed
)

// String returns the state's name as status, INFO and events show it.
func (s LinkState) String() string {
	return [...]string{"none", "connecting", "handshake", "full-sync", "streaming", "stalled", "failed"}[s]
}

// Link is how a replica stands with its leader.
type Link struct {
	Leader string // the URL that it follows
	Node   string // the leader's name, once it has been heard of
	State  LinkState
	Step   string // of a full sync: meta, chunk 3 of 9, load, verify
	Since  time.Time
	Began  time.Time // when this node began to follow the leader

	Attempts int       // that failed, since the last one that worked
	Err      error     // the causes of those attempts, joined; nil if there is none
	Next     time.Time // when it is tried again, if it waits for that

	Applied journal.Seq // the last number of this node's
	Last    journal.Seq // the leader's last number, as far as is known
	Heard   time.Time   // when the leader was heard of last
	Level   time.Time   // when this node last had all that the leader had
	Syncs   int         // full syncs that were finished
}

// Down returns why the node does not hear its leader. It is nil while it does, before
// an attempt has failed, and while it is the node itself that takes nothing in.
func (l Link) Down() error {
	switch l.State {
	case LinkConnecting, LinkHandshake, LinkStalled, LinkFailed:
		if l.Attempts > 0 && l.Step == "" {
			return l.Err
		}
	}
	return nil
}

// Silent returns for how long a leader that the node does not hear has said nothing; 0
// while Down is nil.
func (l Link) Silent(now time.Time) time.Duration {
	last := l.Heard
	if last.Before(l.Began) {
		last = l.Began
	}
	if l.Down() == nil {
		return 0
	}
	return max(0, now.Sub(last))
}

// Replica is a replica as its leader knows it.
type Replica struct {
	ID, Node string
	Redis    string // its address for Redis clients
	NATS     string // the URL at which it is asked; "" is that its leader knows none
	State    string
	Applied  journal.Seq
	Synced   journal.Seq
	Heard    time.Time
}
