package lists

import (
	"time"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
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
	serve := func(d *replay.Draft, key []byte, l value.List) (resp.Value, error) {
		item, err := take(d, key, l, left)
		return resp.Array(resp.Bytes(key), item), err
	}
	timeout := func(args command.Args) (time.Duration, error) { return args.Timeout(len(args) - 1) }
	return family.Wait(command.Spec{
		Name: name, Arity: -3, Flags: command.NoScript, Keys: command.KeyRange{First: 1, Last: -2, Step: 1},
		KeyFlags: "RW access delete", Syntax: "<key> [<key> ...] <timeout>", Since: "2.0.0",
		Complexity: "O(N) where N is the number of keys", Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		if _, err := timeout(args); err != nil {
			return resp.Value{}, err
		}
		for _, key := range args[1 : len(args)-1] {
			l, err := d.List(key)
			if err != nil {
				return resp.Value{}, err
			}
			if l.Len() > 0 {
				return serve(d, key, l)
			}
		}
		return resp.NilArray, command.ErrWait
	}, command.Block{
		Timeout: timeout,
		Serve: func(d *replay.Draft, _ command.Args, key []byte) (resp.Value, error) {
			l, ok := ready(d, key)
			if !ok {
				return resp.NilArray, command.ErrWait
			}
			return serve(d, key, l)
		},
	})
}

// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
func blmpop() *command.Spec {
	return family.Wait(command.Spec{
		Name: "blmpop", Arity: -5, NumKeys: 2, KeyFlags: "RW access delete",
		Syntax: "<timeout> <numkeys> <key> [<key> ...] LEFT|RIGHT [COUNT <count>]", Since: "7.0.0",
		Complexity: "O(N+M) where N is the number of keys and M that of the items taken",
		Summary:    "Take items from the first of several lists that has any, or wait for one.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		m, err := parseMany(args, 2)
		if err != nil {
			return resp.Value{}, err
		}
		if _, err := args.Timeout(1); err != nil {
			return resp.Value{}, err
		}
		val, ok, err := m.popFirst(d)
		if err == nil && !ok {
			err = command.ErrWait
		}
		return val, err
	}, command.Block{
		Timeout: func(args command.Args) (time.Duration, error) { return args.Timeout(1) },
		Serve: func(d *replay.Draft, args command.Args, key []byte) (resp.Value, error) {
			l, ok := ready(d, key)
			if !ok {
				return resp.NilArray, command.ErrWait
			}
			m, err := parseMany(args, 2)
			if err != nil {
				return resp.Value{}, err
			}
			return m.pop(d, key, l)
		},
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

// waitMove returns a row that moves an item. Argument at is the timeout.
func waitMove(s command.Spec, at int, parse func(command.Args) (way, error)) *command.Spec {
	s.Flags = command.DenyOOM | command.NoScript
	s.Keys, s.KeyFlags = command.TwoKeys, bothKeys
	timeout := func(args command.Args) (time.Duration, error) { return args.Timeout(at) }
	move := func(d *replay.Draft, args command.Args) (resp.Value, error) {
		w, err := parse(args)
		if err != nil {
			return resp.Value{}, err
		}
		if _, err := timeout(args); err != nil {
			return resp.Value{}, err
		}
		val, err := w.move(d, args)
		if err == nil && val.IsNil() {
			err = command.ErrWait
		}
		return val, err
	}
	return family.Wait(s, move, command.Block{
		Timeout: timeout,
		Keys:    func(command.Args) []int { return []int{1} },
		Serve: func(d *replay.Draft, args command.Args, key []byte) (resp.Value, error) {
			if _, ok := ready(d, key); !ok {
				return resp.Nil, command.ErrWait
			}
			return move(d, args)
		},
	})
}

// ready returns the list that somebody waits for. A key of another type is as
// if it were not there.
func ready(d *replay.Draft, key []byte) (value.List, bool) {
	l, err := d.List(key)
	return l, err == nil && l.Len() > 0
}
