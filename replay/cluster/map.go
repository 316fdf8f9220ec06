// Package cluster says which node serves which hash slot, as clients are told of it. A
// Map is made of what is known and never changes: whoever learns more makes another and
// puts it in place of the first, so that no look-up takes a lock or waits for anybody.
package cluster

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"ledge/journal"
)

// Node is a node as clients are told of it.
type Node struct {
	ID   string // 40 hexadecimal digits, for the life of its directory
	Name string // what its operators call it; "" is that it does not say so
	Host string // where its Redis clients go
	Port int
	// TLSPort is where those with TLS go; 0 is that there is none.
	TLSPort int
	// BusPort is where its NATS clients go: Redis's tools call it the port of the
	// cluster's bus.
	BusPort int
	Leads   bool
	// Outdone says that the node says that it leads its shard, and another one counts more,
	// which is the leader that is shown; see Rival.
	Outdone bool
	// Number is that of the last batch that it is known to have.
	Number  journal.Seq
	Loading bool
	// Failed says that nothing was heard of the node for so long that clients do well to
	// leave it. It decides nothing.
	Failed bool
}

// PortFor returns the port for clients with TLS or without, or the one there is.
func (n *Node) PortFor(tls bool) int {
	if tls && n.TLSPort != 0 {
		return n.TLSPort
	}
	return n.Port
}

// Addr returns where the node's Redis clients go, with TLS or without.
func (n *Node) Addr(tls bool) string {
	return net.JoinHostPort(n.Host, strconv.Itoa(n.PortFor(tls)))
}

// Called returns what people know the node by: its name, or its id without one.
func (n *Node) Called() string { return cmp.Or(n.Name, n.ID) }

// Shard is nodes that hold the same slots: a leader and those that follow it.
type Shard struct {
	ID    string // that of its journal's lineage, as 40 digits
	Slots []journal.OwnedRange
	// Nodes are those that are known, the leader first. There may be no leader.
	Nodes []Node
}

// Leader returns the node that leads a shard, or nil if none is known.
func (s *Shard) Leader() *Node {
	if len(s.Nodes) > 0 && s.Nodes[0].Leads {
		return &s.Nodes[0]
	}
	return nil
}

// Count returns how many slots the shard has.
func (s *Shard) Count() (n int) {
	for _, r := range s.Slots {
		n += r.Len()
	}
	return n
}

// Map is who serves which slot. It must not be changed.
type Map struct {
	// Cluster is the cluster's id; "" while the node belongs to none.
	Cluster string
	// Self is the node whose map it is. It is a node of the first shard.
	Self   string
	Shards []Shard
	// External says that a controller outside gives the slots, by documents, and Version is
	// that of the newest, -1 before the first. The shards are the document's then.
	External bool
	Version  int64

	owners [journal.MaxSlot + 1]uint16 // which shard, counted from 1; 0 is none
	// slots are what each command asks for where some are held or others': a Hold, and
	// whether the node serves the slot.
	slots [journal.MaxSlot + 1]uint8
	held  bool // some slot is
	all   bool // it serves each slot
	leads bool // the node leads its shard, or says so
	// apart says that the node is not what a document says: it follows and should lead, or
	// the other way round. It answers nothing that concerns slots.
	apart bool
	// refused says that the node refuses all that concerns slots, until a person does something.
	refused bool
}

// mostShards bounds the shards of a Map.
const mostShards = 1 << 14

// New returns a Map of shards, the first of which is the node's own. An error says
// which slot two of them have.
func New(cluster, self string, shards ...Shard) (*Map, error) {
	if len(shards) == 0 || len(shards) > mostShards {
		return nil, fmt.Errorf("%d shards; want 1 to %d", len(shards), mostShards)
	}
	m := &Map{Cluster: cluster, Self: self, Shards: shards}
	for i, s := range shards {
		for _, r := range s.Slots {
			if r.First > r.Last || r.Last > journal.MaxSlot {
				return nil, fmt.Errorf("shard %s has slots %d to %d", s.ID, r.First, r.Last)
			}
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				if o := m.owners[slot]; o > 0 {
					return nil, fmt.Errorf("slot %d is of shard %s and of %s", slot, shards[o-1].ID, s.ID)
				}
				m.owners[slot] = uint16(i + 1)
			}
		}
	}
	// What comes to a node that is outdone is not sent elsewhere: it is told why nothing is
	// served there.
	me := m.Me()
	m.leads = me != nil && (me.Leads || me.Outdone)
	for slot := range m.owners {
		if m.leads && m.owners[slot] == 1 {
			m.slots[slot] = served
		}
	}
	m.all = m.leads && shards[0].Count() == len(m.owners)
	return m, nil
}

