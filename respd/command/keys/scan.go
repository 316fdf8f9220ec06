package keys

import (
	"strconv"
	"strings"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errCursor resp.Error = "ERR invalid cursor"

// What COUNT is when nobody says, and the most that one SCAN looks at: nothing
// can be applied meanwhile. COUNT is a hint, and the cursor leads on.
const (
	scanCount    = 10
	maxScanCount = 100_000
)

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
func scan() *command.Spec {
	return read(command.Spec{
		Name: "scan", Arity: -2,
		Syntax: "<cursor> [MATCH <pattern>] [COUNT <count>] [TYPE <type>]",
		Tips:   []string{unpredictable, "request_policy:special"},
		Since:  "2.8.0", Complexity: "O(log N + COUNT) a call where N is the number of keys",
		Summary: "Return the next keys, and a cursor for those behind them.",
	}, runScan)
}

// scanOptions are the options of SCAN.
type scanOptions struct {
	count   int
	pattern string // "*" fits everything
	typ     string // in lower case; "" is any
}

func runScan(v *replay.View, args command.Args) resp.Value {
	cursor, ok := parseCursor(string(args[1]))
	if !ok {
		return resp.Err(errCursor)
	}
	o, err := parseScan(args)
	if err != nil {
		return resp.FromError(err)
	}
	found := []resp.Value{}
	next := v.Scan(cursor, o.count, func(key string, t replay.Type) {
		if o.fits(key, t) {
			found = append(found, resp.Bulk(key))
		}
	})
	return resp.Array(resp.Bulk(strconv.FormatUint(next, 10)), resp.Array(found...))
}

func (o scanOptions) fits(key string, t replay.Type) bool {
	return (o.typ == "" || o.typ == t.String()) && matches(o.pattern, key)
}

// matches is command.Match, but "*" fits the empty key too.
func matches(pattern, key string) bool {
	return pattern == "*" || command.Match(pattern, key)
}

func parseScan(args command.Args) (scanOptions, error) {
	o := scanOptions{count: scanCount, pattern: "*"}
	for i := 2; i < len(args); i += 2 {
		switch {
		case i+1 == len(args):
			return o, command.ErrSyntax
		case args.Is(i, "COUNT"):
			n, err := args.Int(i + 1)
			if err != nil {
				return o, err
			}
			if n < 1 {
				return o, command.ErrSyntax
			}
			o.count = int(min(n, maxScanCount))
		case args.Is(i, "MATCH"):
			o.pattern = args.Str(i + 1)
		case args.Is(i, "TYPE"):
			o.typ = strings.ToLower(args.Str(i + 1))
		default:
			return o, command.ErrSyntax
		}
	}
	return o, nil
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

// KEYS pattern
func keys() *command.Spec {
	return read(command.Spec{
		Name: "keys", Arity: 2, Flags: command.Slow, Cats: []string{"dangerous"},
		Syntax: "<pattern>", Tips: []string{allShards, "nondeterministic_output_order"},
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys in the database",
		Summary: "Return all keys that match a pattern.",
	}, runKeys)
}

func runKeys(v *replay.View, args command.Args) resp.Value {
	pattern := args.Str(1)
	found := []resp.Value{}
	v.Each(func(key string, _ replay.Type) bool {
		if matches(pattern, key) {
			found = append(found, resp.Bulk(key))
		}
		return true
	})
	return resp.Array(found...)
}

// RANDOMKEY
func randomkey() *command.Spec {
	return read(command.Spec{
		Name: "randomkey", Arity: 1, Tips: []string{allShards, unpredictable},
		Since: "1.0.0", Complexity: "O(log N) where N is the number of keys in the database",
		Summary: "Return a key chosen at random.",
	}, runRandomkey)
}

func runRandomkey(v *replay.View, _ command.Args) resp.Value {
	key, ok := v.RandomKey()
	if !ok {
		return resp.Nil
	}
	return resp.Bulk(key)
}
