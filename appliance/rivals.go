package appliance

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/respd/resp"
)

// Two nodes may lead one shard: one was promoted while the other one lived, or came back later.
// Each hears of the other from the nodes of other shards, and by asking it. The one that counts
// less serves nothing until it follows, or the other one is forgotten. Which that is goes by
// the epoch at which each was made to lead: a start does not raise that.

// ledTable has one row, ledKey: the epoch at which the node was made to lead last.
const (
	ledTable = "led"
	ledKey   = "epoch"
)

// ledSince returns the epoch at which the node was made to lead: the one that its journal has
// come to if it was promoted just now, else what stands in its store, if anything does.
func (m askPart) ledSince(promoted bool) uint64 {
	led := m.n.state.Epoch()
	if row := m.n.own.Range(ledTable, ledKey, ""); !promoted && len(row) > 0 {
		if n, err := strconv.ParseUint(string(row[0].Val), 10, 64); err == nil && n > 0 && n <= led {
			return n
		}
	}
	_ = m.n.own.Put(ledTable, ledKey, strconv.AppendUint(nil, led, 10)) // it can only be closed
	return led
}

// handing is told that the node hands over or takes over its shard's lead, or that this has
// ended. Meanwhile two nodes may say that they lead, of which none is wrong.
func (m askPart) handing(on bool) {
	if m.membership == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hands = on
	if !on {
		m.drawLocked()
	}
}

// rivalLocked looks who else leads the shard, and has the map that is drawn next show that one
// as the leader if it counts more. The caller holds mu.
func (m askPart) rivalLocked() {
	if !m.hands && !m.term.began.IsZero() {
		m.term.rival, _ = m.view.Rival()
	}
	m.view.Outdo(m.term.rival.ID != "")
}

// refuseLocked settles what clients are refused with, if the node is not to serve its slots.
// It reports whether that is another refusal than the one before. The caller holds mu.
func (m askPart) refuseLocked(drawn *cluster.Map) (changed bool) {
	why := ""
	switch t := &m.term; {
	case t.rival.ID != "":
		r := t.rival
		why = fmt.Sprintf("node %s at %s leads this shard, too, and counts more: it was made to lead at epoch %d, this one at %d. Have this one follow it, or if it is gone for good: ledge cluster forget %s",
			r.ID, r.Addr(false), cmp.Or(r.Led, r.Term), t.led, r.ID)
	case !t.began.IsZero() && restoredPart(m).unprovenLocked(m.n.state.Custody()):
		why = restoredPart(m).waitsLocked()
	case t.asked && !t.heard && len(drawn.Shards) > 1 && m.n.live.Load().ClusterAlone == options.AloneRefuse:
		why = "no node of another shard was heard since this one leads, and cluster-alone is refuse"
	}
	if was := m.refused.Load(); was != nil && *was == why {
		return false
	}
	m.refused.Store(&why)
	poke(m.turned)
	return true
}

// refusal returns what all that concerns data is refused with, or nil. It takes no lock.
func (m askPart) refusal() error {
	if m.membership == nil {
		return nil
	}
	if why := m.refused.Load(); why != nil && *why != "" {
		return resp.Error("CLUSTERDOWN " + *why)
	}
	return nil
}

// say looks once more what is refused, which an option may have changed, has clients refused
// with that, and says in the log and by an event what has changed since it said it last.
func (m askPart) say(said string) (now string) {
	m.mu.Lock()
	if c := m.now.Load(); c != nil && m.refuseLocked(c.Map) {
		m.drawLocked() // clients are told of it
	}
	m.mu.Unlock()
	m.n.gate.judge()
	if why := m.refused.Load(); why != nil {
		now = *why
	}
	if now == said {
		return now
	}
	facts := healthFacts(m.n)
	h := m.n.report.HealthOf(facts, facts.Suspension)
	ev := admin.Event{Kind: admin.EventResumed, Health: &h}
	switch {
	case now == "" && m.n.repl.Link().State != standing.LinkNone:
		m.n.cfg.Logger.Info("the node refuses nothing any more for its part in the cluster: it follows, and its leader serves the slots")
	case now == "":
		m.n.cfg.Logger.Info("the slots of the node's shard are served again")
	default:
		ev.Kind, ev.Class, ev.Cause = admin.EventSuspended, fault.Operator.String(), now
		m.n.cfg.Logger.Error("the slots of the node's shard are not served", "cause", now, "class", fault.Operator)
	}
	m.n.events.post(ev)
	return now
}

// rivalEvery is how often another node is asked that leads the same shard, as far as was heard.
const rivalEvery = 2 * time.Second

// watchRivals asks them until ctx ends: the two come to know of each other though there may be
// no other shard whose nodes tell them.
func (m askPart) watchRivals(ctx context.Context) {
	if m.membership == nil {
		return
	}
	tick := time.NewTicker(rivalEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		asking, cancel := context.WithTimeout(ctx, askLimit)
		var busy sync.WaitGroup
		for _, at := range m.rivals() {
			busy.Go(func() { _ = m.peers.Ask(asking, at) }) // it is asked again
		}
		busy.Wait()
		cancel()
	}
}

// rivals returns where other nodes are asked that say they lead the shard that this one leads.
func (m askPart) rivals() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.term.began.IsZero() || m.view == nil || m.n.dir.secret.current() == "" {
		return nil
	}
	own := m.view.Own()
	for _, r := range m.view.Records() {
		if at := natsAt(r); r.Shard == own.Shard && r.ID != own.ID && r.Leads && !r.Left && at != "" {
			list = append(list, at)
		}
	}
	return list
}
