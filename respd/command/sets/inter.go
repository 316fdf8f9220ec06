package sets

import (
	"slices"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errNumKeys     resp.Error = "ERR numkeys should be greater than 0"
	errTooManyKeys resp.Error = "ERR Number of keys can't be greater than number of args"
)

const interCost = "O(N·M log N) where N is the size of the smallest set and M the number of sets"

// SINTER key [key ...]
func sinter() *command.Spec {
	return family.Read(command.Spec{
		Name: "sinter", Arity: -2, Flags: command.Big, Keys: command.AllKeys, Tips: []string{anyOrder},
		Syntax: "<key> [<key> ...]",
		Since:  "1.0.0", Complexity: interCost, Summary: "Return the members that all sets have.",
	}, runSinter)
}

func runSinter(v *replay.View, args command.Args) resp.Value {
	sets, err := setsOf(v, args[1:])
	if err != nil {
		return resp.FromError(err)
	}
	var vals []resp.Value
	for m := range intersection(sets) {
		vals = append(vals, resp.Bulk(m))
	}
	return resp.Set(vals...)
}

// SINTERSTORE destination key [key ...]
func sinterstore() *command.Spec {
	return store(command.Spec{
		Name: "sinterstore", KeyFlags: "RW update;RO access", Complexity: interCost,
		Summary: "Store the members that all sets have.",
	}, func(sets []value.Set) []string { return slices.Collect(intersection(sets)) })
}

// SINTERCARD numkeys key [key ...] [LIMIT limit]
func sintercard() *command.Spec {
	return family.Read(command.Spec{
		Name: "sintercard", Arity: -3, Flags: command.Big, NumKeys: 1,
		Syntax: "<numkeys> <key> [<key> ...] [LIMIT <limit>]",
		Since:  "7.0.0", Complexity: interCost, Summary: "Count the members that all sets have.",
	}, runSintercard)
}

var interWords = command.Options[int64]{{Word: "LIMIT", Takes: 1, Read: func(_ int64, vals command.Args) (int64, error) {
	return command.ParseLimit(vals[0])
}}}

func runSintercard(v *replay.View, args command.Args) resp.Value {
	n, ok := number.ParseInt(args[1])
	if !ok || n < 1 {
		return resp.Err(errNumKeys)
	}
	if n > int64(len(args)-2) {
		return resp.Err(errTooManyKeys)
	}
	keys, opts := args[2:2+n], args[2+n:]
	limit, err := interWords.Parse(opts, 0)
	if err != nil {
		return resp.FromError(err)
	}
	sets, err := setsOf(v, keys)
	if err != nil {
		return resp.FromError(err)
	}
	count := int64(0)
	for range intersection(sets) {
		if count++; count == limit.Value {
			break
		}
	}
	return resp.Int(count)
}
