package bits

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errOffset resp.Error = "ERR bit offset is not an integer or out of range"
	errBit    resp.Error = "ERR bit is not an integer or out of range"
)

// SETBIT key offset value
func setbit() *command.Spec {
	return family.Write(command.Spec{
		Name: "setbit", Arity: 4, Syntax: "<key> <offset> <0|1>", Since: "2.2.0",
		Complexity: "O(N) where N is the length of the string; the journal takes one byte",
		Summary:    "Set or clear a bit and return what it was.",
	}, runSetbit)
}

func runSetbit(d *replay.Draft, args command.Args) (resp.Value, error) {
	off, err := offset(args[2])
	if err != nil {
		return resp.Value{}, err
	}
	on, ok := number.ParseInt(args[3])
	if !ok || on&^1 != 0 {
		return resp.Value{}, errBit
	}
	val, there, err := d.GetString(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	old := bitAt(val, off)
	at := off >> 3
	if at < int64(len(val)) && old == on {
		return resp.Int(old), nil
	}
	b := byte(0)
	if at < int64(len(val)) {
		b = val[at]
	}
	mask := byte(0x80) >> (off & 7)
	b &^= mask
	if on != 0 {
		b |= mask
	}
	if err := grow(d, args[1], there, at, []byte{b}); err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.String, "setbit", args[1])
	return resp.Int(old), nil
}

// GETBIT key offset
func getbit() *command.Spec {
	return family.Read(command.Spec{
		Name: "getbit", Arity: 3, Flags: command.Fast, Syntax: "<key> <offset>",
		Since: "2.2.0", Complexity: "O(1)", Summary: "Return a bit.",
	}, runGetbit)
}

func runGetbit(v *replay.View, args command.Args) resp.Value {
	off, err := offset(args[2])
	if err != nil {
		return resp.FromError(err)
	}
	val, _, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Int(bitAt(val, off))
}

// offset reads the place of a bit, which is bounded by the longest string that
// the protocol can carry.
func offset(arg []byte) (int64, error) {
	n, ok := number.ParseInt(arg)
	if !ok || n < 0 || n>>3 >= resp.DefaultMaxBulk {
		return 0, errOffset
	}
	return n, nil
}

// bitAt returns a bit of s, 0 after its end.
func bitAt(s string, off int64) int64 {
	if off>>3 >= int64(len(s)) {
		return 0
	}
	return int64(s[off>>3] >> (7 - off&7) & 1)
}

// word returns 8 bytes of s, the first of them highest.
func word(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}
