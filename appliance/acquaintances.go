package appliance

import (
	"encoding/json"
	"slices"

	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// Other nodes of the cluster stand in the node's own store as they were last heard of, so that
// nodes that are all started again find each other. That such a record is out of date does no
// harm: of two records of a node the later one counts, and of two shards that say they own
// a slot the one with the higher epoch.

// acquaintances is a membership's part in what is kept of other nodes.
type acquaintances struct{ *membership }

// acquaintanceTable has a row for each of them, by its id.
const acquaintanceTable = "nodes"

// remember has the store keep what was heard of the other nodes.
func (m acquaintances) remember() {
	m.mu.Lock()
	var records []cluster.Record
	in := ""
	if m.view != nil {
		in, records = m.view.Cluster(), m.view.Records()
	}
	m.mu.Unlock()
	if in == "" { // none, or the journal has not been read yet
		return
	}
	known := make(map[string]bool)
	for _, r := range records {
		if r.ID == m.Self() {
			continue
		}
		known[r.ID] = true
		if kept := settled(r); m.kept[r.ID] != kept {
			b, err := json.Marshal(wire.View{Node: wire.NodeID(r.ID), Cluster: wire.NodeID(in), Records: []wire.NodeRecord{wire.RecordOf(r)}})
			if err == nil && m.n.own.Put(acquaintanceTable, r.ID, b) == nil {
				m.kept[r.ID] = kept
			}
		}
	}
	for _, row := range m.n.own.Range(acquaintanceTable, "", "") {
		if !known[row.Key] {
			delete(m.kept, row.Key)
			_ = m.n.own.Delete(acquaintanceTable, row.Key) // it can only be closed
		}
	}
}

// settled returns what of a record does not change with each write of its node.
func settled(r cluster.Record) string {
	r.Stamp, r.Number, r.Loading = 0, 0, false
	b, _ := json.Marshal(wire.RecordOf(r)) // it never fails
	return string(b)
}

// remembered returns the nodes of a cluster that an earlier run has heard of.
func (m acquaintances) remembered(in string) (list []cluster.Record) {
	for _, row := range m.n.own.Range(acquaintanceTable, "", "") {
		var v wire.View
		if json.Unmarshal(row.Val, &v) != nil || v.Check() != nil || string(v.Cluster) != in {
			continue // what can't be read is heard anew
		}
		for _, r := range v.All("") {
			if r.ID == row.Key && r.ID != m.Self() {
				list = append(list, r)
			}
		}
	}
	return list
}

// recallLocked has a view have the nodes of which an earlier run has heard.
func (m acquaintances) recallLocked(in string) {
	if in == "" {
		return
	}
	records := m.remembered(in)
	_, _ = m.view.Merge(records) // what it does not take is heard anew
	for _, r := range records {
		m.heard.expect(r.ID, m.n.cfg.Clock())
	}
}

// keptLocked returns which records are of use in a cluster that the node is one of from now
// on: all of them if it has just been heard of, and those of the node's own shard if the
// shard has left one.
func (m acquaintances) keptLocked(next string) []cluster.Record {
	own := m.view.Own().Shard
	return slices.DeleteFunc(m.view.Records(), func(r cluster.Record) bool { return next == "" && r.Shard != own })
}
