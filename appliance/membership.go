package appliance

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/peer"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/respd"
)

// membership is the node's part in a cluster: what it has heard of the other nodes, and
// the map that clients are routed by. What the node's own shard owns is in the journal; the
// rest is heard of anew after each start.
type membership struct {
	n    *Node
	run  string                 // of this run, by which it knows its records from those of a copy of the directory
	self atomic.Pointer[string] // what the node is called; one of two copies gets another id
	// at is where Redis clients come, nil until the server listens. The first of them may
	// ask before the node knows its server.
	at  atomic.Pointer[net.TCPAddr]
	tls atomic.Int32 // the port for those with TLS, 0 for none

	mu      sync.Mutex
	view    *cluster.View   // mu
	heard   hearing         // mu
	leaders                 // mu
	failed  map[string]bool // mu; those that were silent when the map was drawn
	// writes and all are the slots that the map holds, mu; see hold.
	writes, all []journal.SlotRange
	// drawn wakes watch after another map has been made.
	drawn chan struct{}
	// server is where the clients are, nil until it listens.
	server atomic.Pointer[respd.Server]
	// telling is held by whoever tells clients of slots that are gone.
	telling sync.Mutex
	told    *cluster.Map // of which they know; telling

	kept  map[string]string // what the store has of other nodes; watch's
	taken []cluster.Seizure // mu; what others have seized of the slots that the journal has

	leaving  bool // mu; the others are being told that the shard leaves
	unproven bool // mu; the node was restored from a backup, see restoredPart
	lone     bool // mu; it serves its slots until somebody is heard

	// What has to be known before slots are served; see askPart. turned wakes it, and answered
	// says that another shard has answered.
	term             term                   // mu
	followed         bool                   // mu; the node has followed in this run
	hands            bool                   // mu; the lead is changing hands
	refused          atomic.Pointer[string] // why no slots are served; nil and "" are that they are
	turned, answered chan struct{}
	// given is what a controller calls the node, "" before it has said so; mu.
	given string
	// ahead is a document that the node's journal has not got; mu. See externalPart.
	ahead *cluster.Ahead
	// unsettled is why a document is not in the journal that should be; watch's.
	unsettled string
	// wish is slots that a tool for Redis has said the node is to have once it joins a cluster.
	wish atomic.Pointer[[]journal.SlotRange]

	peers      *peer.Peers  // the other shards
	peerServer *peer.Server // what answers their nodes
	mover      *move.Mover  // has slots move

	// now is the map by which clients are routed, and what it was made of.
	now atomic.Pointer[charted]
}

// charted is a map and the custody that it was made with: when another one holds, the map
// is of the past.
type charted struct {
	*cluster.Map
	nodes   *cluster.Map // as the nodes tell each other, whatever a controller says
	custody *cluster.Custody
	role    role
	lent    []cluster.Lent
}

// role is what of the node may change without the journal's saying so.
type role struct {
	leads   bool
	lineage journal.Lineage
	host    string
	port    int
	tls     int // port
}

// newMembership returns the part of a node that is started as one of a cluster's.
func newMembership(n *Node) *membership {
	m := &membership{n: n, run: rand.Text(), heard: make(hearing), leaders: make(leaders), kept: make(map[string]string), drawn: make(chan struct{}, 1), turned: make(chan struct{}, 1), answered: make(chan struct{}, 1)}
	m.self.Store(&n.dir.member)
	m.given, m.unproven, m.lone = externalPart{m}.kept(), n.dir.wasRestored, n.dir.id.Alone
	m.peers, m.peerServer = newPeers(m)
	return m
}

// A node that is none of a cluster's has no membership: what follows is for that, too.

// router returns what routes clients; nil is that all are served here.
func (m *membership) router() func() *cluster.Map {
	if m == nil {
		return nil
	}
	return m.Map
}

// listening is told of the server to which Redis clients come.
func (m *membership) listening(s *respd.Server) {
	if m == nil {
		return
	}
	m.server.Store(s)
	m.tls.Store(int32(portOf(s.TLSAddr())))
	if tcp, ok := s.Addr().(*net.TCPAddr); ok {
		m.at.Store(tcp)
	}
	m.moved()
}

// views is what the node's replication tells and hears of the cluster.
func (m *membership) views() wire.Views {
	if m == nil {
		return nil
	}
	return m
}

// moved has clients routed by what the node is now: its role, its address, whom it hears.
func (m *membership) moved() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.freshLocked()
	m.mu.Unlock()
}

// watch is moved, each second until ctx ends, and tells clients of slots that are gone.
func (m *membership) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for m != nil {
		m.moved()
		m.tellGone()
		acquaintances{m}.remember()
		externalPart{m}.settle(ctx)
		select {
		case <-tick.C:
		case <-m.drawn:
		case <-ctx.Done():
			return
		}
	}
}

