package lists

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LPUSH key element [element ...]
func lpush() *command.Spec {
	return pusher("lpush", true, "1.0.0", "Add items to the front of a list.")
}

// RPUSH key element [element ...]
func rpush() *command.Spec {
	return pusher("rpush", false, "1.0.0", "Add items to the end of a list.")
}

func pusher(name string, left bool, since, summary string) *command.Spec {
	return family.Write(command.Spec{
		Name: name, Arity: -3, Flags: command.DenyOOM | command.Fast, KeyFlags: "RW insert",
		Syntax: "<key> <element> [<element> ...]", Since: since,
		Complexity: "O(N) where N is the number of items added", Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		n, err := push(d, args[1], left, args[2:])
		return resp.Int(int64(n)), err
	})
}

// LPUSHX key element [element ...]
func lpushx() *command.Spec {
	return pusherx("lpushx", true, "Add items to the front of a list that is there.")
}

// RPUSHX key element [element ...]
func rpushx() *command.Spec {
	return pusherx("rpushx", false, "Add items to the end of a list that is there.")
}

func pusherx(name string, left bool, summary string) *command.Spec {
	s := pusher(name, left, "2.2.0", summary)
	add := s.Write
	s.Write = func(d *replay.Draft, args command.Args) (resp.Value, error) {
		if !d.Exists(args[1]) {
			return resp.Int(0), nil
		}
		return add(d, args)
	}
	return s
}

// push adds items to an end of a list and returns its length.
func push(d *replay.Draft, key []byte, left bool, items [][]byte) (int, error) {
	n, err := d.Push(key, left, items)
	if err != nil {
		return 0, err
	}
	if left {
		d.Notify(events.List, "lpush", key)
	} else {
		d.Notify(events.List, "rpush", key)
	}
	return n, nil
}
