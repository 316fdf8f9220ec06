package appliance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/standing"
	"ledge/respd/command"
)

// What a controller has a node do by CLUSTERX.

var _ command.Controlled = externalPart{}

// Where the node's store has what a controller calls it.
const (
	givenTable = "controller"
	givenKey   = "node"
)

// kept returns what a controller called the node in an earlier run, or "".
func (e externalPart) kept() string {
	for _, row := range e.n.own.Range(givenTable, "", "") {
		if row.Key == givenKey && cluster.IsNodeID(string(row.Val)) {
			return string(row.Val)
		}
	}
	return ""
}

// Documented returns the version of the newest document, -1 before the first.
func (e externalPart) Documented() (int64, error) {
	if e.membership == nil || !e.n.cfg.External() {
		return 0, errNotExternal
	}
	return e.Map().Version, nil
}

// Given returns what the controller calls the node, be it by the node's address in a document;
// "" before it has said so.
func (e externalPart) Given() (string, error) {
	if _, err := e.Documented(); err != nil {
		return "", err
	}
	if id := e.givenNow(); id != "" {
		return id, nil
	}
	drawn := e.Map()
	if _, n := drawn.Find(drawn.Self); n == nil || drawn.Version < 0 {
		return "", nil
	}
	return drawn.Self, nil
}

func (e externalPart) givenNow() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.given
}

// SetGiven has the controller call the node so, also after a restart.
func (e externalPart) SetGiven(ctx context.Context, id string) error {
	switch _, err := e.Documented(); {
	case err != nil:
		return err
	case !cluster.IsNodeID(id):
		return cluster.ErrNodeID
	case e.givenNow() == id:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, documentWait)
	defer cancel()
	if err := e.n.own.PutSynced(ctx, givenTable, givenKey, []byte(id)); err != nil {
		return err
	}
	e.mu.Lock()
	e.given = id
	e.drawLocked()
	e.mu.Unlock()
	return nil // settle brings it into the journal
}

// SetDocument takes a document in place of the one before. It waits for no other node.
func (e externalPart) SetDocument(ctx context.Context, text string, version int64, force bool) error {
	known, err := e.Documented()
	switch {
	case err != nil:
		return err
	case version < 0 || !force && version < known:
		return cluster.ErrVersion
	case !force && version == known:
		return nil
	}
	d, err := cluster.ParseDocument(text)
	if err != nil {
		return err
	}
	err = e.take(ctx, uint64(version), d, force)
	if known, _ := e.Documented(); errors.Is(err, cluster.ErrVersion) && known == version {
		return nil // another one of that version was first
	}
	return err
}

// AssignSlots gives slots to a node of the newest document, by which that becomes the next.
func (e externalPart) AssignSlots(ctx context.Context, slots, node string, version int64) error {
	if _, err := e.Documented(); err != nil {
		return err
	}
	ranges, err := journal.ParseSlots(slots)
	if err != nil {
		return cluster.ErrRange
	}
	e.mu.Lock()
	known, d := e.newestLocked(e.n.state.Custody())
	e.mu.Unlock()
	switch {
	case d == nil || version <= 0 || version != known+1:
		return cluster.ErrVersion
	case !cluster.IsNodeID(node):
		return cluster.ErrNodeID
	}
	if d, err = d.Assign(ranges, node); err != nil {
		return err
	}
	return e.take(ctx, uint64(version), d, false)
}

// Why no move begins, in Kvrocks's words.
const (
	errNoTarget cluster.Wrong = "Can't find the destination node id"
	errNotMine  cluster.Wrong = "Can't migrate slot which doesn't belong to me"
	errAsSlave  cluster.Wrong = "Slave can't migrate slot"
	errToSlave  cluster.Wrong = "Can't migrate slot to a slave"
	errToMyself cluster.Wrong = "Can't migrate slot to myself"
)

