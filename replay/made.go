package replay

import (
	"errors"

	"ledge/journal"
	"ledge/replay/value"
)

// made is what a draft has made for one effect, so that Apply puts it in place and
// need not make it again: the block of a string that was set, or the body of a
// collection that was changed, which the next effect on it changes further. Both
// are nil where Apply has to do what the effect says.
//
// It never leaves its Group. A batch that is in the journal says nothing of it, and
// whoever has only the batch, as recovery and replicas do, applies the effects
// themselves; the digests must agree.
//
// That it is put in place is also what lets nodes be used again: those that the
// draft's pen has replaced are in no tree any more only if the draft's own trees
// are the ones that took their places.
type made struct {
	block *value.Block
	body  value.Body
}

// errNotDrafted is a bug of whoever calls Group.Apply.
var errNotDrafted = errors.New("the batch is not what the group has drafted")

// drafted reports whether a batch has the entries that d sealed, and not a copy of
// them or another's.
func (d *Draft) drafted(b journal.Batch) bool {
	n := len(d.entries)
	return n == len(b.Entries) && (n == 0 || &d.entries[0] == &b.Entries[0])
}
