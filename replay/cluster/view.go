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
// like: of each node the record with the latest stamp counts, so that two nodes that have
// heard the same have the same view.

// Record is what a node says of itself.
type Record struct {
	Node
	Shard string // that of its journal's lineage, as 40 digits
	NATS  string // the URL at which other nodes reach it
	// Term is the epoch of the node's journal.
	Term uint64
	// Led is the epoch at which the node was made to lead, 0 if it follows or does not say so:
	// of two that lead a shard, the one with the higher one counts; see Rival.
	Led uint64
	// Stamp is a later one for each record that the node makes, 1 to MaxStamp.
	Stamp uint64
	// Run is of the node's run alone: records of the node's id with others are of earlier runs,
	// or of a copy of its directory. Beside is the run of the last such record that the node
	// had heard of. An older program says neither.
	Run, Beside string
	// Owned is what the journal says that its shard owns.
	Owned []journal.OwnedRange
	// Lent is what the node's shard has given to others. The node sends clients there before
	// it has heard that they own it; others are told that it is still owned here, so that
	// there is no time at which nobody is known to have it.
	Lent []Lent
	// Left says that the node is none of the cluster's any more: it has left, or somebody
	// has said that it is gone for good. If it is not, it makes a record with a later stamp.
	Left bool
	// Given is what a controller outside calls the node; "" is that none has said so.
	Given string
}

// Lent is slots that were given to another shard.
type Lent struct {
	Ranges []journal.SlotRange
	Epoch  uint64 // at which that shard has them
	To     string // its id
}

// told returns the record as others hear it.
func (r Record) told() Record {
	for _, l := range r.Lent {
		r.Owned = With(r.Owned, l.Ranges, l.Epoch-1)
	}
	r.Lent = nil
	return r
}

// MostNodes bounds how many nodes a View takes, those that have left included.
const MostNodes = 1 << 10

// mostLeft bounds the records of nodes that have left. They are kept so that nobody who has
// not heard of that tells of the node again.
const mostLeft = 1 << 7

// View is the records of a cluster's nodes. It belongs to one goroutine at a time.
type View struct {
	cluster string
	self    string
	records map[string]Record
	copy    Record // see Copy
	outdone bool   // see Outdo
}

// NewView returns the view of the node that has the record, which knows of no other.
func NewView(cluster string, own Record) *View {
	return &View{cluster: cluster, self: own.ID, records: map[string]Record{own.ID: own}}
}

// Cluster returns the cluster's id.
func (v *View) Cluster() string { return v.cluster }

// Own returns the node's own record.
func (v *View) Own() Record { return v.records[v.self] }

// SetOwn puts another record of the node itself in place of the one there is, with a later
// stamp. It reports whether anything has changed.
func (v *View) SetOwn(r Record) (changed bool) {
	had := v.Own()
	r.ID, r.Stamp, r.Beside = had.ID, had.Stamp, had.Beside
	if same(had, r) {
		return false
	}
	r.Stamp = nextStamp(r.Stamp)
	v.records[v.self] = r
	v.copy = Record{} // if it is there, it is heard again, as it stands to what the node is now
	return true
}

// Merge takes what somebody else has said, and returns whether the view has changed. A
// record of the node itself that is newer than its own is of an earlier run, or of a
// copy of its directory: the node's own gets the stamp after it.
func (v *View) Merge(records []Record) (changed bool, err error) {
	for _, r := range records {
		had, known := v.records[r.ID]
		switch {
		case r.ID == v.self:
			if !notLater(r.Stamp, had.Stamp) {
				v.overtake(r)
				changed = true
			}
		case known && !later(r.Stamp, had.Stamp):
		case !known && !r.Left && len(v.records) >= MostNodes && !v.dropLeft(0):
			return changed, fmt.Errorf("there are %d nodes, and no more are taken", MostNodes)
		case !known && r.Left && len(v.records) >= MostNodes: // nobody here knows the node
		default:
			v.records[r.ID], changed = r, true
			v.dropLeft(mostLeft)
		}
	}
	return changed, nil
}

