package replay

import "github.com/tidwall/btree"

// deadlines orders the keys of one database that have a deadline by when it
// comes. It is derived: Apply keeps it, snapshots don't carry it.
type deadlines struct {
	set *btree.BTreeG[deadline] // nil until a key has a deadline
	sum int64                   // of all deadlines, for the average in INFO
}

// deadline is one key's.
type deadline struct {
	at  int64
	key string
}

func (d *deadlines) add(at int64, key string) {
	if d.set == nil {
		less := func(a, b deadline) bool {
			if a.at != b.at {
				return a.at < b.at
			}
			return a.key < b.key
		}
		d.set = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
	}
	if _, had := d.set.Set(deadline{at, key}); !had {
		d.sum += at
	}
}

func (d *deadlines) remove(at int64, key string) {
	if d.set == nil {
		return
	}
	if _, had := d.set.Delete(deadline{at, key}); had {
		d.sum -= at
	}
}

func (d *deadlines) len() int {
	if d.set == nil {
		return 0
	}
	return d.set.Len()
}

// due calls fn with the keys whose deadline is at or before now, earliest
// first, until fn returns false.
func (d *deadlines) due(now int64, fn func(key string) bool) {
	if d.set == nil {
		return
	}
	d.set.Scan(func(x deadline) bool { return x.at <= now && fn(x.key) })
}
