package appliance

import (
	"context"
	"net"
	"net/url"

	"ledge/admin"
	"ledge/appliance/replication"
	"ledge/replay/cluster"
	"ledge/replay/peer"
	"ledge/replay/wire"
)

// peerPart is a membership's part with other shards. It is for a node without one, too.
type peerPart struct{ *membership }

// newPeers returns the other shards of a node's cluster, and what answers their nodes.
func newPeers(m *membership) (*peer.Peers, *peer.Server) {
	n := m.n
	return peer.New(peer.Config{Node: n.dir.node, User: admin.PeerUser, Views: m, Others: peerPart{m}.others,
			Secrets: func() []string { return n.dir.secret.words(n.cfg.Clock()) }, TLS: n.secure.leader, Told: func() { poke(m.answered) },
			Clock: n.cfg.Clock, Logger: n.cfg.Logger}),
		peer.NewServer(peer.ServerConfig{Views: m, Ready: n.loading.ready, Logger: n.cfg.Logger})
}

// others returns the other shards while the node leads its own, and where their nodes are
// asked.
func (m peerPart) others() (list []peer.Shard) {
	drawn := m.nodes()
	if drawn.Cluster == "" || !drawn.Leads() { // one that is outdone goes on hearing of them
		return nil
	}
	urls := make(map[string]string)
	m.mu.Lock()
	for _, r := range m.view.Records() {
		urls[r.ID] = natsAt(r)
	}
	m.mu.Unlock()
	for _, s := range drawn.Shards[1:] {
		shard := peer.Shard{ID: s.ID}
		for _, n := range s.Nodes {
			if at := urls[n.ID]; at != "" {
				shard.Nodes = append(shard.Nodes, peer.Node{ID: n.ID, URL: at, Leads: n.Leads})
			}
		}
		list = append(list, shard)
	}
	return list
}

// natsAt returns where a node is asked, "" for nowhere. One that listens on all interfaces is
// asked where its Redis clients go.
func natsAt(r cluster.Record) string {
	u, err := url.Parse(r.NATS)
	if err != nil || r.NATS == "" {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() && r.Host != "" {
		u.Host = net.JoinHostPort(r.Host, u.Port())
	}
	return u.String()
}

// door begins to answer nodes of other shards, on a connection to the node's broker.
func (m peerPart) door(on peer.Broker) (end func() error, err error) {
	if m.membership == nil {
		return func() error { return nil }, nil
	}
	return m.peerServer.Open(on)
}

// run keeps connections to the other shards until ctx ends.
func (m peerPart) run(ctx context.Context) {
	if m.membership != nil {
		m.peers.Run(ctx)
	}
}

// hear has fn given what other shards tell of what clients have published.
func (m peerPart) hear(fn func([]wire.Post)) {
	m.peerServer.Serve(peer.SubjectPublish, peer.Published(m, fn))
}

// unheard returns what counts the messages that another shard, or another node of the own
// one, was not told of.
func (m peerPart) unheard() func() int64 {
	if m.membership == nil {
		return nil
	}
	return func() int64 { return m.peers.Dropped() + replication.Posts{Of: m.n.repl}.Untold() }
}

// connected returns what counts the other shards to which there is a connection.
func (m peerPart) connected() func() int {
	if m.membership == nil {
		return nil
	}
	return func() (up int) {
		for _, l := range m.peers.Links() {
			if l.Up {
				up++
			}
		}
		return up
	}
}
