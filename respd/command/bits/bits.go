// Package bits is the family of commands on the bits of strings. Bit 0 is the
// highest of the first byte. What writes journals the bytes that it touches,
// however long the string.
package bits

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		setbit(), getbit(), bitcount(), bitpos(), bitop(), bitfield(), bitfieldRO(),
	}
}

// read returns a row that reads, with what all of the family have in common.
func read(s command.Spec, run func(*replay.View, command.Args) resp.Value) *command.Spec {
	s.Read = run
	s.Flags |= command.ReadOnly
	return row(s)
}

// write returns a row that writes.
func write(s command.Spec, run func(*replay.Draft, command.Args) (resp.Value, error)) *command.Spec {
	s.Write = run
	s.Flags |= command.Write | command.DenyOOM
	return row(s)
}

func row(s command.Spec) *command.Spec {
	if s.Keys.First == 0 {
		s.Keys = command.OneKey
	}
	s.Cats = append(s.Cats, "bitmap")
	s.Group = "bitmap"
	return &s
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
