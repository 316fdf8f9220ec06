package replay

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/catalog"
	"ledge/replay/cluster"
	"ledge/replay/snapshot"
	"ledge/replay/value"
)

// slots is the catalog's table of custody: which hash slots this journal's shard owns. A
// row's key is the first slot of a range as five digits, its value the last one and the
// epoch of all of them. The row clusterRow has the cluster's id.
var slots = clusterTable("slots")

// clusterTable returns a table of the catalog about the shard's part in a cluster. Snapshots
// know it by that name.
func clusterTable(name string) *catalog.Table {
	return &catalog.Table{Name: name, Digest: snapshot.TableDigest, Share: func(d journal.Digest) journal.Digest {
		share, _ := snapshot.TableShare(name, d)
		return share
	}}
}

const clusterRow = "cluster"

// Why a cluster is not founded.
var (
	errFounded        = errors.New("the journal belongs to a cluster already")
	errNothingFounded = errors.New("a cluster has an id and a slot at least")
	errNoCluster      = errors.New("the journal belongs to no cluster")
	errOwner          = errors.New("the shard owns slots, or moves some")
)

// applySlotsFound is apply for the effect that begins a custody.
func applySlotsFound(s store, o *journal.SlotsFound) error {
	c, err := s.catalog()
	if err != nil {
		return err
	}
	if _, ok := c.Get(slots, clusterRow); ok {
		return errFounded
	}
	if o.Cluster == "" || len(o.Ranges) == 0 {
		return errNothingFounded
	}
	err = c.Set(slots, clusterRow, o.Cluster)
	for _, r := range o.Ranges {
		if err == nil {
			key, val := ownedRow(journal.OwnedRange{SlotRange: r, Epoch: 1})
			err = c.Set(slots, key, val)
		}
	}
	return err
}

// applyJoin is apply for the effect by which a shard that owns nothing joins a cluster.
func applyJoin(c catalog.Writer, o *journal.ClusterJoin) error {
	if _, ok := c.Get(slots, clusterRow); ok {
		return errFounded
	}
	if o.Cluster == "" {
		return errNothingFounded
	}
	return c.Set(slots, clusterRow, o.Cluster)
}

// applyLeave is the opposite of applyJoin. What moves have ended is forgotten. Rows of slots that
// the shard had are shown from then on; Draft.Moving does not let it come to that.
func applyLeave(c catalog.Writer) error {
	custody, err := custodyOf(c)
	if err != nil {
		return err
	}
	list, err := movesOf(c)
	switch {
	case err != nil:
		return err
	case custody.Cluster == "":
		return errNoCluster
	case len(custody.Owned) > 0 || slices.ContainsFunc(list, func(m cluster.Move) bool { return !m.Over() }):
		return errOwner
	}
	if err := c.Clear(moves); err != nil {
		return err
	}
	return c.Clear(slots)
}

// custodyOf reads the custody out of a catalog, as it is or as a draft changes it. An
// error says which row can't be one.
func custodyOf(r catalog.Reader) (*cluster.Custody, error) {
	c, next := new(cluster.Custody), 0 // next is the first slot that may be
	for key, val := range catalog.RowsOf(r, slots).All() {
		if key == clusterRow && val != "" {
			c.Cluster = val
			continue
		}
		if key == topologyRow {
			t, err := cluster.ParseTopology(val)
			if err != nil {
				return nil, fmt.Errorf("row %s of the slots: %w", key, err)
			}
			c.Topology = t
			continue
		}
		o, err := parseOwned(key, val)
		if err != nil || int(o.First) < next {
			return nil, fmt.Errorf("row %.64q of the slots is %.64q", key, val)
		}
		next = int(o.Last) + 1
		c.Owned = append(c.Owned, o)
	}
	if c.Topology != nil && c.Cluster != cluster.External {
		return nil, fmt.Errorf("a controller's document in cluster %.64q", c.Cluster)
	}
	if c.Cluster == "" && len(c.Owned) > 0 {
		return nil, fmt.Errorf("%d ranges of slots in cluster %.64q", len(c.Owned), c.Cluster)
	}
	return c, nil
}