// Map returns who serves which slot. It takes no lock unless that has changed.
func (m *membership) Map() *cluster.Map {
	if c := m.now.Load(); c != nil && c.custody == m.n.state.Custody() {
		return c.Map
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.drawLocked().Map
}

// nodes returns which nodes and shards there are, and what they own, by what they tell each
// other. That is the Map, unless a controller says what clients are told.
func (m *membership) nodes() *cluster.Map {
	m.Map() // so that it is of the present
	return m.now.Load().nodes
}

// freshLocked draws the map if the node is not what it was drawn for.
func (m *membership) freshLocked() {
	if c := m.now.Load(); c == nil || c.role != m.role() || c.custody != m.n.state.Custody() ||
		!maps.Equal(m.failed, m.silentLocked()) || len(c.lent) != len(lent(m.n.state.Moves())) {
		m.drawLocked()
	}
}

// silentLocked returns the nodes that nobody has heard of for longer than one may be silent.
func (m *membership) silentLocked() map[string]bool {
	return m.heard.silent(m.n.cfg.Clock(), m.n.live.Load().ClusterNodeTimeout)
}

// role returns what the node is.
func (m *membership) role() role {
	l := m.n.live.Load()
	r := role{leads: m.n.repl.Link().State == standing.LinkNone, lineage: m.n.log.Lineage(), host: l.AnnounceHost, port: l.AnnouncePort}
	if at := m.at.Load(); at != nil {
		r.port, r.tls = cmp.Or(r.port, at.Port), int(m.tls.Load())
		if r.host == "" && !at.IP.IsUnspecified() {
			r.host = at.IP.String() // else whoever is connected knows where the node is reached
		}
	}
	return r
}

// portOf returns the port of an address, 0 without one.
func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// drawLocked makes the map anew. The caller holds mu.
func (m *membership) drawLocked() *charted {
	custody, role, news := m.n.state.Custody(), m.role(), true
	askPart{m}.followLocked(role)
	own := cluster.Record{Shard: shardID(role.lineage), NATS: m.n.natsURL(), Term: m.n.state.Epoch(), Led: m.term.led, Run: m.run, Owned: custody.Owned, Lent: lent(m.n.state.Moves()),
		Node: cluster.Node{ID: m.Self(), Name: m.n.dir.node, Host: role.host, Port: role.port, TLSPort: role.tls, Leads: role.leads, Number: m.n.state.Pos().Seq}}
	if c := m.n.carrier(); c != nil {
		own.BusPort = portOf(c.Addr())
	}
	own.Given = m.given
	if !(externalPart{m}).speaksLocked(custody, role) {
		own.Owned = nil
	}
	given := own.Lent
	if role.leads && (restoredPart{m}).unprovenLocked(custody) {
		own.Owned, own.Lent = nil, nil
	}
	if m.view == nil || m.view.Cluster() != custody.Cluster {
		// Stamps go on from the clock, so that they grow from one run to the next.
		own.Stamp = uint64(m.n.cfg.Clock().UnixMilli())
		fresh := cluster.NewView(custody.Cluster, own)
		if m.view != nil {
			_, _ = fresh.Merge(acquaintances{m}.keptLocked(custody.Cluster))
		}
		m.view = fresh
		acquaintances{m}.recallLocked(custody.Cluster)
	} else {
		news = m.view.SetOwn(own)
	}
	m.failed = m.silentLocked()
	askPart{m}.rivalLocked()
	drawn, err := m.view.Map(m.failed)
	if err != nil { // what is taken into a view is checked before
		panic("appliance: map of the cluster: " + err.Error())
	}
	shown := drawn
	if (externalPart{m}).rulesLocked(custody) {
		shown = externalPart{m}.chartLocked(drawn, custody, role)
		m.term.asked, m.term.serves = true, true // the document says who owns slots
	} else {
		seizures{orders{m}}.noteSeizedLocked(drawn)
	}
	shown = askPart{m}.holdLocked(shown, role)
	c := &charted{shown, drawn, custody, role, given}
	m.now.Store(c)
	m.tellLeadersLocked(drawn)
	m.announce()
	if news {
		m.peers.Wake()
	}
	return c
}

// shardID is what the shard of a journal is called.
func shardID(l journal.Lineage) string { return fmt.Sprintf("%040x", uint64(l)) }

var _ wire.Views = (*membership)(nil)

// Cluster returns the cluster's id.
func (m *membership) Cluster() string { return m.n.state.Custody().Cluster }

// Self returns what the node is called in a cluster.
func (m *membership) Self() string { return *m.self.Load() }

// Leaderless reports whether it isn't known who leads the node's own shard.
func (m *membership) Leaderless() bool { return m.nodes().Shards[0].Leader() == nil }

// Heard notes that a node was heard of so long ago, by whomever.
func (m *membership) Heard(id string, ago time.Duration) {
	if id == m.Self() {
		return
	}
	m.mu.Lock()
	m.heard.note(id, m.n.cfg.Clock().Add(-ago))
	if ago == 0 {
		askPart{m}.heardLocked(id)
	}
	m.mu.Unlock()
	if ago == 0 {
		m.peers.Heard(id)
	}
}

// Silences returns how long ago the other nodes were heard of.
func (m *membership) Silences() map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard.ages(m.n.cfg.Clock())
}

