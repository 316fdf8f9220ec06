package bits

import (
	"encoding/binary"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errNot resp.Error = "ERR BITOP NOT must be called with a single source key."

// BITOP AND | OR | XOR | NOT destkey key [key ...]
func bitop() *command.Spec {
	return family.Write(command.Spec{
		Name: "bitop", Arity: -4, Keys: command.KeyRange{First: 2, Last: -1, Step: 1},
		KeyFlags: "OW update;RO access",
		Syntax:   "<AND | OR | XOR | NOT> <destkey> <key> [<key> ...]", Since: "2.6.0",
		Complexity: "O(N) where N is the length of all strings together",
		Summary:    "Combine strings bit by bit and store the outcome.",
	}, runBitop)
}

func runBitop(d *replay.Draft, args command.Args) (resp.Value, error) {
	join, err := joiner(args)
	if err != nil {
		return resp.Value{}, err
	}
	var from []string
	longest := 0
	for _, key := range args[3:] {
		val, _, err := d.GetString(key)
		if err != nil {
			return resp.Value{}, err
		}
		from = append(from, val)
		longest = max(longest, len(val))
	}
	if longest == 0 {
		ok, err := d.Delete(args[2])
		if ok && err == nil {
			d.Notify(events.Generic, "del", args[2])
		}
		return resp.Int(0), err
	}
	if err := d.StringFits(args[2], longest); err != nil {
		return resp.Value{}, err
	}
	out := make([]byte, longest)
	copy(out, from[0])
	if join == nil {
		invert(out)
	}
	for _, s := range from[1:] {
		join(out, s)
	}
	if err := d.SetString(args[2], out, 0); err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.String, "set", args[2])
	return resp.Int(int64(longest)), nil
}

// joiner returns how a string is combined with what has come of those before
// it, nil for NOT. A string counts as if zeros followed it.
func joiner(args command.Args) (func(out []byte, s string), error) {
	switch {
	case args.Is(1, "AND"):
		return and, nil
	case args.Is(1, "OR"):
		return or, nil
	case args.Is(1, "XOR"):
		return xor, nil
	case !args.Is(1, "NOT"):
		return nil, command.ErrSyntax
	case len(args) != 4:
		return nil, errNot
	}
	return nil, nil
}

func and(out []byte, s string) {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		binary.BigEndian.PutUint64(out[i:], binary.BigEndian.Uint64(out[i:])&word(s, i))
	}
	for ; i < len(s); i++ {
		out[i] &= s[i]
	}
	clear(out[i:])
}

func or(out []byte, s string) {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		binary.BigEndian.PutUint64(out[i:], binary.BigEndian.Uint64(out[i:])|word(s, i))
	}
	for ; i < len(s); i++ {
		out[i] |= s[i]
	}
}

func xor(out []byte, s string) {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		binary.BigEndian.PutUint64(out[i:], binary.BigEndian.Uint64(out[i:])^word(s, i))
	}
	for ; i < len(s); i++ {
		out[i] ^= s[i]
	}
}

func invert(out []byte) {
	i := 0
	for ; i+8 <= len(out); i += 8 {
		binary.BigEndian.PutUint64(out[i:], ^binary.BigEndian.Uint64(out[i:]))
	}
	for ; i < len(out); i++ {
		out[i] = ^out[i]
	}
}
