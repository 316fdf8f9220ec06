package keys

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// DEL key [key ...]
func del() *command.Spec {
	return family.Write(command.Spec{
		Name: "del", Arity: -2, Keys: command.AllKeys, KeyFlags: "RM delete",
		Syntax: "<key> [<key> ...]", Tips: []string{perShard, sumReplies},
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys",
		Summary: "Remove keys.",
	}, runDel)
}

// UNLINK key [key ...]
func unlink() *command.Spec {
	return family.Write(command.Spec{
		Name: "unlink", Arity: -2, Flags: command.Fast, Keys: command.AllKeys,
		KeyFlags: "RM delete",
		Syntax:   "<key> [<key> ...]", Tips: []string{perShard, sumReplies},
		Since: "4.0.0", Complexity: "O(N) where N is the number of keys",
		Summary: "Remove keys. The same as DEL.",
	}, runDel)
}

func runDel(d *replay.Draft, args command.Args) (resp.Value, error) {
	n := int64(0)
	for _, key := range args[1:] {
		ok, err := d.Delete(key)
		if err != nil {
			return resp.Value{}, err
		}
		if ok {
			d.Notify(events.Generic, "del", key)
			n++
		}
	}
	return resp.Int(n), nil
}
