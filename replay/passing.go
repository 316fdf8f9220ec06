package replay

import (
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
)

// errPassing refuses to clear what slots hold that are on their way to another shard: until
// that has said that it has taken them, only this one is known to have it.
var errPassing = errors.New("another shard was given the slots, and has not taken them yet")

// passing returns errPassing if some of the slots were given, and are not known to be taken.
func (d *Draft) passing(ranges []journal.SlotRange) error {
	for _, m := range d.Moves() {
		if m.Side == journal.Source && m.Phase == cluster.Given && m.Meets(ranges) {
			return fault.With(fault.Refused, fmt.Errorf("slots %s, move %s: %w", journal.SlotsText(m.Ranges), m.ID, errPassing))
		}
	}
	return nil
}
