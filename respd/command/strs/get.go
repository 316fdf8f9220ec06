package strs

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// GET key
func get() *command.Spec {
	return family.Read(command.Spec{
		Name: "get", Arity: 2, Flags: command.Fast, Syntax: "<key>",
		Since: "1.0.0", Summary: "Return a string.",
	}, runGet)
}

func runGet(v *replay.View, args command.Args) resp.Value {
	val, ok, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	return found(val, ok)
}

// GETDEL key
func getdel() *command.Spec {
	return family.Write(command.Spec{
		Name: "getdel", Arity: 2, Flags: command.Fast, KeyFlags: "RW access delete",
		Syntax: "<key>", Since: "6.2.0", Summary: "Return a string and remove its key.",
	}, runGetdel)
}

func runGetdel(d *replay.Draft, args command.Args) (resp.Value, error) {
	val, ok, err := d.GetString(args[1])
	if err != nil || !ok {
		return resp.Nil, err
	}
	_, err = d.Delete(args[1])
	d.Notify(events.Generic, "del", args[1])
	return resp.Bulk(val), err
}

// GETSET key value
func getset() *command.Spec {
	return family.Write(command.Spec{
		Name: "getset", Arity: 3, Flags: command.DenyOOM | command.Fast,
		Syntax: "<key> <value>", Since: "1.0.0",
		Summary: "Set a string and return what it was.",
	}, runGetset)
}

func runGetset(d *replay.Draft, args command.Args) (resp.Value, error) {
	val, ok, err := d.GetString(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	return found(val, ok), setString(d, args[1], args[2], 0)
}
