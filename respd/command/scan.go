package command

import (
	"strconv"

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
}

// ParseScan reads the cursor in argument cursorAt and the options behind it.
// extra is asked about each word that is none of them: it returns how many
// arguments it took, 0 for a word that it doesn't know either. nil knows none.
//
// A cursor that can't be read is ErrCursor and is found before all else. Redis
// looks for the key next, and at the options only if it is there.
func ParseScan(args Args, cursorAt int, extra func(i int) (taken int, err error)) (ScanOptions, error) {
	o := ScanOptions{Count: scanCount, Pattern: "*"}
	var ok bool
	if o.Cursor, ok = parseCursor(args.Str(cursorAt)); !ok {
		return o, ErrCursor
	}
	for i := cursorAt + 1; i < len(args); {
		taken, err := o.option(args, i)
		if taken == 0 && err == nil && extra != nil {
			taken, err = extra(i)
		}
		if taken == 0 && err == nil {
			err = ErrSyntax
		}
		if err != nil {
			return o, err
		}
		i += taken
	}
	return o, nil
}

// option reads MATCH or COUNT at argument i.
func (o *ScanOptions) option(args Args, i int) (taken int, err error) {
	switch {
	case i+1 == len(args):
		return 0, nil
	case args.Is(i, "MATCH"):
		o.Pattern = args.Str(i + 1)
	case args.Is(i, "COUNT"):
		n, err := args.Int(i + 1)
		if err != nil {
			return 0, err
		}
		if n < 1 {
			return 0, ErrSyntax
		}
		o.Count = int(min(n, maxScanCount))
	default:
		return 0, nil
	}
	return 2, nil
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
