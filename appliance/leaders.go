package appliance

import (
	"ledge/admin"
	"ledge/replay/cluster"
)

// leaders are the nodes that led the shards of a cluster when it was last known who does, by
// the shards' ids.
type leaders map[string]string

// note takes in who leads by a map, and returns the shards that another node leads than the
// one that was known to. Shards that are not in the map any more are let go.
func (l leaders) note(drawn *cluster.Map) (changed []*cluster.Shard) {
	there := make(map[string]bool, len(drawn.Shards))
	for i := range drawn.Shards {
		s := &drawn.Shards[i]
		there[s.ID] = true
		leader := s.Leader()
		if leader == nil {
			continue
		}
		if before, known := l[s.ID]; known && before != leader.ID {
			changed = append(changed, s)
		}
		l[s.ID] = leader.ID
	}
	for id := range l {
		if !there[id] {
			delete(l, id)
		}
	}
	return changed
}

// tellLeadersLocked has events and the log say which shards are led by another node now. The
// caller holds mu.
func (m *membership) tellLeadersLocked(drawn *cluster.Map) {
	for _, s := range m.leaders.note(drawn) {
		leader := s.Leader()
		m.n.cfg.Logger.Info("a shard of the cluster is led by another node", "shard", s.ID, "node", leader.Called(), "addr", leader.Addr(false))
		m.n.events.post(admin.Event{Kind: admin.EventTopology, Topology: &admin.Topology{What: "led", Cluster: drawn.Cluster, Shard: s.ID, Node: leader.ID, Name: leader.Name}})
	}
}
