package cluster

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"ledge/journal"
)

// A View is what one node has heard of all nodes of its cluster. Nodes tell each other
// records, their own and those that they were told, in any order and as often as they
// like: of each node the record with the highest stamp counts, so that two nodes that have
// heard the same have the same view.

// Record is what a node says of itself.
type Record struct {
	Node
	Shard string // that of its journal's lineage, as 40 digits
	NATS  string // the URL at which other nodes reach it
	// Term is the epoch of the node's journal: of two that lead a shard, the one with the
	// higher one does.
	Term uint64
	// Stamp grows with each record that the node makes.
	Stamp uint64
	// Owned is what the journal says that its shard owns.
	Owned []journal.OwnedRange
}

// MostNodes bounds how many nodes a View takes.
const MostNodes = 1 << 10

// View is the records of a cluster's nodes. It belongs to one goroutine at a time.
type View struct {
	cluster string
	self    string
	records map[string]Record
}

// NewView returns the view of the node that has the record, which knows of no other.
func NewView(cluster string, own Record) *View {
	return &View{cluster: cluster, self: own.ID, records: map[string]Record{own.ID: own}}
}

// Cluster returns the cluster's id.
func (v *View) Cluster() string { return v.cluster }

// Own returns the node's own record.
func (v *View) Own() Record { return v.records[v.self] }

// SetOwn puts another record of the node itself in place of the one there is, with a stamp
// above that. It reports whether anything has changed.
func (v *View) SetOwn(r Record) (changed bool) {
	had := v.Own()
	r.ID, r.Stamp = had.ID, had.Stamp
	if same(had, r) {
		return false
	}
	r.Stamp++
	v.records[v.self] = r
	return true
}

// Merge takes what somebody else has said, and returns whether the view has changed. A
// record of the node itself that is newer than its own is of an earlier run, or of a
// copy of its directory: the node's own gets a stamp above it.
func (v *View) Merge(records []Record) (changed bool, err error) {
	for _, r := range records {
		had, known := v.records[r.ID]
		switch {
		case known && r.Stamp <= had.Stamp:
		case r.ID == v.self:
			had.Stamp = r.Stamp + 1
			v.records[r.ID], changed = had, true
		case !known && len(v.records) >= MostNodes:
			return changed, fmt.Errorf("there are %d nodes, and no more are taken", MostNodes)
		default:
			v.records[r.ID], changed = r, true
		}
	}
	return changed, nil
}

// Have returns the stamp of each node's record.
func (v *View) Have() map[string]uint64 {
	have := make(map[string]uint64, len(v.records))
	for id, r := range v.records {
		have[id] = r.Stamp
	}
	return have
}

// mostTold bounds how many ranges of slots are told at once, beside one record.
const mostTold = 4 << 10

// Newer returns records that somebody lacks who has those of have: all of them, or if
// they are long, some, after which the rest can be asked for.
func (v *View) Newer(have map[string]uint64) (list []Record) {
	ranges := 0
	for _, r := range v.Records() {
		if stamp, known := have[r.ID]; known && stamp >= r.Stamp {
			continue
		}
		if ranges += 8 + len(r.Owned); len(list) > 0 && ranges > mostTold {
			break
		}
		list = append(list, r)
	}
	return list
}

// Forget removes a node that is gone for good. It reports whether there was one; the node
// itself stays.
func (v *View) Forget(id string) bool {
	_, known := v.records[id]
	if known && id != v.self {
		delete(v.records, id)
		return true
	}
	return false
}

// Records returns all records, in the order of their ids.
func (v *View) Records() []Record {
	list := make([]Record, 0, len(v.records))
	for _, r := range v.records {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Record) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Hash is the same for views that have the same records.
func (v *View) Hash() uint64 {
	h := fnv.New64a()
	for _, r := range v.Records() {
		fmt.Fprintf(h, "%s %d\n", r.ID, r.Stamp)
	}
	return h.Sum64()
}

// same reports whether two records of a node say the same. Its last number changes with
// each write, and is told with what else changes.
func same(a, b Record) bool {
	a.Number, b.Number = 0, 0
	return a.Node == b.Node && a.Shard == b.Shard && a.NATS == b.NATS && a.Term == b.Term && a.Stamp == b.Stamp &&
		slices.Equal(a.Owned, b.Owned)
}

// Map returns who serves which slot as far as the view knows, with those nodes failed that
// are among failed. What the node knows by its own journal is so whatever it hears: which
// slots its shard owns, and that it leads. Of two other shards that claim a slot, the one
// that has come to it at the higher epoch has it, and at the same epoch, which a shard that
// was cloned may have, the one of the lower id.
func (v *View) Map(failed map[string]bool) (*Map, error) {
	shards := v.shards()
	for i := range shards {
		for j := range shards[i].Nodes {
			n := &shards[i].Nodes[j]
			n.Failed = failed[n.ID]
		}
	}
	var owner [journal.MaxSlot + 1]struct {
		epoch uint64
		shard int // counted from 1
	}
	for i, s := range shards {
		for _, r := range s.Slots {
			if r.First > r.Last || r.Last > journal.MaxSlot {
				return nil, fmt.Errorf("shard %s has slots %d to %d", s.ID, r.First, r.Last)
			}
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				o := &owner[slot]
				if o.shard == ownShard {
					continue
				}
				if r.Epoch > o.epoch || r.Epoch == o.epoch && s.ID < shards[o.shard-1].ID {
					o.epoch, o.shard = r.Epoch, i+1
				}
			}
		}
	}
	for i := range shards {
		shards[i].Slots = nil
	}
	for slot := 0; slot <= journal.MaxSlot; {
		o, first := owner[slot], slot
		for slot <= journal.MaxSlot && owner[slot] == o {
			slot++
		}
		if o.shard > 0 {
			s := &shards[o.shard-1]
			s.Slots = append(s.Slots, journal.OwnedRange{Epoch: o.epoch,
				SlotRange: journal.SlotRange{First: uint16(first), Last: uint16(slot - 1)}})
		}
	}
	return New(v.cluster, v.self, shards...)
}

// ownShard is which shard is the node's own, of those that shards returns.
const ownShard = 1

// shards returns the nodes by shard, the node's own shard first and the leader of each
// first. What a shard owns is what the newest record of its journal says, and what the
// node's own owns is what its own journal does, whatever others say.
func (v *View) shards() (list []Shard) {
	own := v.Own().Shard
	records := v.Records()
	slices.SortStableFunc(records, func(a, b Record) int {
		return cmp.Or(-order(a.Shard == own, b.Shard == own), cmp.Compare(a.Shard, b.Shard),
			-order(a.ID == v.self && a.Leads, b.ID == v.self && b.Leads), -order(a.Leads, b.Leads), -cmp.Compare(a.Term, b.Term), -cmp.Compare(a.Number, b.Number))
	})
	var newest Record
	for _, r := range records {
		if len(list) == 0 || list[len(list)-1].ID != r.Shard {
			list, newest = append(list, Shard{ID: r.Shard}), Record{}
		}
		s := &list[len(list)-1]
		if len(s.Nodes) > 0 {
			r.Leads = false // the first has taken its place
		}
		s.Nodes = append(s.Nodes, r.Node)
		if s.ID == own {
			s.Slots = v.Own().Owned
		} else if newest.ID == "" || r.Term > newest.Term || r.Term == newest.Term && r.Number > newest.Number {
			newest, s.Slots = r, r.Owned
		}
	}
	return list
}

// order is cmp.Compare of truth.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
