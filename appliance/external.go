package appliance

import (
	"context"
	"errors"
	"slices"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/standing"
)

// externalPart is a membership's part where a controller outside says who owns which slots,
// by documents. Each is one entry of the journal of the shard's leader. A node that follows
// keeps a document that it is told itself until its leader's journal brings it, so that it
// sends clients where the newest one says, and waits for nobody. It is for a node without a
// membership, too.
type externalPart struct{ *membership }

// errExternal refuses what would change who owns slots otherwise than by a document.
var errExternal = fault.With(fault.Refused, errors.New("a controller says who owns slots here, by CLUSTERX (cluster-authority external): there is nothing to change by hand"))

// errNotExternal refuses a controller's word where the journals say who owns slots.
var errNotExternal = fault.With(fault.Refused, errors.New("CLUSTERX is not enabled: start the node with --cluster yes and --cluster-authority external"))

// rulesLocked reports whether clients are told what a document says.
func (e externalPart) rulesLocked(custody *cluster.Custody) bool {
	return e.n.cfg.External() || custody.Topology != nil
}

// aheadLocked returns the document that is newer than the journal's, or nil. Once the journal
// has come to it, or past it, it is forgotten: a later one with FORCE may set the version back.
func (e externalPart) aheadLocked(custody *cluster.Custody) *cluster.Ahead {
	if a := e.ahead; a != nil && !a.Holds(custody.Topology) {
		e.ahead = nil
	}
	return e.ahead
}

// newestLocked returns the newest document that the node knows and its version, or -1.
func (e externalPart) newestLocked(custody *cluster.Custody) (version int64, d *cluster.Document) {
	if a := e.aheadLocked(custody); a != nil {
		return int64(a.Version), a.Document
	}
	if t := custody.Topology; t != nil {
		return int64(t.Version), t.Document
	}
	return -1, nil
}

// selfIn returns which node of a document the node is: what the controller calls it, or the
// one at its address, or the one of its own id.
func (e externalPart) selfIn(d *cluster.Document, given string, r role) string {
	if given != "" {
		return given
	}
	for _, n := range d.Nodes {
		if n.Port == r.port && n.Host == r.host {
			return n.ID
		}
	}
	return e.Self()
}

// speaksLocked reports whether the node says to others what its shard owns: while it leads and
// a document says that it should not, its journal need not be that shard's.
func (e externalPart) speaksLocked(custody *cluster.Custody, r role) bool {
	t := custody.Topology
	return t == nil || !r.leads || t.Master == e.selfIn(t.Document, e.given, r)
}

// chartLocked draws what clients are told.
func (e externalPart) chartLocked(nodes *cluster.Map, custody *cluster.Custody, r role) *cluster.Map {
	version, d := e.newestLocked(custody)
	if d == nil {
		return nodes.Uncharted()
	}
	records, t := e.view.Records(), custody.Topology
	c := cluster.Chart{Self: e.selfIn(d, e.given, r), Version: uint64(version), Document: d, Leads: r.leads,
		Dress: func(n *cluster.Node) { dress(n, records, nodes) }}
	if t != nil && t.Document == d && t.Master == d.MasterOf(c.Self) {
		c.Owned, c.Moved = custody, moved(d, e.view.Whereabouts(e.n.state.Moves(), e.failed), records)
	}
	drawn, err := c.Map()
	if err != nil { // a document is looked at before it is taken
		panic("appliance: map of a controller's document: " + err.Error())
	}
	return drawn
}

// moved returns what finds the node of a document to which a slot of the node's own shard has
// moved.
func moved(d *cluster.Document, at *cluster.Whereabouts, records []cluster.Record) func(slot uint16) string {
	lines := make(map[*cluster.Shard]string)
	return func(slot uint16) string {
		s := at.Of(slot)
		if s == nil || s.Leader() == nil {
			return ""
		}
		line, known := lines[s]
		if !known {
			line = lineOf(d, s.Leader().ID, records)
			lines[s] = line
		}
		return line
	}
}

// is reports whether a record is of a node of a document.
func is(r *cluster.Record, id, host string, port int) bool {
	if r.Left {
		return false
	}
	if r.Given != "" {
		return r.Given == id
	}
	return r.ID == id || r.Host == host && r.Port == port
}

// lineOf returns what a document calls the shard of the node with that record: its master.
func lineOf(d *cluster.Document, node string, records []cluster.Record) string {
	for i := range records {
		if records[i].ID != node {
			continue
		}
		for _, n := range d.Nodes {
			if is(&records[i], n.ID, n.Host, n.Port) {
				return d.MasterOf(n.ID)
			}
		}
	}
	return ""
}

