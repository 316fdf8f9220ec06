package cluster

import "cmp"

// Two nodes may say that they lead one shard: one was promoted while the other one lived, or
// a directory was copied and both are served. All that hear of both decide by the same rule
// which of them counts.

// rank is by what a node leads: the epoch at which it was made to. That of its journal grows
// with each start, too. An older program says no more than that one.
func (r *Record) rank() uint64 { return cmp.Or(r.Led, r.Term) }

// contend is a comparison of two records of one shard's nodes, of which the first is the one
// that counts more. It is 0 unless both lead.
func contend(a, b *Record) int {
	if !a.Leads || !b.Leads {
		return 0
	}
	return cmp.Or(-cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.ID, b.ID))
}

// overtake gives the node's own record a stamp after that of a record of its id which it has
// not made in this run.
func (v *View) overtake(r Record) {
	own := v.Own()
	if r.Run != "" && r.Run != own.Run {
		own.Beside = r.Run
		if own.Run != "" && r.Beside == own.Run { // it has heard of this run, so it is none before
			v.copy = r
		}
	}
	own.Stamp = nextStamp(r.Stamp)
	v.records[v.self] = own
}

// Copy returns the record of another node that has the view's own node's id, at the same time,
// if it is for this one to get another id: one directory is a copy of the other. The other node
// decides likewise.
func (v *View) Copy() (other Record, ok bool) {
	own, r := v.Own(), v.copy
	return r, r.Run != "" && cmp.Or(-order(r.Leads, own.Leads), -cmp.Compare(r.rank(), own.rank()), cmp.Compare(r.Run, own.Run)) < 0
}

// Rival returns the node that says it leads the shard that the view's own node leads, and
// counts more.
func (v *View) Rival() (rival Record, ok bool) {
	own := v.Own()
	for _, r := range v.records {
		if r.Shard == own.Shard && r.ID != own.ID && !r.Left && contend(&r, &own) < 0 && (!ok || contend(&r, &rival) < 0) {
			rival, ok = r, true
		}
	}
	return rival, ok
}

// Outdo says whether the view's own node is outdone by a Rival, which its Map shows as the
// leader then. It isn't while the lead changes hands: two may say that they lead, of which none
// is wrong.
func (v *View) Outdo(is bool) { v.outdone = is }
