package lists

import (
	"time"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// popping is how lists give up items.
var popping = command.Popping[value.List]{Family: family, First: "LEFT", Second: "RIGHT",
	Open: func(d *replay.Draft, key []byte) (value.List, error) { return d.List(key) },
	Take: func(d *replay.Draft, key []byte, l value.List, right bool, count int64) (resp.Value, error) {
		return takeSome(d, key, l, !right, count)
	}}

// What several rows share.
const (
	takes    = "RW access delete"
	manyCost = "O(N+M) where N is the number of keys and M that of the items taken"
)

// BLPOP key [key ...] timeout
func blpop() *command.Spec {
	return waitPop("blpop", true, "Take the first item of a list, or wait for one.")
}

// BRPOP key [key ...] timeout
func brpop() *command.Spec {
	return waitPop("brpop", false, "Take the last item of a list, or wait for one.")
}

// waitPop returns a row that takes an item from the first of several lists that
// has one.
func waitPop(name string, left bool, summary string) *command.Spec {
	return popping.WaitOne(command.Spec{
		Name: name, Arity: -3, Flags: command.NoScript, KeyFlags: takes,
		Syntax: "<key> [<key> ...] <timeout>", Since: "2.0.0",
		Complexity: "O(N) where N is the number of keys", Summary: summary,
	}, func(d *replay.Draft, key []byte, l value.List) (resp.Value, error) {
		item, err := take(d, key, l, left)
		return resp.Array(resp.Bytes(key), item), err
	})
}

// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
func lmpop() *command.Spec {
	return popping.Many(command.Spec{
		Name: "lmpop", Arity: -4, KeyFlags: takes,
		Syntax: "<numkeys> <key> [<key> ...] LEFT|RIGHT [COUNT <count>]", Since: "7.0.0",
		Complexity: manyCost, Summary: "Take items from the first of several lists that has any.",
	})
}

// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
func blmpop() *command.Spec {
	return popping.WaitMany(command.Spec{
		Name: "blmpop", Arity: -5, KeyFlags: takes,
		Syntax: "<timeout> <numkeys> <key> [<key> ...] LEFT|RIGHT [COUNT <count>]", Since: "7.0.0",
		Complexity: manyCost, Summary: "Take items from the first of several lists that has any, or wait for one.",
	})
}

// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
func blmove() *command.Spec {
	return waitMove(command.Spec{
		Name: "blmove", Arity: 6, Since: "6.2.0",
		Syntax:  "<source> <destination> LEFT|RIGHT LEFT|RIGHT <timeout>",
		Summary: "Move an item from an end of a list to an end of another, or wait for one.",
	}, 5, parseWay)
}

// BRPOPLPUSH source destination timeout
func brpoplpush() *command.Spec {
	return waitMove(command.Spec{
		Name: "brpoplpush", Arity: 4, Since: "2.2.0",
		Syntax:  "<source> <destination> <timeout>",
		Summary: "Move the last item of a list to the front of another, or wait for one.",
	}, 3, func(command.Args) (way, error) { return endToFront, nil })
}

// waitMove returns a row that moves an item, or waits for one in the first of its
// two keys. Argument at is the timeout.
func waitMove(s command.Spec, at int, parse func(command.Args) (way, error)) *command.Spec {
	s.Flags = command.DenyOOM | command.NoScript
	s.Keys, s.KeyFlags = command.TwoKeys, bothKeys
	read := func(args command.Args) (w way, limit time.Duration, err error) {
		if w, err = parse(args); err == nil {
			limit, err = args.Timeout(at)
		}
		return w, limit, err
	}
	move := func(d *replay.Draft, args command.Args, w way) (resp.Value, error) {
		val, err := w.move(d, args)
		if err == nil && val.IsNil() {
			err = command.ErrWait
		}
		return val, err
	}
	return family.Wait(s, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		w, _, err := read(args)
		if err != nil {
			return resp.Value{}, err
		}
		return move(d, args, w)
	}, func(_ *replay.View, args command.Args) (command.Block, error) {
		w, limit, err := read(args)
		return command.Block{Timeout: limit, Keys: []int{1}, Serve: func(d *replay.Draft, key []byte) (resp.Value, error) {
			if _, ok := popping.Ready(d, key); !ok {
				return resp.Nil, command.ErrWait
			}
			return move(d, args, w)
		}}, err
	})
}
