package zsets

import (
	"time"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

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
	serve := func(d *replay.Draft, key []byte, z value.ZSet) (resp.Value, error) {
		popped, err := pop(d, key, z, 1, highest)
		return resp.Array(append([]resp.Value{resp.Bytes(key)}, popped...)...), err
	}
	timeout := func(args command.Args) (time.Duration, error) { return args.Timeout(len(args) - 1) }
	return waiting(command.Spec{
		Name: name, Arity: -3, Flags: command.NoScript | command.Fast,
		Keys: command.KeyRange{First: 1, Last: -2, Step: 1}, Syntax: "<key> [<key> ...] <timeout>",
		Since: "5.0.0", Complexity: logCost, Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		if _, err := timeout(args); err != nil {
			return resp.Value{}, err
		}
		for _, key := range args[1 : len(args)-1] {
			z, err := d.ZSet(key)
			if err != nil {
				return resp.Value{}, err
			}
			if z.Len() > 0 {
				return serve(d, key, z)
			}
		}
		return resp.NilArray, command.ErrWait
	}, command.Block{
		Timeout: timeout,
		Serve: func(d *replay.Draft, _ command.Args, key []byte) (resp.Value, error) {
			z, err := ready(d, key)
			if err != nil {
				return resp.NilArray, err
			}
			return serve(d, key, z)
		},
	})
}

// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
func bzmpop() *command.Spec {
	timeout := func(args command.Args) (time.Duration, error) { return args.Timeout(1) }
	return waiting(command.Spec{
		Name: "bzmpop", Arity: -5, NumKeys: 2,
		Syntax: "<timeout> <numkeys> <key> [<key> ...] MIN|MAX [COUNT <count>]",
		Since:  "7.0.0", Complexity: popCost,
		Summary: "Take members from the first of several sorted sets that has any, or wait for one.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		m, err := parseWaiting(args)
		if err != nil {
			return resp.Value{}, err
		}
		val, ok, err := m.popFirst(d)
		if err == nil && !ok {
			err = command.ErrWait
		}
		return val, err
	}, command.Block{
		Timeout: timeout,
		Serve: func(d *replay.Draft, args command.Args, key []byte) (resp.Value, error) {
			z, err := ready(d, key)
			if err != nil {
				return resp.NilArray, err
			}
			m, err := parseWaiting(args)
			if err != nil {
				return resp.Value{}, err
			}
			return m.pop(d, key, z)
		},
	})
}

// parseWaiting reads BZMPOP's arguments, the timeout last as Redis does.
func parseWaiting(args command.Args) (many, error) {
	m, err := parseMany(args, 2)
	if err == nil {
		_, err = args.Timeout(1)
	}
	return m, err
}

// waiting returns a row that takes or waits.
func waiting(s command.Spec, run func(*replay.Draft, command.Args) (resp.Value, error),
	b command.Block,
) *command.Spec {
	s.KeyFlags = takes
	return family.Wait(s, run, b)
}

// ready returns the sorted set that somebody waits for, or ErrWait. A key of
// another type is as if it were not there.
func ready(d *replay.Draft, key []byte) (value.ZSet, error) {
	z, err := d.ZSet(key)
	if err != nil || z.Len() == 0 {
		return z, command.ErrWait
	}
	return z, nil
}
