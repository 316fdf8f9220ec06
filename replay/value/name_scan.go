package value

// CursorBits is how many bits the cursor of a scan has.
const CursorBits = 62

// cursorOf returns a position among names for a scan's cursor, and the hash that
// a cursor stands for. 0 is the begin and the end.
func cursorOf(hash uint64) uint64 { return hash >> (64 - CursorBits) }

// scanNames calls fn with at least count elements from cursor on, in the order
// of their hashes, and returns where to go on, 0 at the end. Elements that are
// there from the first call to the last are seen whatever is written between.
func scanNames(t *tree, cursor uint64, count int, fn func(*Block)) (next uint64) {
	seen, last := 0, cursor
	from := t.search(cursor<<(64-CursorBits), "", beforeEqual)
	t.each(from, func(key uint64, e *Block) bool {
		at := cursorOf(key)
		if seen >= count && at != last {
			next = at
			return false
		}
		seen, last = seen+1, at
		fn(e)
		return true
	})
	return next
}
