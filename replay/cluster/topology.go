package cluster

import (
	"encoding/json"
	"errors"

	"ledge/journal"
)

// External is the id of every cluster whose slots a controller gives: it has no name of its
// own for one.
const External = "e000000000000000000000000000000000000000"

// Topology is the newest document that a journal has, and what has moved since then that the
// controller has not heard of. It does not change once it is made.
type Topology struct {
	Version uint64
	// Master is the id of the node that stands for the journal's shard; "" is none.
	Master string
	// Away are slots that the document gives to the shard, and that a move has taken to
	// another one.
	Away []journal.SlotRange
	// Came are slots that a move has brought, and that the document gives to another node.
	Came []Came
	*Document
}

// Came is slots that have come to a shard while a document gives them to the node From; "" is
// to none. Once a document gives them to any other node it is that which holds.
type Came struct {
	From   string              `json:"from,omitempty"`
	Ranges []journal.SlotRange `json:"ranges"`
}

// topologyRow is how a topology stands in the catalog.
type topologyRow struct {
	Version  uint64              `json:"version"`
	Master   string              `json:"master,omitempty"`
	Away     []journal.SlotRange `json:"away,omitempty"`
	Came     []Came              `json:"came,omitempty"`
	Document string              `json:"document"`
}

// Row returns the topology as the catalog has it.
func (t *Topology) Row() string {
	b, err := json.Marshal(topologyRow{t.Version, t.Master, t.Away, t.Came, t.Document.Text()})
	if err != nil {
		panic("cluster: " + err.Error()) // it has nothing that can't be written
	}
	return string(b)
}

// ParseTopology is the opposite of Row.
func ParseTopology(row string) (*Topology, error) {
	var r topologyRow
	if err := json.Unmarshal([]byte(row), &r); err != nil {
		return nil, err
	}
	d, err := ParseDocument(r.Document)
	if err != nil {
		return nil, err
	}
	t := &Topology{r.Version, r.Master, r.Away, r.Came, d}
	all := append([]Came{{Ranges: t.Away}}, t.Came...)
	for _, c := range all {
		for _, s := range c.Ranges {
			if s.First > s.Last || s.Last > journal.MaxSlot {
				return nil, errors.New("slots not in their form")
			}
		}
	}
	if t.Row() != row {
		return nil, errors.New("not in its form")
	}
	return t, nil
}

// Next returns the topology after another document. What has moved stays where it is until a
// document gives it to another shard than the one before has, which says that the controller
// has heard of it; force is that it holds whatever has moved. That a replica has taken the
// place of its master in the document is no such news.
func (t *Topology) Next(version uint64, master string, d *Document, force bool) *Topology {
	next := &Topology{Version: version, Master: master, Document: d}
	if t == nil || force {
		return next
	}
	next.Away = slotsOf(t.Away, func(slot uint16) bool { return master != "" && d.Owner(slot) == master })
	for _, c := range t.Came {
		next.came(c.Ranges, func(slot uint16) bool {
			owner := d.Owner(slot)
			return owner == c.From || owner != "" && c.From != "" && (t.MasterOf(owner) == c.From || d.MasterOf(c.From) == owner)
		})
	}
	return next
}

// came notes that those slots have come for which still says so, each from the node to which
// the document gives it.
func (t *Topology) came(ranges []journal.SlotRange, still func(slot uint16) bool) {
	from := make(map[string][]journal.SlotRange)
	var order []string
	for slot := range eachSlot(ranges) {
		if !still(slot) {
			continue
		}
		owner := t.Owner(slot)
		if from[owner] == nil {
			order = append(order, owner)
		}
		from[owner] = addSlot(from[owner], slot)
	}
	for _, owner := range order {
		t.Came = append(t.Came, Came{owner, from[owner]})
	}
}

// Gave returns the topology after a move has taken slots to another shard.
func (t *Topology) Gave(ranges []journal.SlotRange) *Topology {
	next := *t
	next.Away = slotsOf(union(t.Away, ranges), func(slot uint16) bool { return t.Master != "" && t.Owner(slot) == t.Master })
	next.Came = without(t.Came, ranges)
	return &next
}

