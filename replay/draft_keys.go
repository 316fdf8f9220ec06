package replay

import "ledge/journal"

// Delete removes key and reports whether it was there. A row that has expired
// does not count, and is left to the sweeper.
func (d *Draft) Delete(key []byte) (bool, error) {
	if !d.Exists(key) {
		return false, nil
	}
	return true, d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
}

// Expire gives key, which must be there, another deadline; 0 takes it away. A
// deadline that has passed removes the key.
func (d *Draft) Expire(key []byte, at int64) error {
	if at != 0 && at <= d.now {
		return d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return d.emit(&journal.KeyExpire{DB: d.db, Key: d.text.copyOf(key), At: at})
}

// Rename moves key, which must be there, to another name or database with its
// deadline, replacing what stands there.
func (d *Draft) Rename(key []byte, toDB journal.DB, to []byte) error {
	if err := d.fitsAs(key, to); err != nil {
		return err
	}
	d.replaced(toDB, to)
	return d.emit(&journal.KeyRename{DB: d.db, Key: d.text.copyOf(key), ToDB: toDB, To: d.text.copyOf(to)})
}

// Copy copies key, which must be there, with its deadline, replacing what
// stands at to.
func (d *Draft) Copy(key []byte, toDB journal.DB, to []byte) error {
	if err := d.fitsAs(key, to); err != nil {
		return err
	}
	d.replaced(toDB, to)
	return d.emit(&journal.KeyCopy{DB: d.db, Key: d.text.copyOf(key), ToDB: toDB, To: d.text.copyOf(to)})
}

// fitsAs refuses a name that would make what key holds too large, and counts a string
// that comes to stand under it: a few bytes in the journal, and a copy of the whole
// string here and when it is applied.
func (d *Draft) fitsAs(key, to []byte) error {
	r, _ := d.lookup(key)
	if len(to) > len(key) {
		if err := d.fits(len(to), len(r.Val)); err != nil {
			return err
		}
	}
	return d.hold(len(r.Val))
}

// Clear removes every key of database n, but for those that are hidden. It is one effect
// of constant size, or one for each range of slots that are shown if some keys are hidden,
// and no option can turn it off.
func (d *Draft) Clear(n journal.DB) error {
	shown := d.shown()
	if !d.overlay.hides(n, shown) {
		return d.ClearSlots(n, 0, journal.MaxSlot)
	}
	for _, r := range shown.ranges {
		if err := d.ClearSlots(n, r.First, r.Last); err != nil {
			return err
		}
	}
	return nil
}

// ClearSlots removes every key of database n whose slot is in first…last.
func (d *Draft) ClearSlots(n journal.DB, first, last uint16) error {
	return d.emit(&journal.RangeClear{DB: n, First: first, Last: last})
}

// Swap exchanges two databases.
func (d *Draft) Swap(a, b journal.DB) error {
	if a == b {
		return nil
	}
	return d.emit(&journal.SwapDB{A: a, B: b})
}
