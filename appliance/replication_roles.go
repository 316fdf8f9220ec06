package appliance

import (
	"bytes"
	"context"
	"errors"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/replication"
	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay/remote"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// newReplication gives a node the five interfaces that its replication needs.
// Whom it follows is certain only once the directory is known to be whole.
func newReplication(n *Node, heard func(posts []wire.Post, from string)) *replication.Replication {
	leader, promoted := n.dir.id.follows(n.cfg.Follow)
	if promoted {
		leader = ""
	}
	r := replication.New(replication.Config{
		Node: n.dir.node, User: admin.ReplicaUser, Leader: leader, Resync: n.cfg.OnDivergence == options.DivergenceResync,
		Inbox: n.dir.inboxPath(), Snapshot: n.dir.snapshotPath(), Databases: n.cfg.Databases, MaxMemory: n.bound.now,
		Free: func() (int64, error) { return freeBytes(n.dir.path) },
		TLS:  n.secure.leader, Log: n.log, State: n.state, Writer: n.writer,
		Read: func(ctx context.Context, from journal.Seq) func(func(journal.Frame, error) bool) {
			return n.jet().Read(ctx, from)
		},
		Synced: n.log.Synced,
		Beside: n.threads.Beside,
		Views:  n.member.views(),
		Notify: func(l standing.Link) {
			n.events.link(l)
			n.member.moved()
			n.gate.judge()
		},
		Turned: func(leader string) {
			n.member.moved()
			n.events.turned(leader)
		},
		Followed:  n.events.followed,
		Heard:     heard,
		Directory: written{n.dir, n.cfg.Follow}, Broker: nodeBroker{n}, Snapshots: taker{n.saves}, Clients: clients{n}, Settings: live{n},
		Clock: n.cfg.Clock, Logger: n.cfg.Logger,
	})
	n.meter.stored, n.meter.ended = r.Feed().Stored, r.Feed().Reset
	return r
}

// written is the directory as the node's replication sees it.
type written struct {
	*directory
	option string // the option follow
}

func (w written) Follow(url string) error { return w.writeFollows(url) }
func (w written) Lead() error             { return w.writeLeads(w.option) }

func (w written) Yield(url, password string) error {
	path, content := w.leaderPath(), []byte(password+"\n")
	// Clients' writes wait for this: two nodes that hand over to and fro spare it.
	if had, err := durable.ReadFile(path); err != nil || !bytes.Equal(had, content) {
		if err := durable.Replace(path, content); err != nil {
			return fault.With(fault.Operator, err)
		}
	}
	return w.writeFollows(url)
}

func (w written) Adopt(l journal.Lineage, first journal.Seq, snapshot string, diverged error) error {
	return w.adopt(l, first, snapshot, diverged)
}

// nodeBroker is the node's broker as its replication sees it.
type nodeBroker struct{ n *Node }

func (b nodeBroker) URL() string               { return b.n.carrier().ClientURL() }
func (b nodeBroker) Password() (string, error) { return b.n.words.current(admin.ReplicaUser) }
func (b nodeBroker) Conn() *nats.Conn          { return b.n.admin().requests }

// Replace closes the broker, has the directory changed, and opens the new one on
// the same address.
func (b nodeBroker) Replace(ctx context.Context, put func(journal.Driver) error) error {
	n := b.n
	listen := n.cfg.NATSListen
	if addr := n.carrier().Addr(); addr != nil {
		listen = addr.String() // the one that was free, if any would do
	}
	if err := n.words.turn.Lock(ctx); err != nil { // the new broker goes by the files
		return fault.As(fault.Retryable, "replace the broker", err)
	}
	defer n.words.turn.Unlock()
	if err := errors.Join(n.admin().close(), n.carrier().Close()); err != nil {
		return err
	}
	if err := n.dir.finish(); err != nil {
		return err
	}
	c, err := openCarrier(ctx, n.dir, whole(n), &n.secure, listen)
	if err != nil {
		return err
	}
	n.carried.Store(c)
	if err := put(n.meter.on(c.journal)); err != nil {
		return err
	}
	return n.openAdmin(ctx)
}

// taker is how snapshots are taken as the node's replication sees it.
type taker struct{ s *snapshots }

func (t taker) Take(ctx context.Context) (snapshot.Info, error) { return t.s.takeInfo(ctx) }
func (t taker) Adopted(seq journal.Seq)                         { t.s.adopted(seq) }

func (t taker) Hold(ctx context.Context) (release func(), err error) {
	if err := t.s.await(ctx); err != nil {
		return nil, err
	}
	return t.s.release, nil
}

// clients are the node's Redis clients as its replication sees them.
type clients struct{ n *Node }

func (c clients) Demote(why error) { c.n.server.Demote(why) }
func (c clients) Judge()           { c.n.gate.judge() }

func (c clients) AwaitOwner(most time.Duration) {
	askPart{c.n.member}.handing(most > 0)
	c.n.server.AwaitOwner(most)
}

func (c clients) Came() {
	if c.n.gate.Closed() {
		c.Judge()
	}
}

// live are the settings that can be changed while the node runs.
type live struct{ n *Node }

func (v live) Timeouts() remote.Timeouts    { return timeouts(v.n.live.Load()) }
func (v live) Announced(seen net.IP) string { return v.n.announced(seen) }

// Present is not less than min-replicas-lag says.
func (v live) Present() time.Duration {
	return max(remote.DefaultPresent, v.n.live.Load().MinReplicasLag)
}