// Owner returns the shard that has a slot, or nil.
func (m *Map) Owner(slot uint16) *Shard {
	if o := m.owners[slot]; o > 0 {
		return &m.Shards[o-1]
	}
	return nil
}

// Own reports whether a slot is of the node's own shard.
func (m *Map) Own(slot uint16) bool { return m.owners[slot] == 1 && !m.apart }

// Serves reports whether the node serves all that concerns a slot: it leads the shard that
// has it.
func (m *Map) Serves(slot uint16) bool { return m.slots[slot]&served != 0 }

// ServesAll reports whether the node serves all slots, and none is held.
func (m *Map) ServesAll() bool { return m.all && !m.held }

// Me returns the node whose map it is.
func (m *Map) Me() *Node {
	for i := range m.Shards[0].Nodes {
		if n := &m.Shards[0].Nodes[i]; n.ID == m.Self {
			return n
		}
	}
	return nil
}

// Leads reports whether the node leads its shard, or says so though another one counts more.
func (m *Map) Leads() bool { return m.leads }

// Refusing returns the map of a node that refuses all that concerns slots.
func (m *Map) Refusing() *Map {
	r := *m
	r.refused = true
	return &r
}

// Refuses reports whether the node refuses all that concerns slots.
func (m *Map) Refuses() bool { return m.refused }

// Epoch returns the highest epoch at which a slot has come to its owner, or the version of a
// controller's newest document.
func (m *Map) Epoch() (e uint64) {
	if m.External {
		return uint64(max(0, m.Version))
	}
	for i := range m.Shards {
		e = max(e, m.Shards[i].Epoch())
	}
	return e
}

// EpochOf returns the epoch of a shard.
func (m *Map) EpochOf(s *Shard) uint64 {
	if m.External {
		return m.Epoch()
	}
	return s.Epoch()
}

// Epoch returns the highest epoch at which a slot has come to the shard.
func (s *Shard) Epoch() (e uint64) {
	for _, r := range s.Slots {
		e = max(e, r.Epoch)
	}
	return e
}

// epochAt returns the epoch at which a slot has come to the shard, 0 if it has not.
func (s *Shard) epochAt(slot uint16) uint64 {
	if o := (&Custody{Owned: s.Slots}).find(slot); o != nil {
		return o.Epoch
	}
	return 0
}

// Assigned returns how many slots have an owner.
func (m *Map) Assigned() (n int) {
	for i := range m.Shards {
		n += m.Shards[i].Count()
	}
	return n
}

// Find returns the node of that id and its shard, or nil.
func (m *Map) Find(id string) (*Shard, *Node) {
	for i := range m.Shards {
		for j := range m.Shards[i].Nodes {
			if n := &m.Shards[i].Nodes[j]; n.ID == id {
				return &m.Shards[i], n
			}
		}
	}
	return nil, nil
}

// Ranges returns the shard's slots without their epochs, in as few ranges as they are.
func (s *Shard) Ranges() (list []journal.SlotRange) {
	for _, r := range s.Slots {
		if n := len(list); n > 0 && list[n-1].Last+1 == r.First {
			list[n-1].Last = r.Last
		} else {
			list = append(list, r.SlotRange)
		}
	}
	return list
}

// EachRange calls fn with the ranges of all shards that have a node, in the order of
// their slots.
func (m *Map) EachRange(fn func(*Shard, journal.SlotRange)) {
	for slot := 0; slot <= journal.MaxSlot; {
		o, first := m.owners[slot], slot
		for slot <= journal.MaxSlot && m.owners[slot] == o {
			slot++
		}
		if o > 0 && len(m.Shards[o-1].Nodes) > 0 {
			fn(&m.Shards[o-1], journal.SlotRange{First: uint16(first), Last: uint16(slot - 1)})
		}
	}
}

// Failing returns how many slots are of shards whose leader has failed, or of which none
// is known.
func (m *Map) Failing() (n int) {
	for i := range m.Shards {
		if l := m.Shards[i].Leader(); l == nil || l.Failed {
			n += m.Shards[i].Count()
		}
	}
	return n
}