// Have returns the stamps of the records that there are.
func (m *membership) Have() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.freshLocked()
	return m.view.Have()
}

// Newer returns records that somebody lacks.
func (m *membership) Newer(have map[string]uint64) []cluster.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view.Newer(have)
}

// Merge takes what another node has said.
func (m *membership) Merge(records []cluster.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view == nil {
		m.drawLocked()
	}
	if m.leaving { // what is told of the node itself is what it has told the others
		records = slices.DeleteFunc(slices.Clone(records), func(r cluster.Record) bool { return r.ID == m.Self() })
	}
	changed, err := m.view.Merge(records)
	for _, r := range m.view.Records() {
		switch {
		case r.ID == m.Self():
		case r.Left:
			delete(m.heard, r.ID)
		default:
			m.heard.expect(r.ID, m.n.cfg.Clock())
		}
	}
	if changed {
		m.drawLocked()
		m.peers.Wake()
	}
	return err
}

// allSlots is what a cluster begins with.
var allSlots = []journal.SlotRange{{First: 0, Last: journal.MaxSlot}}

// status says how the cluster is, as the node has heard of it.
func (m orders) status() admin.Cluster {
	drawn := m.nodes()
	links := linksByShard(m.membership)
	c := admin.Cluster{Cluster: drawn.Cluster, Node: drawn.Self, Assigned: drawn.Assigned(), Epoch: drawn.Epoch(), Shards: []admin.Shard{}}
	c.Waits = askPart(m).waits()
	if err := askPart(m).refusal(); err != nil {
		c.Refused = err.Error()
	}
	for _, s := range (seizures{m}).seized() {
		c.Seized = append(c.Seized, admin.Seized{Slots: journal.SlotsText(s.Ranges), By: s.By})
	}
	kept := (seizures{m}).unyielded(drawn)
	for i := range drawn.Shards {
		s := &drawn.Shards[i]
		shard := admin.Shard{ID: s.ID, Slots: journal.SlotsText(s.Ranges()), Count: s.Count(), Nodes: []admin.Member{}, Link: links[s.ID], Unyielded: kept[s.ID]}
		for _, n := range s.Nodes {
			role := "replica"
			if n.Leads {
				role = "leader"
			}
			shard.Nodes = append(shard.Nodes, admin.Member{ID: n.ID, Name: n.Name, Redis: n.Addr(false), Role: role, Outdone: n.Outdone, Self: n.ID == drawn.Self, Failed: n.Failed})
		}
		c.Shards = append(c.Shards, shard)
	}
	return c
}

// inItsCluster refuses to start a node outside of the cluster that its journal is in, since
// it would take writes to slots that are another shard's, and one in it that other shards
// can't reach.
func inItsCluster(cfg *Config, s *replay.State, secret *clusterSecret) error {
	custody := s.Custody()
	alone, _, _ := custody.OwnsAll(allSlots)
	switch {
	case !cfg.InCluster() && custody.Cluster != "":
		return optionFault("cluster", fmt.Errorf("the journal is one of cluster %s: start the node with --cluster yes", custody.Cluster))
	case custody.Topology != nil && !cfg.External():
		return optionFault("cluster-authority", errors.New("the journal has a controller's document, which says who owns slots: start the node with --cluster-authority external"))
	case custody.Topology == nil && custody.Cluster != "" && cfg.External():
		return optionFault("cluster-authority", fmt.Errorf("the journal is one of cluster %s, whose shards' journals say who owns slots: start the node without --cluster-authority external", custody.Cluster))
	case !cfg.InCluster() || cfg.NATSListen != options.Off:
		return nil
	case secret.current() != "":
		return optionFault("nats-listen", fmt.Errorf("is off, and by it nodes of other shards come, whose secret %s has: give it an address, or remove the file", secret.path()))
	case custody.Cluster != "" && !alone:
		return optionFault("nats-listen", fmt.Errorf("is off, and by it nodes of other shards come, which own slots of cluster %s: give it an address", custody.Cluster))
	}
	return nil
}

// errNoCluster refuses what only a node of a cluster can do.
var errNoCluster = optionFault("cluster", errors.New("the node is in no cluster; start it with --cluster yes"))
