package command

import (
	"strconv"

	"ledge/replay"
	"ledge/respd/glob"
	"ledge/respd/resp"
)

// ErrCursor is the answer to a cursor that no scan can have returned.
const ErrCursor resp.Error = "ERR invalid cursor"

// What COUNT is when nobody says, and the most that one call looks at: nothing
// can be applied meanwhile. COUNT is a hint, and the cursor leads on.
const (
	scanCount    = 10
	maxScanCount = 100_000
)

// ScanOptions are what SCAN, HSCAN, SSCAN and ZSCAN have in common.
type ScanOptions struct {
	Cursor  uint64
	Count   int
	Pattern string // "*" fits everything
	Type    string // of SCAN, in lower case; "" is any
	Said    OptionBits
}

// ScanWords are the options that all of them have.
var ScanWords = Options[ScanOptions]{
	{Word: "MATCH", Takes: 1, Read: func(o ScanOptions, vals Args) (ScanOptions, error) {
		o.Pattern = vals.Str(0)
		return o, nil
	}},
	{Word: "COUNT", Takes: 1, Read: func(o ScanOptions, vals Args) (ScanOptions, error) {
		n, err := vals.Int(0)
		if err == nil && n < 1 {
			err = ErrSyntax
		}
		o.Count = int(min(n, maxScanCount))
		return o, err
	}},
}

// ParseScan reads the cursor in argument cursorAt and the options after it.
//
// A cursor that can't be read is ErrCursor and is found before all else. Redis
// looks for the key next, and at the options only if it is there.
func ParseScan(words Options[ScanOptions], args Args, cursorAt int) (ScanOptions, error) {
	o := ScanOptions{Count: scanCount, Pattern: "*"}
	var ok bool
	if o.Cursor, ok = parseCursor(args.Str(cursorAt)); !ok {
		return o, ErrCursor
	}
	g, err := words.Parse(args[cursorAt+1:], o)
	g.Value.Said = g.Bits
	return g.Value, err
}

// ReachScan is the Reach of SCAN and its kind, whose cursor is argument at.
func ReachScan(words Options[ScanOptions], at int) func(*replay.View, Args) int {
	return func(_ *replay.View, args Args) int {
		o, err := ParseScan(words, args, at)
		if err != nil {
			return 0
		}
		return o.Count
	}
}

// Fits reports whether a name fits the pattern. "*" fits the empty name too,
// which Match says no name fits.
func (o ScanOptions) Fits(name string) bool {
	return o.Pattern == "*" || glob.Match(o.Pattern, name)
}

// ScanReply is what a scan answers: where to go on, 0 at the end, and what was
// found.
func ScanReply(next uint64, elems []resp.Value) resp.Value {
	return resp.Array(resp.Bulk(strconv.FormatUint(next, 10)), resp.Array(elems...))
}

// parseCursor reads a cursor as strtoul does: an empty one is 0, and a sign is
// allowed, though only a client that invents cursors sends one.
func parseCursor(s string) (uint64, bool) {
	if s == "" {
		return 0, true
	}
	neg := s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if neg {
		n = -n
	}
	return n, err == nil
}
