package zsets

import (
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// popping is how sorted sets give up members.
var popping = command.Popping[value.ZSet]{Family: family, First: "MIN", Second: "MAX",
	Open: func(d *replay.Draft, key []byte) (value.ZSet, error) { return d.ZSet(key) },
	Take: popPairs}

// popPairs takes members: pairs in both protocols.
func popPairs(d *replay.Draft, key []byte, z value.ZSet, highest bool, count int64) (resp.Value, error) {
	popped, err := pop(d, key, z, count, highest)
	pairs := make([]resp.Value, len(popped)/2)
	for i := range pairs {
		pairs[i] = resp.Array(popped[2*i : 2*i+2]...)
	}
	return resp.Array(pairs...), err
}

// BZPOPMIN key [key ...] timeout
func bzpopmin() *command.Spec {
	return waitPop("bzpopmin", "Take the member with the lowest score, or wait for one.", false)
}

// BZPOPMAX key [key ...] timeout
func bzpopmax() *command.Spec {
	return waitPop("bzpopmax", "Take the member with the highest score, or wait for one.", true)
}

// waitPop returns a row that takes a member from the first of several sorted
// sets that has one.
func waitPop(name, summary string, highest bool) *command.Spec {
	return popping.WaitOne(command.Spec{
		Name: name, Arity: -3, Flags: command.NoScript | command.Fast, KeyFlags: takes,
		Syntax: "<key> [<key> ...] <timeout>", Since: "5.0.0", Complexity: logCost, Summary: summary,
	}, func(d *replay.Draft, key []byte, z value.ZSet) (resp.Value, error) {
		popped, err := pop(d, key, z, 1, highest)
		return resp.Array(append([]resp.Value{resp.Bytes(key)}, popped...)...), err
	})
}

// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
func zmpop() *command.Spec {
	return popping.Many(command.Spec{
		Name: "zmpop", Arity: -4, KeyFlags: takes,
		Syntax: "<numkeys> <key> [<key> ...] MIN|MAX [COUNT <count>]",
		Since:  "7.0.0", Complexity: popCost,
		Summary: "Take members from the first of several sorted sets that has any.",
	})
}

// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
func bzmpop() *command.Spec {
	return popping.WaitMany(command.Spec{
		Name: "bzmpop", Arity: -5, KeyFlags: takes,
		Syntax: "<timeout> <numkeys> <key> [<key> ...] MIN|MAX [COUNT <count>]",
		Since:  "7.0.0", Complexity: popCost,
		Summary: "Take members from the first of several sorted sets that has any, or wait for one.",
	})
}