// Took returns the topology after a move has brought slots.
func (t *Topology) Took(ranges []journal.SlotRange) *Topology {
	next := *t
	next.Away = slotsOf(t.Away, func(slot uint16) bool { return !in(ranges, slot) })
	next.Came = without(t.Came, ranges)
	next.came(ranges, func(slot uint16) bool { return t.Master == "" || t.Owner(slot) != t.Master })
	return &next
}

// Gives reports whether the shard has a slot by the document and what has moved since.
func (t *Topology) Gives(slot uint16) bool {
	for _, c := range t.Came {
		if in(c.Ranges, slot) {
			return true
		}
	}
	return t.Master != "" && t.Owner(slot) == t.Master && !in(t.Away, slot)
}

// Documents reports whether the document itself gives the shard all of some slots, and whether
// any.
func (t *Topology) Documents(ranges []journal.SlotRange) (all, any bool) {
	all = true
	for slot := range eachSlot(ranges) {
		own := t.Master != "" && t.Owner(slot) == t.Master
		all, any = all && own, any || own
	}
	return all, any
}

// GivesAll is Gives of all slots of some ranges.
func (t *Topology) GivesAll(ranges []journal.SlotRange) bool {
	for slot := range eachSlot(ranges) {
		if !t.Gives(slot) {
			return false
		}
	}
	return true
}

// GivesAny is Gives of one slot at least of some ranges.
func (t *Topology) GivesAny(ranges []journal.SlotRange) bool {
	for slot := range eachSlot(ranges) {
		if t.Gives(slot) {
			return true
		}
	}
	return false
}

// Owned returns what the shard owns, which owned something before: what it is given, but for
// slots that are just moving. Those are its own until they are given, and those that come
// to it are not before they are taken.
func (t *Topology) Owned(was []journal.OwnedRange, moves []Move) []journal.OwnedRange {
	var before, table [journal.MaxSlot + 1]uint64
	fill(&before, was)
	for slot := range table {
		if t.Gives(uint16(slot)) {
			table[slot] = max(before[slot], t.Version+1)
		}
	}
	for _, m := range moves {
		if m.Over() || m.Side == journal.Target && m.Phase == Taken {
			continue
		}
		for slot := range eachSlot(m.Ranges) {
			if m.Side == journal.Source && m.Phase == Copying {
				table[slot] = max(table[slot], before[slot])
			} else {
				table[slot] = 0
			}
		}
	}
	return collect(&table)
}

// in reports whether a slot is in one of some ranges.
func in(ranges []journal.SlotRange, slot uint16) bool {
	for _, r := range ranges {
		if r.First <= slot && slot <= r.Last {
			return true
		}
	}
	return false
}

// eachSlot goes over the slots of ranges.
func eachSlot(ranges []journal.SlotRange) func(func(uint16) bool) {
	return func(yield func(uint16) bool) {
		for _, r := range ranges {
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				if !yield(uint16(slot)) {
					return
				}
			}
		}
	}
}

// addSlot adds a slot above all others.
func addSlot(ranges []journal.SlotRange, slot uint16) []journal.SlotRange {
	if n := len(ranges); n > 0 && ranges[n-1].Last+1 == slot {
		ranges[n-1].Last = slot
		return ranges
	}
	return append(ranges, journal.SlotRange{First: slot, Last: slot})
}

// slotsOf returns those slots of ranges of which keep is so.
func slotsOf(ranges []journal.SlotRange, keep func(uint16) bool) (list []journal.SlotRange) {
	for slot := range eachSlot(ranges) {
		if keep(slot) {
			list = addSlot(list, slot)
		}
	}
	return list
}

// union returns the slots of both, in order.
func union(a, b []journal.SlotRange) (list []journal.SlotRange) {
	all := Shard{Slots: With(With(nil, a, 1), b, 1)}
	return all.Ranges()
}

// without returns what has come but for some slots.
func without(came []Came, ranges []journal.SlotRange) (list []Came) {
	for _, c := range came {
		if rest := slotsOf(c.Ranges, func(slot uint16) bool { return !in(ranges, slot) }); len(rest) > 0 {
			list = append(list, Came{c.From, rest})
		}
	}
	return list
}
