package appliance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/peer"
	"ledge/replay/remote"
	"ledge/replay/standing"
)

// farewellLimit bounds how long a shard that leaves waits until the others have heard it.
const farewellLimit = 3 * time.Second

// orders is what operators have a node do with its part in a cluster.
type orders struct{ *membership }

// custodial is an entry of the journal about the shard's part in a cluster.
type custodial struct {
	emit func(*replay.Draft) error
	err  error
}

// Step emits the effect.
func (c *custodial) Step(d *replay.Draft) bool {
	if c.err = c.emit(d); c.err == nil {
		d.Seal(nil)
	}
	return false
}

// Settle takes why the entry is not in the journal.
func (c *custodial) Settle(err error) {
	if err != nil {
		c.err = err
	}
}

// Done is for those who wait elsewhere than in Propose.
func (*custodial) Done() {}

// enter has an entry put into the journal.
func (m orders) enter(ctx context.Context, emit func(*replay.Draft) error) error {
	p := &custodial{emit: emit}
	err := m.n.writer.Propose(ctx, p)
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.With(fault.Retryable, errJournalLate)
	}
	if err != nil {
		return err
	}
	return p.err
}

// errJournalLate is that the journal, which waits for the disk, has taken longer than whoever
// asked waits.
var errJournalLate = errors.New("the journal has not taken it in time, and may take it yet: ask again")

// leads refuses what only the node that leads its shard can do.
func (m orders) leads(verb string) error {
	if l := m.n.repl.Link(); l.State != standing.LinkNone {
		return fault.With(fault.Refused, fmt.Errorf("the node follows another: %s the cluster at its leader, %s", verb, options.ShownURL(l.Leader)))
	}
	return nil
}

// found makes the node's shard the owner of all slots, in a new cluster.
func (m orders) found(ctx context.Context) (admin.Cluster, error) {
	if err := m.leads("found"); err != nil {
		return admin.Cluster{}, err
	}
	id := newNodeID()
	if err := m.enter(ctx, func(d *replay.Draft) error { return d.FoundSlots(id, allSlots) }); err != nil {
		return admin.Cluster{}, err
	}
	return m.changed(admin.Topology{What: "founded", Cluster: id})
}

// changed has the cluster be what it is since something was done with it.
func (m orders) changed(t admin.Topology) (admin.Cluster, error) {
	m.moved()
	m.n.cfg.Logger.Info("the cluster was changed", "what", t.What, "cluster", t.Cluster, "node", t.Node, "slots", t.Slots)
	m.n.events.post(admin.Event{Kind: admin.EventTopology, Topology: &t})
	return m.status(), nil
}

// join makes the node's shard one of the cluster of the node at a URL.
func (m orders) join(ctx context.Context, at string) (c admin.Cluster, err error) {
	if err := m.leads("join"); err != nil {
		return c, err
	}
	at, err = options.LeaderURL(at)
	switch {
	case err != nil:
		return c, fault.With(fault.Refused, fmt.Errorf("%q: %w", options.ShownURL(at), err))
	case m.n.natsURL() == "":
		return c, fault.With(fault.Refused, errors.New("other shards reach the node by its NATS listener, and there is none: start it with --nats-listen ADDRESS"))
	case m.n.dir.secret.current() == "":
		return c, peer.ErrNoSecret
	}
	if err := remote.Probe(ctx, at); err != nil {
		return c, fault.With(fault.Refused, errors.New(strings.TrimPrefix(err.Error(), "ERR ")))
	}
	seen, reached, err := m.peers.Look(ctx, at)
	if err != nil {
		return c, fmt.Errorf("join the cluster of %s: %w", at, err)
	}
	custody, id := m.n.state.Custody(), string(seen.Cluster)
	switch keys := m.n.state.Keys(); {
	case id == "": // a node of one says which
		return c, fault.With(fault.Retryable, fmt.Errorf("%s does not say which cluster it is in", at))
	case custody.Cluster == id:
		return m.status(), seen.Merge(m.membership, reached)
	case custody.Cluster != "":
		return c, fault.With(fault.Refused, mixed(custody, at, id))
	case keys > 0:
		return c, fault.With(fault.Refused, fmt.Errorf("the node has %d keys, and would have no slots for them: back them up and empty it by FLUSHALL before it joins", keys))
	}
	if err := m.enter(ctx, func(d *replay.Draft) error { return d.Moving(&journal.ClusterJoin{Cluster: id}) }); err != nil {
		return c, err
	}
	m.moved()
	if err := seen.Merge(m.membership, reached); err != nil {
		return c, err
	}
	return m.changed(admin.Topology{What: "joined", Cluster: id})
}