// target returns the shard of a node of the newest document to which slots may move.
func (e externalPart) target(ranges []journal.SlotRange, node string) (to journal.Lineage, err error) {
	custody := e.n.state.Custody()
	drawn := e.Map()
	shard, n := drawn.Find(node)
	all, _, _ := custody.OwnsAll(ranges)
	heard := custody.Topology != nil
	if heard {
		heard, _ = custody.Topology.Documents(ranges)
	}
	switch {
	case n == nil:
		return 0, errNoTarget
	case e.n.repl.Link().State != standing.LinkNone:
		return 0, errAsSlave
	case !all, !heard:
		return 0, errNotMine
	case !n.Leads:
		return 0, errToSlave
	case shard == &drawn.Shards[0]:
		return 0, errToMyself
	}
	e.mu.Lock()
	records := e.view.Records()
	e.mu.Unlock()
	r := recordOf(&cluster.DocumentNode{ID: n.ID, Host: n.Host, Port: n.Port}, records)
	if r == nil {
		return 0, fmt.Errorf("node %s is not connected for moves: its NATS listener is looked for at %s, or at the port that CLUSTER MEET says, and both nodes need the cluster's secret",
			node, e.natsURLOf(n.Host, n.Port+busAbove))
	}
	lineage, err := strconv.ParseUint(strings.TrimLeft(r.Shard, "0"), 16, 64)
	return journal.Lineage(lineage), err
}

// Migrate begins a move of slots to the shard of another node. It waits for the end of it no
// longer than wait says, and reports whether it has come; none is that it does not wait.
func (e externalPart) Migrate(ctx context.Context, slots, node string, wait time.Duration) (ended bool, err error) {
	if _, err := e.Documented(); err != nil {
		return false, err
	}
	ranges, err := journal.ParseSlots(slots)
	if err != nil {
		return false, cluster.ErrRange
	}
	to, err := e.target(ranges, node)
	if err != nil {
		return false, err
	}
	id, err := e.mover.Begin(ctx, ranges, to)
	if err != nil || wait <= 0 {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		switch s, known := e.moveBy(id); {
		case !known || s.Over() && s.Move.Cause != "":
			return true, fmt.Errorf("the slots have not moved: %s", s.Move.Cause)
		case s.Over() || s.Phase == cluster.Taken:
			return true, nil
		}
		if !pause(ctx) {
			return false, nil
		}
	}
}

// moveBy returns the move of that id.
func (e externalPart) moveBy(id journal.MoveID) (s move.Status, known bool) {
	all := e.mover.Moves()
	if i := slices.IndexFunc(all, func(s move.Status) bool { return s.ID == id }); i >= 0 {
		return all[i], true
	}
	return s, false
}

// Migration returns the last move out of the node's shard: one that is under way, or else the
// last that has ended.
func (e externalPart) Migration() (m command.Migration, ok bool) {
	if e.membership == nil {
		return m, false
	}
	var last *cluster.Move
	all := e.n.state.Moves()
	for i := range all {
		if of := &all[i]; of.Side == journal.Source && (last == nil || !of.Over() || last.Over()) {
			last = of
		}
	}
	if last == nil {
		return m, false
	}
	m = command.Migration{Slots: journal.SlotsText(last.Ranges), Node: shardID(last.Shard), State: "start"}
	switch {
	case last.Over() && last.Cause != "":
		m.State = "fail"
	case last.Over() || last.Phase == cluster.Taken:
		m.State = "success"
	}
	m.Node = e.givenOf(m.Node)
	return m, true
}

// givenOf returns what the controller calls the leader of a shard, or else the shard's id.
func (e externalPart) givenOf(shard string) string {
	nodes := e.nodes()
	e.mu.Lock()
	defer e.mu.Unlock()
	_, d := e.newestLocked(e.n.state.Custody())
	for i := range nodes.Shards {
		s := &nodes.Shards[i]
		if s.ID != shard || s.Leader() == nil || d == nil {
			continue
		}
		if id := lineOf(d, s.Leader().ID, e.view.Records()); id != "" {
			return id
		}
	}
	return shard
}

// discard clears what the shard has kept of slots that the document gives to others.
func (e externalPart) discard(ctx context.Context, slots string) (c admin.Cluster, err error) {
	ranges, err := journal.ParseSlots(slots)
	if err != nil {
		return c, fault.With(fault.Refused, err)
	}
	if err := e.mover.Discard(ctx, ranges); err != nil {
		return c, err
	}
	return orders(e).changed(admin.Topology{What: "yielded", Cluster: cluster.External, Slots: journal.SlotsText(ranges)})
}
