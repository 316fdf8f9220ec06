package appliance

import (
	"context"
	"fmt"
	"time"

	"ledge/appliance/options"
	"ledge/journal"
	"ledge/replay/cluster"
)

// A directory that a backup was restored into is a shard of its own, whose journal says that
// it owns the slots which the backed-up shard owned then. That one may have given some of them
// away since, and it may live. So nobody is told that the restored shard owns them, and it
// serves none, until another shard was heard, and no shard says that it owns one of them at the
// same epoch. What another one has at a higher epoch is that one's, as after a seizure.

// restoredPart is a membership's part in that.
type restoredPart struct{ *membership }

// unprovenLocked reports whether what the journal says of slots waits for others. The caller
// holds mu.
func (m restoredPart) unprovenLocked(custody *cluster.Custody) bool {
	return m.unproven && custody.Cluster != "" && custody.Topology == nil && !(m.lone && !m.term.heard)
}

// heardLocked has a node that has served its slots since nobody was heard ask now. The caller
// holds mu.
func (m restoredPart) heardLocked() {
	if m.unproven && m.lone {
		m.lone, m.term.asked, m.term.serves = false, false, false
		m.drawLocked()
	}
}

// waitsLocked returns what keeps a restored node from serving its slots, "" if nothing does any
// more. The caller holds mu.
func (m restoredPart) waitsLocked() string {
	l := m.n.live.Load()
	left := l.ClusterNodeTimeout - m.n.cfg.Clock().Sub(m.term.began)
	switch other, slots := m.view.Contested(m.n.state.Custody().Owned); {
	case len(slots) > 0:
		return fmt.Sprintf("the node was restored from a backup, and shard %s owns slots %s at the same epoch: is that what was restored? "+
			"Then have its nodes stopped, and after %s say here, for each of them: ledge cluster forget %s (that is the one at %s)",
			other.Shard, journal.SlotsText(slots), l.ClusterNodeTimeout, other.ID, other.Addr(false))
	case m.term.heard:
		return ""
	case l.ClusterAlone == options.AloneRefuse:
		return "the node was restored from a backup, no node of another shard was heard since it leads, and cluster-alone is refuse: start it where the others look for it, or run ledge cluster join URL"
	case left > 0:
		return fmt.Sprintf("the node was restored from a backup, and waits %s for a node of another shard to say which slots that one owns: start it where the others look for it, or run ledge cluster join URL",
			l.ClusterNodeTimeout)
	}
	return ""
}

// replace forgets nodes of which nothing was heard and whose place the restored node has taken:
// the others find it where they looked for them.
func (m restoredPart) replace() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.n.dir.wasRestored || m.term.began.IsZero() || m.view == nil {
		return
	}
	own, replaced := m.view.Own(), false
	for _, r := range m.view.Records() {
		if r.Shard != own.Shard && r.NATS == own.NATS && own.NATS != "" && m.failed[r.ID] && m.view.Forget(r.ID) {
			replaced = true
			delete(m.heard, r.ID)
			m.n.cfg.Logger.Info("a node is forgotten whose address this one has, which was restored from a backup", "id", r.ID)
		}
	}
	if replaced {
		m.drawLocked()
		m.peers.Wake()
	}
}

// prove has what the journal says of slots count, if nothing speaks against it, and reports
// whether it does. It is asked again and again.
func (m restoredPart) prove(ctx context.Context, began time.Time) bool {
	m.mu.Lock()
	custody := m.n.state.Custody()
	if !m.unprovenLocked(custody) {
		m.mu.Unlock()
		return true
	}
	why, alone := m.waitsLocked(), !m.term.heard
	m.mu.Unlock()
	if why != "" {
		return false
	}
	holding, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	release, err := m.n.repl.Hold(holding) // who writes down who leads has it, too
	if err != nil {
		return false
	}
	defer release()
	if err := writeProven(m.n.dir, alone); err != nil { // it asks again at the next start
		m.n.cfg.Logger.Warn("it can't be written down that the slots of the restored node's journal are its own", "cause", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.term.began.Equal(began) {
		return false
	}
	if alone != !m.term.heard { // somebody was heard just now
		return false
	}
	m.unproven, m.lone = alone, alone
	m.drawLocked()
	if alone {
		m.n.cfg.Logger.Warn("the restored node serves the slots of its journal until it hears of another shard: no node of one was heard")
	}
	return true
}

// contests reports whether it is that shard which keeps a restored node from serving its slots.
func (m restoredPart) contests(shard string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	custody := m.n.state.Custody()
	by, slots := m.view.Contested(custody.Owned)
	return m.unprovenLocked(custody) && len(slots) > 0 && by.Shard == shard
}

// waits is askPart.waits for a restored node.
func (m restoredPart) waits() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.unprovenLocked(m.n.state.Custody()) {
		return ""
	}
	return m.waitsLocked()
}
