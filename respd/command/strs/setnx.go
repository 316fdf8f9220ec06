package strs

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// SETNX key value
func setnx() *command.Spec {
	return family.Write(command.Spec{
		Name: "setnx", Arity: 3, Flags: command.DenyOOM | command.Fast, KeyFlags: "OW insert",
		Syntax: "<key> <value>", Since: "1.0.0",
		Summary: "Set a string unless the key is there.",
	}, runSetnx)
}

func runSetnx(d *replay.Draft, args command.Args) (resp.Value, error) {
	if d.Exists(args[1]) {
		return resp.Int(0), nil
	}
	return resp.Int(1), setString(d, args[1], args[2], 0)
}

// SETEX key seconds value
func setex() *command.Spec {
	return family.Write(command.Spec{
		Name: "setex", Arity: 4, Flags: command.DenyOOM, KeyFlags: "OW update",
		Syntax: "<key> <seconds> <value>", Since: "2.0.0",
		Summary: "Set a string that expires after some seconds.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		return setExpiring(d, args, inSeconds, "setex")
	})
}

// PSETEX key milliseconds value
func psetex() *command.Spec {
	return family.Write(command.Spec{
		Name: "psetex", Arity: 4, Flags: command.DenyOOM, KeyFlags: "OW update",
		Syntax: "<key> <milliseconds> <value>", Since: "2.6.0",
		Summary: "Set a string that expires after some milliseconds.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		return setExpiring(d, args, inMillis, "psetex")
	})
}

func setExpiring(d *replay.Draft, args command.Args, unit command.OptionBits, name string) (resp.Value, error) {
	at, err := deadline(command.Given[[]byte]{Bits: unit, Value: args[2]}, d.Now(), name)
	if err != nil {
		return resp.Value{}, err
	}
	return resp.OK, put(d, args[1], args[3], at)
}