// mixed says why a node does not go from its cluster to the one of another node.
func mixed(own *cluster.Custody, at, other string) error {
	if len(own.Owned) > 0 {
		return fmt.Errorf("the node owns slots in cluster %s, and %s is in cluster %s: two clusters can't become one", own.Cluster, at, other)
	}
	return fmt.Errorf("the node is in cluster %s, and %s is in cluster %s: ledge cluster leave ends the first", own.Cluster, at, other)
}

// leave ends that the node's shard is one of a cluster. The others hear of it first: once it
// has left there is nobody who would tell them.
func (m orders) leave(ctx context.Context) (c admin.Cluster, err error) {
	if err := m.leads("leave"); err != nil {
		return c, err
	}
	custody := m.n.state.Custody()
	if custody.Cluster == "" {
		return c, fault.With(fault.Refused, errors.New("the node is in no cluster"))
	}
	if err := m.mayLeave(custody); err != nil {
		return c, fault.With(fault.Refused, err)
	}
	if err := m.awaitCleared(ctx); err != nil {
		return c, err
	}
	missed, err := m.depart(ctx)
	if err != nil {
		return c, err
	}
	if missed > 0 {
		m.n.cfg.Logger.Warn("some shards have not heard that this one has left; if no other tells them, ledge cluster forget does", "shards", missed)
	}
	return m.changed(admin.Topology{What: "left", Cluster: custody.Cluster})
}

// mayLeave returns what keeps the shard in its cluster, or nil.
func (m orders) mayLeave(custody *cluster.Custody) error {
	if len(custody.Owned) > 0 {
		slots := 0
		for _, r := range custody.Owned {
			slots += r.Len()
		}
		return fmt.Errorf("the shard owns %d slots of the cluster: they have to be moved to other shards before it leaves", slots)
	}
	for _, mv := range m.n.state.Moves() {
		if !mv.Over() {
			return fmt.Errorf("move %s of slots is under way: it has to end before the shard leaves", mv.ID)
		}
	}
	return nil
}

// clearedWait bounds how long a shard that leaves waits until it has nothing of others' slots.
const clearedWait = 3 * time.Second

// awaitCleared waits until what is left of slots that the shard had is cleared: outside of the
// cluster it would count as the node's own.
func (m orders) awaitCleared(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clearedWait)
	defer cancel()
	for {
		left := m.mover.Pending()
		if left == 0 {
			return nil
		}
		if !pause(ctx) {
			return fault.With(fault.Retryable, fmt.Errorf("%d keys of slots that the shard had are not cleared yet (ledge_cluster_clear_pending_keys), which goes on by itself: ask again in a while", left))
		}
	}
}

// depart tells the others that the shard leaves, and then leaves. It returns how many have
// not heard it. If the journal does not take it, the node goes on telling that it is there.
func (m orders) depart(ctx context.Context) (missed int, err error) {
	m.mu.Lock()
	m.freshLocked()
	m.leaving = true
	gone := m.view.Departure()
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.leaving = false
	}()
	telling, cancel := context.WithTimeout(ctx, farewellLimit)
	defer cancel()
	missed = m.peers.Farewell(telling, gone)
	return missed, m.enter(ctx, func(d *replay.Draft) error { return d.Moving(&journal.ClusterLeave{}) })
}

// forget has a node that is gone for good be none of the cluster's any more.
func (m orders) forget(name string) (c admin.Cluster, err error) {
	drawn := m.nodes()
	s, n, err := findNode(drawn, name)
	id := name
	if n != nil {
		id = n.ID
	}
	switch {
	case drawn.Cluster == "":
		err = errors.New("the node is in no cluster")
	case err != nil:
	case id == drawn.Self:
		err = errors.New("that is this node: ledge cluster leave has its shard leave the cluster")
	case !n.Failed:
		err = fmt.Errorf("node %s was heard of less than %s ago: stop it, or have its shard leave by ledge cluster leave", id, m.n.live.Load().ClusterNodeTimeout)
	case len(s.Nodes) == 1 && s.Count() > 0 && !restoredPart(m).contests(s.ID):
		err = fmt.Errorf("node %s is the only one known of a shard that owns %d slots: nobody would know any more whose they are", id, s.Count())
	}
	if err != nil {
		return c, fault.With(fault.Refused, err)
	}
	m.mu.Lock()
	m.view.Forget(id)
	delete(m.heard, id)
	m.drawLocked()
	m.mu.Unlock()
	return m.changed(admin.Topology{What: "forgotten", Cluster: drawn.Cluster, Node: id})
}

// linksByShard returns how the node stands with the other shards, while it leads its own.
func linksByShard(m *membership) map[string]*admin.PeerLink {
	links := make(map[string]*admin.PeerLink)
	for _, l := range m.peers.Links() {
		p := &admin.PeerLink{Up: l.Up, Node: l.Node, Since: l.Since.UTC(), Cause: l.Cause}
		if !l.Heard.IsZero() {
			heard := l.Heard.UTC()
			p.Heard = &heard
		}
		links[l.Shard] = p
	}
	return links
}