// dropLeft forgets, of more than so many nodes that have left, the one with the lowest stamp.
// It reports whether there was one.
func (v *View) dropLeft(most int) bool {
	n, oldest := 0, Record{}
	for _, r := range v.records {
		if r.Left {
			if n++; oldest.ID == "" || r.Stamp < oldest.Stamp || r.Stamp == oldest.Stamp && r.ID < oldest.ID {
				oldest = r
			}
		}
	}
	if n > most {
		delete(v.records, oldest.ID)
	}
	return n > most
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
		if stamp, known := have[r.ID]; known && notLater(r.Stamp, stamp) {
			continue
		}
		r = r.told()
		if ranges += 8 + len(r.Owned); len(list) > 0 && ranges > mostTold {
			break
		}
		list = append(list, r)
	}
	return list
}

// Forget has a node that is gone for good count as one that has left. It reports whether
// there was one; the node itself stays.
func (v *View) Forget(id string) bool {
	r, known := v.records[id]
	if !known || id == v.self || r.Left {
		return false
	}
	v.records[id] = r.gone()
	v.dropLeft(mostLeft)
	return true
}

// gone returns the record that says that its node has left.
func (r Record) gone() Record {
	r.Leads, r.Led, r.Loading, r.Owned, r.Stamp, r.Left = false, 0, false, nil, nextStamp(r.Stamp), true
	return r
}

// Departure returns the records which say that all nodes of the node's own shard have left.
func (v *View) Departure() (list []Record) {
	for _, r := range v.Records() {
		if r.Shard == v.Own().Shard && !r.Left {
			list = append(list, r.gone())
		}
	}
	return list
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
	return a.Node == b.Node && a.Shard == b.Shard && a.NATS == b.NATS && a.Term == b.Term && a.Led == b.Led && a.Stamp == b.Stamp && a.Left == b.Left && a.Given == b.Given &&
		slices.Equal(a.Owned, b.Owned) && slices.EqualFunc(a.Lent, b.Lent, func(a, b Lent) bool {
		return a.Epoch == b.Epoch && a.To == b.To && slices.Equal(a.Ranges, b.Ranges)
	})
}

// Map returns who serves which slot as far as the view knows, with those nodes failed that
// are among failed. What the node knows by its own journal is so whatever it hears: which
// slots its shard owns, unless another one has them at a higher epoch, and that it leads,
// unless it was outdone. Of two other shards that claim a slot, the one
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
	var owners [journal.MaxSlot + 1]slotOwner
	for i, s := range shards {
		lost := v.cluster == External && s.lost() // it need not have heard the newest document
		for _, r := range s.Slots {
			if r.First > r.Last || r.Last > journal.MaxSlot {
				return nil, fmt.Errorf("shard %s has slots %d to %d", s.ID, r.First, r.Last)
			}
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				owners[slot].claim(shards, i, r.Epoch, lost)
			}
		}
	}
	v.lend(shards, &owners)
	for i := range shards {
		shards[i].Slots = nil
	}
	for slot := 0; slot <= journal.MaxSlot; {
		o, first := owners[slot], slot
		for slot <= journal.MaxSlot && owners[slot] == o {
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
	records := slices.DeleteFunc(v.Records(), func(r Record) bool { return r.Left })
	slices.SortStableFunc(records, func(a, b Record) int {
		return cmp.Or(-order(a.Shard == own, b.Shard == own), cmp.Compare(a.Shard, b.Shard),
			-order(v.leads(&a), v.leads(&b)), -order(a.Leads, b.Leads), contend(&a, &b), -cmp.Compare(a.Term, b.Term), -cmp.Compare(a.Number, b.Number))
	})
	var newest Record
	for _, r := range records {
		if len(list) == 0 || list[len(list)-1].ID != r.Shard {
			list, newest = append(list, Shard{ID: r.Shard}), Record{}
		}
		s := &list[len(list)-1]
		replaced := r.Leads && len(s.Nodes) > 0 // by the first
		r.Leads, r.Outdone = r.Leads && !replaced, replaced
		s.Nodes = append(s.Nodes, r.Node)
		if s.ID == own {
			s.Slots = v.Own().Owned
		} else if !replaced && (newest.ID == "" || r.Term > newest.Term || r.Term == newest.Term && r.Number > newest.Number) {
			newest, s.Slots = r, r.Owned
		}
	}
	return list
}

// leads reports whether a record is of the view's own node, which leads whatever others say.
func (v *View) leads(r *Record) bool { return r.ID == v.self && r.Leads && !v.outdone }

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
