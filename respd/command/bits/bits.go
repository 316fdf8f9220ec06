// Package bits is the family of commands on the bits of strings. Bit 0 is the
// highest of the first byte. What writes journals the bytes that it touches,
// however long the string.
package bits

import (
	"ledge/replay"
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "bitmap", Cats: []string{"bitmap"}, Keys: command.OneKey,
	WriteFlags: command.DenyOOM}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		setbit(), getbit(), bitcount(), bitpos(), bitop(), bitfield(), bitfieldRO(),
	}
}

// grow is EditString for a string that may not be there yet: a long new one
// must not be journaled with all the zeros before data.
func grow(d *replay.Draft, key []byte, there bool, off int64, data []byte) error {
	const short = 64
	if !there && off > short {
		// The effect that follows refuses what is too long, and the whole
		// command is undone.
		if err := d.SetString(key, nil, 0); err != nil {
			return err
		}
	}
	return d.EditString(key, off, data)
}
