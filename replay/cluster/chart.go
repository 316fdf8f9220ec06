package cluster

import (
	"slices"

	"ledge/journal"
)

// Chart is what a Map is made of where a controller's document says which nodes there are.
type Chart struct {
	Self    string // what the controller calls the node
	Version uint64
	*Document
	// Leads says that the node leads, whatever the document says.
	Leads bool
	// Owned is what the node's shard has by its journal; nil is that the journal has not got
	// the document. Then the node sends clients by it, and answers nothing itself.
	Owned *Custody
	// Moved returns the id of the node to which a slot has moved that the document gives to
	// the node's own shard, or "".
	Moved func(slot uint16) string
	// Dress adds what is known of a node beside the document. nil is nothing.
	Dress func(*Node)
}

// Map draws the map. The node's own shard is the first, and has no nodes if the document does
// not know the node.
func (c *Chart) Map() (*Map, error) {
	own := c.MasterOf(c.Self)
	shards := []Shard{{ID: own}}
	for _, n := range c.Nodes {
		if n.Master == "" && n.ID != own {
			shards = append(shards, Shard{ID: n.ID})
		}
	}
	at := make(map[string]int, len(shards))
	for i, s := range shards {
		at[s.ID] = i + 1
	}
	delete(at, "")
	for _, n := range c.Nodes {
		if i := at[c.MasterOf(n.ID)]; i > 0 {
			shards[i-1].Nodes = append(shards[i-1].Nodes, c.node(n))
		}
	}
	for i := range shards {
		slices.SortStableFunc(shards[i].Nodes, func(a, b Node) int { return order(b.Leads, a.Leads) })
	}
	c.give(shards, at, own)
	m, err := New(External, c.Self, shards...)
	if err != nil {
		return nil, err
	}
	m.External, m.Version = true, int64(c.Version)
	if line := c.Find(c.Self); line != nil && (line.Master == "") != c.Leads || c.Owned == nil {
		m.standApart()
	}
	return m, nil
}

// node returns a line as a node.
func (c *Chart) node(l DocumentNode) Node {
	n := Node{ID: l.ID, Host: l.Host, Port: l.Port, Leads: l.Master == ""}
	if c.Dress != nil {
		c.Dress(&n)
	}
	return n
}

// give gives the shards their slots.
func (c *Chart) give(shards []Shard, at map[string]int, own string) {
	var table [journal.MaxSlot + 1]int
	for slot := range table {
		n := uint16(slot)
		owner := c.Owner(n)
		switch {
		case c.Owned == nil:
		case c.Owned.Owns(n):
			owner = own
		case owner == own:
			owner = c.Moved(n)
		}
		table[slot] = at[owner]
	}
	for slot := 0; slot <= journal.MaxSlot; {
		o, first := table[slot], slot
		for slot <= journal.MaxSlot && table[slot] == o {
			slot++
		}
		if o > 0 {
			shards[o-1].Slots = append(shards[o-1].Slots, journal.OwnedRange{Epoch: c.Version,
				SlotRange: journal.SlotRange{First: uint16(first), Last: uint16(slot - 1)}})
		}
	}
}

// standApart has the node answer nothing that concerns slots.
func (m *Map) standApart() {
	m.apart, m.leads, m.all = true, false, false
	for slot := range m.slots {
		m.slots[slot] &^= served
	}
}

// Uncharted returns the map of a node of which no document says anything yet.
func (m *Map) Uncharted() *Map {
	none := *m
	none.External, none.Version = true, -1
	return &none
}
