package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/remote"
	"ledge/replay/standing"
)

// membership is the node's part in a cluster: what it has heard of the other nodes, and
// the map that clients are routed by. What the node's own shard owns is in the journal; the
// rest is heard of anew after each start.
type membership struct {
	n *Node
	// at is where Redis clients come, nil until the server listens. The first of them may
	// ask before the node knows its server.
	at  atomic.Pointer[net.TCPAddr]
	tls atomic.Int32 // the port for those with TLS, 0 for none

	mu     sync.Mutex
	view   *cluster.View   // mu
	heard  hearing         // mu
	failed map[string]bool // mu; those that were silent when the map was drawn

	// now is the map by which clients are routed, and what it was made of.
	now atomic.Pointer[charted]
}

// charted is a map and the custody that it was made with: when another one holds, the map
// is of the past.
type charted struct {
	*cluster.Map
	custody *cluster.Custody
	role    role
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
func newMembership(n *Node) *membership { return &membership{n: n, heard: make(hearing)} }

// A node that is none of a cluster's has no membership: what follows is for that, too.

// router returns what routes clients; nil is that all are served here.
func (m *membership) router() func() *cluster.Map {
	if m == nil {
		return nil
	}
	return m.Map
}

// listening is told where Redis clients come, and where those with TLS do, nil for nowhere.
func (m *membership) listening(at, tls net.Addr) {
	if m == nil {
		return
	}
	m.tls.Store(int32(portOf(tls)))
	if tcp, ok := at.(*net.TCPAddr); ok {
		m.at.Store(tcp)
	}
	m.moved()
}

// views is what the node's replication tells and hears of the cluster.
func (m *membership) views() remote.Views {
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
	defer m.mu.Unlock()
	m.freshLocked()
}

// watch is moved, each second until ctx ends.
func (m *membership) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for m != nil {
		m.moved()
		select {
		case <-tick.C:
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
	return m.drawLocked()
}

// freshLocked draws the map if the node is not what it was drawn for.
func (m *membership) freshLocked() {
	if c := m.now.Load(); c == nil || c.role != m.role() || c.custody != m.n.state.Custody() ||
		!maps.Equal(m.failed, m.silentLocked()) {
		m.drawLocked()
	}
}

// silentLocked returns the nodes that nobody has heard of for nodeTimeout.
func (m *membership) silentLocked() map[string]bool { return m.heard.silent(m.n.cfg.Clock()) }

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
func (m *membership) drawLocked() *cluster.Map {
	custody, role := m.n.state.Custody(), m.role()
	own := cluster.Record{Shard: shardID(role.lineage), NATS: m.n.natsURL(), Term: m.n.state.Epoch(), Owned: custody.Owned,
		Node: cluster.Node{ID: m.n.dir.member, Host: role.host, Port: role.port, TLSPort: role.tls, Leads: role.leads, Number: m.n.state.Pos().Seq}}
	if c := m.n.carrier(); c != nil {
		own.BusPort = portOf(c.Addr())
	}
	if m.view == nil || m.view.Cluster() != custody.Cluster {
		// Stamps go on from the clock, so that they grow from one run to the next.
		own.Stamp = uint64(m.n.cfg.Clock().UnixMilli())
		fresh := cluster.NewView(custody.Cluster, own)
		if m.view != nil { // the cluster has just been heard of
			_, _ = fresh.Merge(m.view.Records())
		}
		m.view = fresh
	} else {
		m.view.SetOwn(own)
	}
	m.failed = m.silentLocked()
	drawn, err := m.view.Map(m.failed)
	if err != nil { // what is taken into a view is checked before
		panic("appliance: map of the cluster: " + err.Error())
	}
	m.now.Store(&charted{drawn, custody, role})
	return drawn
}

// shardID is what the shard of a journal is called.
func shardID(l journal.Lineage) string { return fmt.Sprintf("%040x", uint64(l)) }

var _ remote.Views = (*membership)(nil)

// Cluster returns the cluster's id.
func (m *membership) Cluster() string { return m.n.state.Custody().Cluster }

// Self returns what the node is called in a cluster.
func (m *membership) Self() string { return m.n.dir.member }

// Leaderless reports whether it isn't known who leads the node's own shard.
func (m *membership) Leaderless() bool { return m.Map().Shards[0].Leader() == nil }

// Heard notes that a node was heard of so long ago, by whomever.
func (m *membership) Heard(id string, ago time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id != m.Self() {
		m.heard.note(id, m.n.cfg.Clock().Add(-ago))
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
	changed, err := m.view.Merge(records)
	for id := range m.view.Have() {
		if id != m.Self() {
			m.heard.expect(id, m.n.cfg.Clock())
		}
	}
	if changed {
		m.drawLocked()
	}
	return err
}

// allSlots is what a cluster begins with.
var allSlots = []journal.SlotRange{{First: 0, Last: journal.MaxSlot}}

// found makes the node's shard the owner of all slots, in a new cluster.
func (m *membership) found(ctx context.Context) (admin.Cluster, error) {
	if m.n.repl.Link().State != standing.LinkNone {
		return admin.Cluster{}, fault.With(fault.Refused, errors.New("the node follows another: found the cluster at its leader"))
	}
	p := &founding{cluster: newNodeID()}
	if err := m.n.writer.Propose(ctx, p); err != nil {
		return admin.Cluster{}, err
	}
	if p.err != nil {
		return admin.Cluster{}, p.err
	}
	m.moved()
	m.n.cfg.Logger.Info("cluster founded", "cluster", p.cluster)
	return m.status(), nil
}

// founding is the entry with which a cluster begins.
type founding struct {
	cluster string
	err     error
}

// Step emits the effect.
func (f *founding) Step(d *replay.Draft) bool {
	if f.err = d.FoundSlots(f.cluster, allSlots); f.err == nil {
		d.Seal(nil)
	}
	return false
}

// Settle takes why the entry is not in the journal.
func (f *founding) Settle(err error) {
	if err != nil {
		f.err = err
	}
}

// Done is for those who wait elsewhere than in Propose.
func (*founding) Done() {}

// status says how the cluster is, as the node has heard of it.
func (m *membership) status() admin.Cluster {
	drawn := m.Map()
	c := admin.Cluster{Cluster: drawn.Cluster, Node: drawn.Self, Assigned: drawn.Assigned(), Epoch: drawn.Epoch(), Shards: []admin.Shard{}}
	for i := range drawn.Shards {
		s := &drawn.Shards[i]
		shard := admin.Shard{ID: s.ID, Slots: journal.SlotsText(s.Ranges()), Count: s.Count(), Nodes: []admin.Member{}}
		for _, n := range s.Nodes {
			role := "replica"
			if n.Leads {
				role = "leader"
			}
			shard.Nodes = append(shard.Nodes, admin.Member{ID: n.ID, Redis: n.Addr(false), Role: role, Self: n.ID == drawn.Self, Failed: n.Failed})
		}
		c.Shards = append(c.Shards, shard)
	}
	return c
}

// inItsCluster refuses to start a node outside of the cluster that its journal is in: it
// would take writes to slots that are another shard's.
func inItsCluster(cfg *Config, s *replay.State) error {
	id := s.Custody().Cluster
	if id == "" || cfg.InCluster() {
		return nil
	}
	return optionFault("cluster", fmt.Errorf("the journal is one of cluster %s: start the node with --cluster yes", id))
}

// errNoCluster refuses what only a node of a cluster can do.
var errNoCluster = optionFault("cluster", errors.New("the node is in no cluster; start it with --cluster yes"))
