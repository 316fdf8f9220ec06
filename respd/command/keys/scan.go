package keys

import (
	"slices"
	"strings"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
func scan() *command.Spec {
	return family.Read(command.Spec{
		Name: "scan", Arity: -2, Flags: command.Big | command.Repeats, Reach: command.ReachScan(scanWords, 1),
		Syntax: "<cursor> [MATCH <pattern>] [COUNT <count>] [TYPE <type>]",
		Tips:   []string{unpredictable, "request_policy:special"},
		Since:  "2.8.0", Complexity: "O(log N + COUNT) a call where N is the number of keys",
		Summary: "Return the next keys, and a cursor for those behind them.",
	}, runScan)
}

var scanWords = append(slices.Clone(command.ScanWords), command.Option[command.ScanOptions]{
	Word: "TYPE", Takes: 1, Read: func(o command.ScanOptions, vals command.Args) (command.ScanOptions, error) {
		o.Type = strings.ToLower(vals.Str(0))
		return o, nil
	}})

func runScan(v *replay.View, args command.Args) resp.Value {
	o, err := command.ParseScan(scanWords, args, 1)
	if err != nil {
		return resp.FromError(err)
	}
	found := []resp.Value{}
	next := v.Scan(o.Cursor, o.Count, func(key string, t value.Type) {
		if (o.Type == "" || o.Type == t.String()) && o.Fits(key) {
			found = append(found, resp.Bulk(key))
		}
	})
	return command.ScanReply(next, found)
}

// KEYS pattern
func keys() *command.Spec {
	return family.Read(command.Spec{
		Name: "keys", Arity: 2, Flags: command.Slow, Cats: []string{"dangerous"},
		Syntax: "<pattern>", Tips: []string{allShards, "nondeterministic_output_order"},
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys in the database",
		Summary: "Return all keys that match a pattern.",
	}, runKeys)
}

func runKeys(v *replay.View, args command.Args) resp.Value {
	o := command.ScanOptions{Pattern: args.Str(1)}
	found := []resp.Value{}
	v.Each(func(key string, _ value.Type) bool {
		if o.Fits(key) {
			found = append(found, resp.Bulk(key))
		}
		return true
	})
	return resp.Array(found...)
}

// RANDOMKEY
func randomkey() *command.Spec {
	return family.Read(command.Spec{
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
