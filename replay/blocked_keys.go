package replay

import "ledge/journal"

// Ready is a key under which somebody may find what they wait for.
type Ready struct {
	DB  journal.DB
	Key string
	All bool // any key of the database may be
}

// Ready returns the keys that the entries sealed since the last call have given
// something that clients wait for, in the order in which they got it.
func (d *Draft) Ready() []Ready {
	var keys []Ready
	shown := d.shown()
	for _, e := range d.entries[d.looked:] {
		for _, op := range e.Ops {
			switch o := op.(type) {
			case *journal.KeyRename:
				keys = shown.ready(keys, o.ToDB, o.To)
			case *journal.KeyCopy:
				keys = shown.ready(keys, o.ToDB, o.To)
			case *journal.SwapDB:
				keys = append(keys, Ready{DB: o.A, All: true}, Ready{DB: o.B, All: true})
			default:
				if journal.Feeds(op) {
					db, key := journal.KeyOf(op)
					keys = shown.ready(keys, db, key)
				}
			}
		}
	}
	d.looked = len(d.entries)
	return keys
}

// ready appends a key if it is shown. Nobody waits here for one that is not.
func (s *shownSlots) ready(keys []Ready, db journal.DB, key string) []Ready {
	if !s.hasKey(key) {
		return keys
	}
	return append(keys, Ready{DB: db, Key: key})
}

// Join has a proposal told the outcome of what is being drafted: it has a part
// in it though it was not submitted. It is settled and done with the group.
func (d *Draft) Join(p Proposal) { d.joined = append(d.joined, p) }
