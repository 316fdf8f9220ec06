package lists

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const errNotPositive resp.Error = "ERR value is out of range, must be positive"

// LPOP key [count]
func lpop() *command.Spec {
	return popper("lpop", true, "Take items from the front of a list.")
}

// RPOP key [count]
func rpop() *command.Spec {
	return popper("rpop", false, "Take items from the end of a list.")
}

func popper(name string, left bool, summary string) *command.Spec {
	errArity := resp.Error("ERR wrong number of arguments for '" + name + "' command")
	return family.Write(command.Spec{
		Name: name, Arity: -2, Flags: command.Fast, KeyFlags: "RW access delete",
		Syntax: "<key> [<count>]", Since: "1.0.0",
		Complexity: "O(N) where N is the number of items taken", Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		switch len(args) {
		case 2:
			return popOne(d, args[1], left)
		case 3:
			return popSome(d, args, left)
		}
		return resp.Value{}, errArity
	})
}

func popOne(d *replay.Draft, key []byte, left bool) (resp.Value, error) {
	l, err := d.List(key)
	if err != nil || l.Len() == 0 {
		return resp.Nil, err
	}
	return take(d, key, l, left)
}

func popSome(d *replay.Draft, args command.Args, left bool) (resp.Value, error) {
	count, ok := number.ParseInt(args[2])
	if !ok || count < 0 {
		return resp.Value{}, errNotPositive
	}
	l, err := d.List(args[1])
	switch {
	case err != nil || l.Len() == 0:
		return resp.NilArray, err
	case count == 0:
		return resp.Array(), nil
	}
	return takeSome(d, args[1], l, left, count)
}

// take takes an item from an end of a list that has one.
func take(d *replay.Draft, key []byte, l value.List, left bool) (resp.Value, error) {
	size := l.Len()
	i := 0
	if !left {
		i = size - 1
	}
	item := l.At(i)
	return resp.Bulk(item), drop(d, key, left, size, i, 1)
}

// takeSome takes up to count items from an end of a list that has one: the
// outermost first.
func takeSome(d *replay.Draft, key []byte, l value.List, left bool, count int64) (resp.Value, error) {
	size := l.Len()
	n := int(min(count, int64(size)))
	items := make([]resp.Value, 0, n)
	first, walk := 0, l.From(0)
	if !left {
		first, walk = size-n, l.Down(size-1)
	}
	for item := range walk {
		items = append(items, resp.Bulk(item))
		if len(items) == n {
			break
		}
	}
	return resp.Array(items...), drop(d, key, left, size, first, n)
}

// drop removes count items of a list of that size that an end has given up.
func drop(d *replay.Draft, key []byte, left bool, size, first, count int) error {
	if err := d.RemoveItems(key, first, count); err != nil {
		return err
	}
	if left {
		d.Notify(events.List, "lpop", key)
	} else {
		d.Notify(events.List, "rpop", key)
	}
	if count == size {
		d.Notify(events.Generic, "del", key)
	}
	return nil
}
