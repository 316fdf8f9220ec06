package lists

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// bothKeys are what is done to the keys of what moves an item.
const bothKeys = "RW access delete;RW insert"

// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
func lmove() *command.Spec {
	return family.Write(command.Spec{
		Name: "lmove", Arity: 5, Flags: command.DenyOOM, Keys: command.TwoKeys, KeyFlags: bothKeys,
		Syntax: "<source> <destination> LEFT|RIGHT LEFT|RIGHT", Since: "6.2.0",
		Summary: "Move an item from an end of a list to an end of another.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		w, err := parseWay(args)
		if err != nil {
			return resp.Value{}, err
		}
		return w.move(d, args)
	})
}

// RPOPLPUSH source destination
func rpoplpush() *command.Spec {
	return family.Write(command.Spec{
		Name: "rpoplpush", Arity: 3, Flags: command.DenyOOM, Keys: command.TwoKeys,
		KeyFlags: bothKeys, Syntax: "<source> <destination>", Since: "1.2.0",
		Summary: "Move the last item of a list to the front of another.",
	}, endToFront.move)
}

// way is from which end of a list to which end of another an item goes.
type way struct{ fromLeft, toLeft bool }

// endToFront is the way of RPOPLPUSH.
var endToFront = way{fromLeft: false, toLeft: true}

// parseWay reads the way from arguments 3 and 4.
func parseWay(args command.Args) (w way, err error) {
	if w.fromLeft, err = end(args, 3); err != nil {
		return w, err
	}
	w.toLeft, err = end(args, 4)
	return w, err
}

// move moves an item from the list at argument 1 to that at argument 2, nil if
// there is none.
func (w way) move(d *replay.Draft, args command.Args) (resp.Value, error) {
	from, to := args[1], args[2]
	l, err := d.List(from)
	if err != nil || l.Len() == 0 {
		return resp.Nil, err
	}
	if _, err := d.List(to); err != nil {
		return resp.Value{}, err
	}
	i := 0
	if !w.fromLeft {
		i = l.Len() - 1
	}
	item := l.At(i)
	// The item is added first, so that a list of one that is turned round is
	// there all the time and keeps its deadline.
	if _, err := push(d, to, w.toLeft, [][]byte{[]byte(item)}); err != nil {
		return resp.Value{}, err
	}
	if string(from) == string(to) && w.toLeft {
		i++
	}
	l, err = d.List(from)
	if err != nil {
		return resp.Value{}, err
	}
	return resp.Bulk(item), drop(d, from, w.fromLeft, l.Len(), i, 1)
}
