package lists

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errIndex resp.Error = "ERR index out of range"

// LLEN key
func llen() *command.Spec {
	return family.Read(command.Spec{
		Name: "llen", Arity: 2, Flags: command.Fast, KeyFlags: "RO",
		Syntax: "<key>", Since: "1.0.0", Summary: "Return the length of a list.",
	}, func(v *replay.View, args command.Args) resp.Value {
		l, err := v.List(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return resp.Int(int64(l.Len()))
	})
}

// LINDEX key index
func lindex() *command.Spec {
	return family.Read(command.Spec{
		Name: "lindex", Arity: 3, Syntax: "<key> <index>", Since: "1.0.0",
		Complexity: "O(log N) where N is the length of the list",
		Summary:    "Return the item at a place in a list.",
	}, runLindex)
}

func runLindex(v *replay.View, args command.Args) resp.Value {
	l, err := v.List(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	if l.Len() == 0 { // the index is not even looked at
		return resp.Nil
	}
	index, err := args.Int(2)
	if err != nil {
		return resp.FromError(err)
	}
	i, ok := place(index, l.Len())
	if !ok {
		return resp.Nil
	}
	return resp.Bulk(l.At(i))
}

// LSET key index element
func lset() *command.Spec {
	return family.Write(command.Spec{
		Name: "lset", Arity: 4, Flags: command.DenyOOM, KeyFlags: "RW update",
		Syntax: "<key> <index> <element>", Since: "1.0.0",
		Complexity: "O(log N) where N is the length of the list",
		Summary:    "Replace the item at a place in a list.",
	}, runLset)
}

func runLset(d *replay.Draft, args command.Args) (resp.Value, error) {
	l, err := d.List(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	if l.Len() == 0 {
		return resp.Value{}, command.ErrNoKey
	}
	index, err := args.Int(2)
	if err != nil {
		return resp.Value{}, err
	}
	i, ok := place(index, l.Len())
	if !ok {
		return resp.Value{}, errIndex
	}
	if err := d.SetItem(args[1], i, args[3]); err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.List, "lset", args[1])
	return resp.OK, nil
}
