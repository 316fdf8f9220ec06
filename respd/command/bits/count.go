package bits

import (
	"math/bits"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// BITCOUNT key [start end [BYTE | BIT]]
func bitcount() *command.Spec {
	return family.Read(command.Spec{
		Name: "bitcount", Arity: -2, Flags: command.Big, Syntax: "<key> [<start> <end> [BYTE | BIT]]",
		Since: "2.6.0", Complexity: "O(N) where N is the length of the part",
		Summary: "Count the bits that are set in a string or a part of it.",
	}, runBitcount)
}

func runBitcount(v *replay.View, args command.Args) resp.Value {
	val, ok, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	if !ok {
		return resp.Int(0) // as in Redis, whatever else the arguments are
	}
	p := part{end: -1}
	switch len(args) {
	case 2:
	case 4, 5:
		if p, err = parsePart(args, 2); err != nil {
			return resp.FromError(err)
		}
	default:
		return resp.FromError(command.ErrSyntax)
	}
	first, last := p.within(len(val))
	if p.backwards() {
		last = first - 1
	}
	return resp.Int(count(val, first, last))
}

// part is a part of a string as it stands in the arguments: from start to end,
// both included, negative ones from the string's end.
type part struct {
	start, end int64
	bit        bool // they count bits, not bytes
}

// parsePart reads start, end and unit from argument i on. The unit may be left
// out.
func parsePart(args command.Args, i int) (p part, err error) {
	if p.start, err = args.Int(i); err != nil {
		return p, err
	}
	if p.end, err = args.Int(i + 1); err != nil {
		return p, err
	}
	if p.backwards() {
		// Redis looks at the unit only after this.
		return p, nil
	}
	if i+2 < len(args) {
		p.bit, err = parseUnit(args, i+2)
	}
	return p, err
}

func parseUnit(args command.Args, i int) (bit bool, err error) {
	switch {
	case args.Is(i, "BIT"):
		return true, nil
	case args.Is(i, "BYTE"):
		return false, nil
	}
	return false, command.ErrSyntax
}

// backwards reports whether both ends count from the string's end, in the wrong
// order. BITCOUNT takes that for empty before it cuts them to the string.
func (p part) backwards() bool { return p.start < 0 && p.end < 0 && p.start > p.end }

// within returns the first and last bit of the part in a string of n bytes. An
// empty part has its last bit before its first.
func (p part) within(n int) (first, last int64) {
	total := int64(n)
	if p.bit {
		total *= 8
	}
	start, end := p.start, p.end
	if start < 0 {
		start = max(total+start, 0)
	}
	if end < 0 {
		end = max(total+end, 0)
	}
	end = min(end, total-1)
	switch {
	case start > end:
		return 0, -1
	case p.bit:
		return start, end
	}
	return start * 8, end*8 + 7
}

// count counts the bits set in s from first to last.
func count(s string, first, last int64) int64 {
	if first > last {
		return 0
	}
	n := 0
	head := s[first>>3] & (0xff >> (first & 7)) // without the bits before first
	tail := byte(0xff) << (7 - last&7)          // and without those after last
	if first>>3 == last>>3 {
		return int64(bits.OnesCount8(head & tail))
	}
	n += bits.OnesCount8(head) + bits.OnesCount8(s[last>>3]&tail)
	for s = s[first>>3+1 : last>>3]; len(s) >= 8; s = s[8:] {
		n += bits.OnesCount64(word(s, 0))
	}
	for i := range len(s) {
		n += bits.OnesCount8(s[i])
	}
	return int64(n)
}
