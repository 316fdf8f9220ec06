package bits

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errOnlyGet resp.Error = "ERR BITFIELD_RO only supports the GET subcommand"

// BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value |
// INCRBY type offset increment ...]
func bitfield() *command.Spec {
	return family.Write(command.Spec{
		Name: "bitfield", Arity: -2, KeyFlags: "RW access update variable_flags",
		Syntax: "<key> [GET <type> <offset> | [OVERFLOW <WRAP | SAT | FAIL>] " +
			"<SET <type> <offset> <value> | INCRBY <type> <offset> <increment>> ...]",
		Since:      "3.2.0",
		Complexity: "O(N) where N is the length of the string; the journal takes what is written",
		Summary:    "Read and write integers of any width inside a string.",
	}, runBitfield)
}

func runBitfield(d *replay.Draft, args command.Args) (resp.Value, error) {
	ops, err := parseFields(args)
	if err != nil {
		return resp.Value{}, err
	}
	val, there, err := d.GetString(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	p := patch{old: val}
	size := p.room(ops)
	changes := 0
	replies := make([]resp.Value, len(ops))
	for i, op := range ops {
		var old, now int64
		replies[i], old, now = op.run(&p)
		if op.what != getField && !replies[i].IsNil() && (size > len(val) || old != now) {
			changes++
		}
	}
	if err := p.store(d, args[1], there); err != nil {
		return resp.Value{}, err
	}
	if changes > 0 {
		d.Notify(events.String, "setbit", args[1])
	}
	return resp.Array(replies...), nil
}

// BITFIELD_RO key [GET type offset ...]
func bitfieldRO() *command.Spec {
	return family.Read(command.Spec{
		Name: "bitfield_ro", Arity: -2, Flags: command.Fast,
		Syntax: "<key> [GET <type> <offset> ...]", Since: "6.0.0",
		Complexity: "O(1) for each GET",
		Summary:    "Read integers of any width inside a string.",
	}, runBitfieldRO)
}

func runBitfieldRO(v *replay.View, args command.Args) resp.Value {
	ops, err := parseFields(args)
	if err != nil {
		return resp.FromError(err)
	}
	for _, op := range ops {
		if op.what != getField {
			return resp.FromError(errOnlyGet)
		}
	}
	val, _, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	replies := make([]resp.Value, len(ops))
	for i, op := range ops {
		replies[i], _, _ = op.run(&patch{old: val})
	}
	return resp.Array(replies...)
}

// fieldOp is one operation of BITFIELD.
type fieldOp struct {
	what   fieldWhat
	full   overflow
	signed bool
	width  int   // in bits, 1 to 64
	off    int64 // of its first bit
	n      int64 // what to set or add
}

type fieldWhat uint8

const (
	getField fieldWhat = iota
	setField
	addField
)

// run does the operation and returns the reply with the field before and
// after. A failed one is answered with nil.
func (op fieldOp) run(p *patch) (reply resp.Value, old, now int64) {
	old = op.extend(p.get(op.off, op.width))
	if op.what == getField {
		return resp.Int(old), old, old
	}
	base, by := op.n, int64(0)
	if op.what == addField {
		base, by = old, op.n
	}
	now, ok := op.sum(base, by)
	if !ok {
		return resp.Nil, old, old
	}
	p.set(op.off, op.width, uint64(now))
	if op.what == setField {
		return resp.Int(old), old, now
	}
	return resp.Int(now), old, now
}

// extend makes a number of the bits of a field.
func (op fieldOp) extend(u uint64) int64 {
	if !op.signed {
		return int64(u)
	}
	shift := 64 - op.width
	return int64(u<<shift) >> shift
}
