package keys

import (
	"bytes"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// RENAME key newkey
func rename() *command.Spec {
	return family.Write(command.Spec{
		Name: "rename", Arity: 3, Keys: command.TwoKeys,
		KeyFlags: "RW access delete;OW update", Syntax: "<key> <newkey>",
		Since: "1.0.0", Summary: "Give a key another name, replacing what had it.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		_, err := renameKey(d, args[1], args[2], true)
		return resp.OK, err
	})
}

// RENAMENX key newkey
func renamenx() *command.Spec {
	return family.Write(command.Spec{
		Name: "renamenx", Arity: 3, Flags: command.Fast, Keys: command.TwoKeys,
		KeyFlags: "RW access delete;OW insert", Syntax: "<key> <newkey>",
		Since: "1.0.0", Summary: "Give a key another name unless that is taken.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		done, err := renameKey(d, args[1], args[2], false)
		return yes(done), err
	})
}

// renameKey reports whether the key has got another name. A key that already
// has the name keeps it.
func renameKey(d *replay.Draft, key, to []byte, replace bool) (bool, error) {
	if !d.Exists(key) {
		return false, command.ErrNoKey
	}
	if bytes.Equal(key, to) || !replace && d.Exists(to) {
		return false, nil
	}
	err := d.Rename(key, d.DB(), to)
	d.Notify(events.Generic, "rename_from", key)
	d.Notify(events.Generic, "rename_to", to)
	return true, err
}