// parseOwned is the opposite of ownedRow.
func parseOwned(key, val string) (o journal.OwnedRange, err error) {
	last, epoch, _ := strings.Cut(val, " ")
	a, err1 := strconv.ParseUint(key, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	e, err3 := strconv.ParseUint(epoch, 10, 64)
	o = journal.OwnedRange{SlotRange: journal.SlotRange{First: uint16(a), Last: uint16(b)}, Epoch: e}
	if err := errors.Join(err1, err2, err3); err != nil {
		return o, err
	}
	if k, v := ownedRow(o); k != key || v != val || b > journal.MaxSlot || a > b || e == 0 {
		return o, errors.New("not in its form")
	}
	return o, nil
}

// ownedRow returns the row of a range.
func ownedRow(o journal.OwnedRange) (key, val string) {
	return fmt.Sprintf("%05d", o.First), fmt.Sprintf("%d %d", o.Last, o.Epoch)
}

// soundCustody is custodyOf where no row can be wrong: effects are checked when they are
// read, and a snapshot's rows when they are loaded.
func soundCustody(r catalog.Reader) *cluster.Custody {
	c, err := custodyOf(r)
	if err != nil {
		panic("replay: " + err.Error())
	}
	return c
}

// Custody returns which slots the shard owns, as the draft has changed it if there is one.
func (v *View) Custody() *cluster.Custody {
	if v.over != nil {
		return soundCustody(&v.over.cat)
	}
	return v.s.Custody()
}

// Custody returns which slots the shard owns. It takes no lock.
func (s *State) Custody() *cluster.Custody { return s.custody.Load() }

// FoundSlots makes the shard the owner of ranges in the cluster of that id. It is refused
// if the journal has belonged to one.
func (d *Draft) FoundSlots(id string, ranges []journal.SlotRange) error {
	if d.Custody().Cluster != "" {
		return fault.With(fault.Refused, errFounded)
	}
	if id == "" || len(ranges) == 0 {
		return fault.With(fault.Refused, errNothingFounded)
	}
	return d.emit(&journal.SlotsFound{Cluster: id, Ranges: ranges})
}

// settleCustody derives what follows from the catalog's custody, after it may have
// changed. The caller holds the state's lock alone.
func (s *State) settleCustody() {
	s.settleMoves()
	if s.custodyAt == s.cat.Version(slots) {
		return
	}
	s.custodyAt = s.cat.Version(slots)
	s.custody.Store(soundCustody(s.cat))
	s.shown = shownOf(s.Custody())
	for _, db := range s.dbs {
		if db.slots == nil && s.Custody().Cluster != "" {
			db.slots = newSums(nil)
			db.slots.countAll(&db.dict)
		}
		if db.slots != nil {
			db.slots.show(s.shown)
			db.passedDead.to.Store(nil)
			db.passedFields.to.Store(nil)
		}
	}
}

// SlotKeys returns how many keys of database n are in a slot, expired ones among them that
// are not removed yet; 0 if they are hidden. In a draft it is as it was before the draft.
func (v *View) SlotKeys(n journal.DB, slot uint16) int {
	if !v.shown().has(slot) {
		return 0
	}
	if sums := v.s.dbs[n].slots; sums != nil {
		return int(sums.at(slot).keys)
	}
	keys := 0
	v.scanTree(n, nil, value.SlotBegin(int(slot)), func(pos uint64, _ string, _ value.Record) bool {
		if value.PositionSlot(pos) != slot {
			return false
		}
		keys++
		return true
	})
	return keys
}

// EachInSlot calls fn with the keys of a slot of the selected database, until it returns
// false. Those that have expired are left out.
func (v *View) EachInSlot(slot uint16, fn func(key string) bool) {
	v.scan(value.SlotBegin(int(slot)), func(pos uint64, key string, r value.Record) bool {
		if value.PositionSlot(pos) != slot {
			return false
		}
		return r.Expired(v.now) || fn(key)
	})
}
