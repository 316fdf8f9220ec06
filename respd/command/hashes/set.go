package hashes

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const setting = command.DenyOOM | command.Fast

// HSET key field value [field value ...]
func hset() *command.Spec {
	return family.Write(command.Spec{
		Name: "hset", Arity: -4, Flags: setting, KeyFlags: "RW update",
		Syntax: "<key> <field> <value> [<field> <value>...]",
		Since:  "2.0.0", Complexity: "O(N) where N is the number of fields set",
		Summary: "Set fields, and take their deadlines away.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		added, err := setPairs(d, args, "hset")
		return resp.Int(int64(added)), err
	})
}

// HMSET key field value [field value ...]
func hmset() *command.Spec {
	return family.Write(command.Spec{
		Name: "hmset", Arity: -4, Flags: setting, KeyFlags: "RW update",
		Syntax: "<key> <field> <value> [<field> <value>...]",
		Since:  "2.0.0", Complexity: "O(N) where N is the number of fields set",
		Summary: "Set fields. HSET with several fields replaces it.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		_, err := setPairs(d, args, "hmset")
		return resp.OK, err
	})
}

// setPairs sets the fields named from argument 2 on and returns how many are
// new.
func setPairs(d *replay.Draft, args command.Args, name string) (int, error) {
	if len(args)%2 != 0 {
		return 0, wrongNumber(name)
	}
	added, err := d.SetFields(args[1], 0, args[2:])
	if err == nil {
		d.Notify(events.Hash, "hset", args[1])
	}
	return added, err
}

func wrongNumber(name string) error {
	return resp.Error("ERR wrong number of arguments for '" + name + "' command")
}

// HSETNX key field value
func hsetnx() *command.Spec {
	return family.Write(command.Spec{
		Name: "hsetnx", Arity: 4, Flags: setting, KeyFlags: "RW insert",
		Syntax: "<key> <field> <value>",
		Since:  "2.0.0", Summary: "Set a field unless it is there.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		h, err := d.Hash(args[1])
		if err != nil {
			return resp.Value{}, err
		}
		if _, ok := h.Get(args[2]); ok {
			return yes(false), nil
		}
		_, err = setPairs(d, args, "hsetnx")
		return yes(true), err
	})
}
