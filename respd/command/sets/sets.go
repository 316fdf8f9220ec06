// Package sets is the family of commands on sets.
package sets

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// family is what all rows here have in common.
var family = command.Family{Group: "set", Cats: []string{"set"}, Keys: command.OneKey}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		sadd(), srem(), smove(), sismember(), smismember(), smembers(), scard(),
		spop(), srandmember(), sscan(),
		sinter(), sintercard(), sinterstore(), sunion(), sunionstore(), sdiff(), sdiffstore(),
	}
}

// Tips that several rows share.
const (
	unpredictable = "nondeterministic_output"
	anyOrder      = "nondeterministic_output_order"
)

// members yields a set's members: sorted integers in their order, as Redis has
// them in an intset, all others in no particular order.
func members(s value.Set) iter.Seq[string] {
	if s.Wide() {
		return s.All()
	}
	return slices.Values(slices.SortedFunc(s.All(), compareInts))
}

// maxIntset is how many integers Redis keeps sorted.
const maxIntset = 512

// arranged puts the members of a set that was made for a reply in the order in
// which Redis has them: ascending if all are integers and they are not many.
func arranged(names []string) []string {
	if len(names) > maxIntset || slices.ContainsFunc(names, notInt) {
		return names
	}
	slices.SortFunc(names, compareInts)
	return names
}

func notInt(s string) bool {
	_, ok := number.ParseInt(s)
	return !ok
}

// compareInts compares integers as they are written in a set: without a plus
// and without leading zeros.
func compareInts(a, b string) int {
	switch {
	case a[0] == '-' && b[0] == '-':
		a, b = b[1:], a[1:]
	case a[0] == '-':
		return -1
	case b[0] == '-':
		return 1
	}
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// bulks returns names as replies.
func bulks(names []string) []resp.Value {
	vals := make([]resp.Value, len(names))
	for i, name := range names {
		vals[i] = resp.Bulk(name)
	}
	return vals
}

// yes is 1 for true and 0 for false.
func yes(b bool) resp.Value {
	if b {
		return resp.Int(1)
	}
	return resp.Int(0)
}

// removed notes an event of a key that has lost members, and that it is gone if
// those were the last.
func removed(d *replay.Draft, event string, key []byte, last bool) {
	d.Notify(events.Set, event, key)
	if last {
		d.Notify(events.Generic, "del", key)
	}
}
