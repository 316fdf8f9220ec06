package bits

import (
	"math/bits"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errZeroOne resp.Error = "ERR The bit argument must be 1 or 0."

// BITPOS key bit [start [end [BYTE | BIT]]]
func bitpos() *command.Spec {
	return family.Read(command.Spec{
		Name: "bitpos", Arity: -3, Flags: command.Big,
		Syntax: "<key> <0|1> [<start> [<end> [BYTE | BIT]]]",
		Since:  "2.8.7", Complexity: "O(N) where N is the length of the part",
		Summary: "Find the first bit that is set or clear.",
	}, runBitpos)
}

func runBitpos(v *replay.View, args command.Args) resp.Value {
	bit, err := args.Int(2)
	if err != nil {
		return resp.FromError(err)
	}
	if bit != 0 && bit != 1 {
		return resp.FromError(errZeroOne)
	}
	val, ok, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	if !ok {
		return resp.Int(-bit) // an endless row of zeros
	}
	p, err := parsePosPart(args)
	if err != nil {
		return resp.FromError(err)
	}
	first, last := p.within(len(val))
	if first > last {
		return resp.Int(-1)
	}
	at := find(val, first, last, bit == 0)
	if at > last {
		// Zeros follow a string, unless it was said where to stop.
		if bit == 1 || len(args) > 4 {
			return resp.Int(-1)
		}
		at = last + 1
	}
	return resp.Int(at)
}

// parsePosPart reads the part to search.
func parsePosPart(args command.Args) (p part, err error) {
	p.end = -1
	switch len(args) {
	case 3:
		return p, nil
	case 4, 5, 6:
		if p.start, err = args.Int(3); err != nil {
			return p, err
		}
	default:
		return p, command.ErrSyntax
	}
	if len(args) == 6 {
		if p.bit, err = parseUnit(args, 5); err != nil {
			return p, err
		}
	}
	if len(args) > 4 {
		p.end, err = args.Int(4)
	}
	return p, err
}

// find returns the place of the first bit in s from first to last that is set,
// or clear, and one after last when there is none.
func find(s string, first, last int64, clear bool) int64 {
	flip := uint64(0)
	if clear {
		flip = ^flip
	}
	i := first >> 3
	if w := (uint64(s[i]) ^ flip) & (0xff >> (first & 7)); w != 0 {
		return min(i*8+int64(bits.LeadingZeros8(uint8(w))), last+1)
	}
	i++
	for ; i+8 <= int64(len(s)) && i*8 <= last; i += 8 {
		if w := word(s, int(i)) ^ flip; w != 0 {
			return min(i*8+int64(bits.LeadingZeros64(w)), last+1)
		}
	}
	for ; i*8 <= last; i++ {
		if w := uint8(uint64(s[i]) ^ flip); w != 0 {
			return min(i*8+int64(bits.LeadingZeros8(w)), last+1)
		}
	}
	return last + 1
}
