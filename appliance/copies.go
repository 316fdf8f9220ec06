package appliance

import (
	"context"
	"slices"

	"ledge/replay/cluster"
)

// Who copies a directory and has both served has two nodes with one id. In other nodes' views
// the one would take the place of the other, again and again. Once both have heard of each other
// one of them gets another id, so that they are two, of which one leads the shard and the other
// one serves nothing, or follows; see rivals.go.

// part gives the node another id if another node has that as well, and it is for this one to
// change. What does not work is tried again after a while.
func (m askPart) part(ctx context.Context) {
	m.mu.Lock()
	known := m.view != nil
	var other cluster.Record
	if known {
		other, known = m.view.Copy()
	}
	m.mu.Unlock()
	if !known {
		return
	}
	holding, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	release, err := m.n.repl.Hold(holding) // who writes down who leads has it, too
	if err != nil {
		return
	}
	defer release()
	id := newNodeID()
	if err := writeMember(m.n.dir, id); err != nil {
		m.n.cfg.Logger.Error("another node has this node's id, and it can't be written down that this one has another", "id", m.Self(), "at", other.Addr(false), "cause", err)
		return
	}
	m.n.cfg.Logger.Warn("another node has this node's id: one directory is a copy of the other. This node has another id from now on", "was", m.Self(), "is", id, "at", other.Addr(false))
	m.mu.Lock()
	defer m.mu.Unlock()
	records := slices.DeleteFunc(m.view.Records(), func(r cluster.Record) bool { return r.ID == other.ID })
	m.self.Store(&id)
	m.view = nil
	m.drawLocked()
	_, _ = m.view.Merge(append(records, other)) // what it does not take is heard anew
	m.heard.expect(other.ID, m.n.cfg.Clock())
	m.drawLocked()
}
