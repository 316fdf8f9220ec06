package journal

// The effects on how slots move from one shard to another. Each side of a move has them in
// its own journal: what the source gives away, the target takes, by an entry each.

// MoveID is what a move is called by both of its sides.
type MoveID uint64

// String shows it as operators see it.
func (id MoveID) String() string { return Lineage(id).String() }

// Side is which side of a move a journal's shard is on.
type Side uint8

// The sides of a move.
const (
	Source Side = 1 // it owns the slots, and gives them away
	Target Side = 2 // it copies what they hold, and takes them
)

// MoveBegin begins a move of slots between the journal's shard and another one.
type MoveBegin struct {
	ID     MoveID
	Side   Side
	Ranges []SlotRange
	Shard  Lineage // the other one
}

// Kind returns KindMoveBegin.
func (*MoveBegin) Kind() Kind { return KindMoveBegin }

func (*MoveBegin) key() (DB, string) { return 0, "" }

func (o *MoveBegin) fields(c *coder) {
	c.moveID(&o.ID)
	c.oneOf("Side", (*uint8)(&o.Side), uint8(Source), uint8(Target))
	c.ranges("Ranges", &o.Ranges)
	c.uint("Shard", (*uint64)(&o.Shard))
}

// MoveAt says how far the target has copied: what lies below the cursor is as the source
// had it at a number of its own journal. It stands in the entry with what was copied.
type MoveAt struct {
	ID     MoveID
	Cursor uint64 // a position of keys; MaxPosition+1 is that all is copied
	Seq    Seq
	Digest Digest
	Epoch  uint64
}

// Kind returns KindMoveAt.
func (*MoveAt) Kind() Kind { return KindMoveAt }

func (*MoveAt) key() (DB, string) { return 0, "" }

func (o *MoveAt) fields(c *coder) {
	c.moveID(&o.ID)
	c.cursor("Cursor", &o.Cursor)
	c.uint("Seq", (*uint64)(&o.Seq))
	c.uint("Digest", (*uint64)(&o.Digest))
	c.uint("Epoch", &o.Epoch)
}

// MoveReady says that the target has all of the slots up to a number of the source's, and
// the digest of their rows.
type MoveReady struct {
	ID     MoveID
	Seq    Seq
	Digest Digest
}

// Kind returns KindMoveReady.
func (*MoveReady) Kind() Kind { return KindMoveReady }

func (*MoveReady) key() (DB, string) { return 0, "" }

func (o *MoveReady) fields(c *coder) {
	c.moveID(&o.ID)
	c.uint("Seq", (*uint64)(&o.Seq))
	c.uint("Digest", (*uint64)(&o.Digest))
}

// SlotsGive gives a move's slots to its target, where they have that epoch. The source
// owns them no more, whatever becomes of the target. Nothing was written to them
// after the number Seq, at which their rows had the digest.
type SlotsGive struct {
	ID     MoveID
	Epoch  uint64
	Seq    Seq
	Digest Digest
}

// Kind returns KindSlotsGive.
func (*SlotsGive) Kind() Kind { return KindSlotsGive }

func (*SlotsGive) key() (DB, string) { return 0, "" }

func (o *SlotsGive) fields(c *coder) {
	c.moveID(&o.ID)
	c.uint("Epoch", &o.Epoch)
	c.uint("Seq", (*uint64)(&o.Seq))
	c.uint("Digest", (*uint64)(&o.Digest))
}

// SlotsTake makes the target the owner of a move's slots, at the epoch at which they were
// given.
type SlotsTake struct {
	ID    MoveID
	Epoch uint64
}

// Kind returns KindSlotsTake.
func (*SlotsTake) Kind() Kind { return KindSlotsTake }

func (*SlotsTake) key() (DB, string) { return 0, "" }

func (o *SlotsTake) fields(c *coder) {
	c.moveID(&o.ID)
	c.uint("Epoch", &o.Epoch)
}

// MoveTaken says at the source that the target owns the slots: what is left of them here
// may be cleared.
type MoveTaken struct{ ID MoveID }

// Kind returns KindMoveTaken.
func (*MoveTaken) Kind() Kind { return KindMoveTaken }

func (*MoveTaken) key() (DB, string) { return 0, "" }

func (o *MoveTaken) fields(c *coder) { c.moveID(&o.ID) }

// MoveEnd ends a move.
type MoveEnd struct {
	ID    MoveID
	Cause string // why it has moved nothing; none is that it has
}

// Kind returns KindMoveEnd.
func (*MoveEnd) Kind() Kind { return KindMoveEnd }

func (*MoveEnd) key() (DB, string) { return 0, "" }

func (o *MoveEnd) fields(c *coder) {
	c.moveID(&o.ID)
	c.string("Cause", &o.Cause)
}

// moveID is for a move's id, which is not 0.
func (c *coder) moveID(v *MoveID) {
	c.uint("ID", (*uint64)(v))
	if c.doing == reading && *v == 0 {
		c.fail("a move without an id")
	}
}

// cursor is for a position of keys, or the one behind the last.
func (c *coder) cursor(name string, v *uint64) {
	c.uint(name, v)
	if c.doing == reading && *v > uint64(MaxPosition)+1 {
		c.fail("position %d", *v)
	}
}

// oneOf is for a number from first to last.
func (c *coder) oneOf(name string, v *uint8, first, last uint8) {
	n := uint64(*v)
	c.uint(name, &n)
	if c.doing == reading && (n < uint64(first) || n > uint64(last)) {
		c.fail("%s %d", name, n)
		n = uint64(first)
	}
	*v = uint8(n)
}