// recordOf returns the record of a node of a document, or nil.
func recordOf(n *cluster.DocumentNode, records []cluster.Record) *cluster.Record {
	for i := range records {
		if is(&records[i], n.ID, n.Host, n.Port) {
			return &records[i]
		}
	}
	return nil
}

// dress adds to a node of a document what it has said of itself.
func dress(n *cluster.Node, records []cluster.Record, nodes *cluster.Map) {
	n.BusPort = n.Port + busAbove
	r := recordOf(&cluster.DocumentNode{ID: n.ID, Host: n.Host, Port: n.Port}, records)
	if r == nil {
		return
	}
	n.TLSPort, n.Number, n.Loading = r.TLSPort, r.Number, r.Loading
	if r.BusPort > 0 {
		n.BusPort = r.BusPort
	}
	if _, known := nodes.Find(r.ID); known != nil {
		n.Failed = known.Failed
	}
}

// documentWait bounds how long a document waits for the journal, which waits for the disk.
const documentWait = 3 * time.Second

// enterDocument has a document put into the journal.
func (e externalPart) enterDocument(ctx context.Context, version uint64, d *cluster.Document, force bool) error {
	e.mu.Lock()
	master := d.MasterOf(e.selfIn(d, e.given, e.role()))
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, documentWait)
	defer cancel()
	op := &journal.ClusterDocument{Version: version, Master: master, Force: force, Text: d.Text()}
	var before []cluster.Move
	if err := orders(e).enter(ctx, func(d *replay.Draft) error { before = d.Moves(); return d.Moving(op) }); err != nil {
		return err
	}
	e.warnTakenBack(before)
	e.mu.Lock()
	if e.ahead != nil && (e.ahead.Version <= version || force) {
		e.ahead = nil
	}
	e.mu.Unlock()
	e.moved()
	e.n.cfg.Logger.Info("a document of the cluster's controller was taken", "version", version, "nodes", len(d.Nodes), "shard_is", master)
	e.n.events.post(admin.Event{Kind: admin.EventTopology, Topology: &admin.Topology{What: "document", Cluster: cluster.External, Node: master}})
	return nil
}

// warnTakenBack says which slots a document that was forced has brought back, by the moves that
// there were before it.
func (e externalPart) warnTakenBack(before []cluster.Move) {
	now := e.n.state.Moves()
	for _, had := range before {
		i := slices.IndexFunc(now, func(m cluster.Move) bool { return m.ID == had.ID })
		if had.Side == journal.Source && had.Phase == cluster.Given && i >= 0 && now[i].Failed(journal.Source) {
			e.n.cfg.Logger.Warn("slots were taken back that another shard had been given; they hold all that they held when they were given, and nothing that the other one may have taken since",
				"move", had.ID, "slots", journal.SlotsText(had.Ranges), "shard", had.Shard, "cause", now[i].Cause)
		}
	}
}

// take takes a document that has been looked at, unless it is not newer than the newest one
// any more: another one may have come meanwhile.
func (e externalPart) take(ctx context.Context, version uint64, d *cluster.Document, force bool) error {
	if e.n.repl.Link().State == standing.LinkNone {
		return e.enterDocument(ctx, version, d, force)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	custody := e.n.state.Custody()
	if known, _ := e.newestLocked(custody); !force && int64(version) <= known {
		return cluster.ErrVersion
	}
	if a := e.aheadLocked(custody); a != nil && a.Force {
		force = true // it comes after one that was forced, which the journal has not got either
	}
	e.ahead = &cluster.Ahead{Version: version, Document: d, Force: force, Before: custody.Topology}
	e.drawLocked()
	return nil
}

// settle brings into the journal what it lacks, once the node leads: a document that the node
// was told while it followed, or which of the document's nodes it is. It is watch's.
func (e externalPart) settle(ctx context.Context) {
	if e.membership == nil || !e.n.cfg.External() || e.n.repl.Link().State != standing.LinkNone || e.n.loading.ready() != nil {
		return
	}
	custody := e.n.state.Custody()
	e.mu.Lock()
	a, r, given := e.aheadLocked(custody), e.role(), e.given
	e.mu.Unlock()
	var err error
	switch t := custody.Topology; {
	case a != nil:
		err = e.enterDocument(ctx, a.Version, a.Document, a.Force)
	case t != nil && t.Master != t.MasterOf(e.selfIn(t.Document, given, r)):
		err = e.enterDocument(ctx, t.Version, t.Document, false)
	}
	if errors.Is(err, cluster.ErrVersion) { // a newer one has come meanwhile
		err = nil
	}
	if text := fault.Line(err); text != e.unsettled {
		if e.unsettled = text; err != nil {
			e.n.cfg.Logger.Warn("the newest document of the cluster's controller is not in the journal yet; it is tried again", "cause", err)
		}
	}
}
