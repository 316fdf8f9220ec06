package replay

import (
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/replay/cluster"
)

// A controller outside of the cluster may say who owns which slots, by documents. The newest
// one stands in the row topologyRow of the slots, with what has moved since, and what the
// shard owns follows from that.

const topologyRow = "topology"

// errAuthority refuses a document where the journal itself says who owns slots.
var errAuthority = errors.New("the journal's own entries say who owns slots: no document of a controller is taken")

// document is apply for a document.
func (w moveWriter) document(o *journal.ClusterDocument) error {
	custody, err := custodyOf(w.c)
	if err != nil {
		return err
	}
	d, err := cluster.ParseDocument(o.Text)
	switch had := custody.Topology; {
	case err != nil:
		return err
	case custody.Cluster != "" && had == nil:
		return errAuthority
	case had != nil && o.Version < had.Version && !o.Force:
		return fmt.Errorf("%w: %d, and %d is known", cluster.ErrVersion, o.Version, had.Version)
	}
	next := custody.Topology.Next(o.Version, o.Master, d, o.Force)
	if err := w.c.Set(slots, clusterRow, cluster.External); err != nil {
		return err
	}
	if err := w.c.Set(slots, topologyRow, next.Row()); err != nil {
		return err
	}
	if err := w.endTaken(next); err != nil {
		return err
	}
	if o.Force {
		if err := w.takeBack(next); err != nil {
			return err
		}
	}
	return w.settle()
}

// takeBack ends moves of slots that were given, that nobody has said to have taken, and that
// a forced document gives the shard: whoever was to take them is gone for good. If it has taken
// them all the same, the shard has them at a higher epoch.
func (w moveWriter) takeBack(t *cluster.Topology) error {
	list, err := movesOf(w.c)
	if err != nil {
		return err
	}
	for _, m := range list {
		if all, _ := t.Documents(m.Ranges); m.Side != journal.Source || m.Phase != cluster.Given || !all {
			continue
		}
		custody, err := custodyOf(w.c)
		if err != nil {
			return err
		}
		if err := w.setOwned(custody.Owned, cluster.With(custody.Owned, m.Ranges, m.Epoch+1)); err != nil {
			return err
		}
		if err := w.finish(m, fmt.Sprintf("document %d gives the slots back, by force", t.Version)); err != nil {
			return err
		}
	}
	return nil
}

// alone reports an error if another document than this one has its version already: of two
// that are sent at the same time, one is taken. The same one may come again, for a node that
// has become another one's.
func (w moveWriter) alone(o *journal.ClusterDocument) error {
	custody, err := custodyOf(w.c)
	if had := custody.Topology; err != nil || had == nil || o.Force || o.Version != had.Version {
		return err
	}
	if d, err := cluster.ParseDocument(o.Text); err != nil || d.Text() != custody.Topology.Text() {
		return fmt.Errorf("%w: another document is %d", cluster.ErrVersion, o.Version)
	}
	return nil
}

// endTaken ends moves of slots that a document takes from the shard before they are given.
func (w moveWriter) endTaken(t *cluster.Topology) error {
	list, err := movesOf(w.c)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Side != journal.Source || m.Phase != cluster.Copying || t.GivesAll(m.Ranges) {
			continue
		}
		if err := w.end(&journal.MoveEnd{ID: m.ID, Cause: fmt.Sprintf("document %d gives the slots to another node", t.Version)}); err != nil {
			return err
		}
	}
	return nil
}

// setTopology puts what has moved into the topology, if there is one.
func (w moveWriter) setTopology(t *cluster.Topology, change func(*cluster.Topology, []journal.SlotRange) *cluster.Topology, ranges []journal.SlotRange) error {
	if t == nil {
		return nil
	}
	return w.c.Set(slots, topologyRow, change(t, ranges).Row())
}

// settle has the shard own what follows from its topology, if it has one.
func (w moveWriter) settle() error {
	custody, err := custodyOf(w.c)
	if err != nil || custody.Topology == nil {
		return err
	}
	list, err := movesOf(w.c)
	if err != nil {
		return err
	}
	return w.setOwned(custody.Owned, custody.Topology.Owned(custody.Owned, list))
}
