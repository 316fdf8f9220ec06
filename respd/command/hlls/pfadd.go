package hlls

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// PFADD key [element [element ...]]
func pfadd() *command.Spec {
	return family.Write(command.Spec{
		Name: "pfadd", Arity: -2, Flags: command.Fast, Keys: command.OneKey,
		KeyFlags: "RW insert", Syntax: "<key> [<element> ...]", Since: "2.8.9",
		Complexity: "O(1) for each element",
		Summary:    "Add elements to a HyperLogLog.",
	}, runPfadd)
}

func runPfadd(d *replay.Draft, args command.Args) (resp.Value, error) {
	key := args[1]
	old, at, ok, err := d.StringAt(key)
	if err == nil && ok {
		err = check(old)
	}
	if err != nil {
		return resp.Value{}, err
	}
	v, changed := []byte(old), !ok
	if !ok {
		v = fresh()
	}
	for _, element := range args[2:] {
		var grew bool
		if v, grew, err = add(v, element); err != nil {
			return resp.Value{}, err
		}
		changed = changed || grew
	}
	if !changed {
		return resp.Int(0), nil
	}
	v[staleAt] |= 0x80
	if err := store(d, key, old, at, v); err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.String, "pfadd", key)
	return resp.Int(1), nil
}
