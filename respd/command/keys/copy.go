package keys

import (
	"bytes"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// COPY source destination [DB destination-db] [REPLACE]
func copyKey() *command.Spec {
	return family.Write(command.Spec{
		Name: "copy", Arity: -3, Flags: command.DenyOOM, Keys: command.TwoKeys,
		KeyFlags: "RO access;OW update",
		Syntax:   "<source> <destination> [DB <destination-db>] [REPLACE]",
		Since:    "6.2.0", Complexity: "O(N) where N is the size of the value",
		Summary: "Copy what a key holds, with its deadline.",
	}, runCopy)
}

func runCopy(d *replay.Draft, args command.Args) (resp.Value, error) {
	db, replace, err := parseCopy(&d.View, args)
	if err != nil {
		return resp.Value{}, err
	}
	key, to := args[1], args[2]
	if db == d.DB() && bytes.Equal(key, to) {
		return resp.Value{}, errSame
	}
	if !d.Exists(key) || !replace && d.ExistsIn(db, to) {
		return yes(false), nil
	}
	err = d.Copy(key, db, to)
	d.NotifyIn(events.Generic, "copy_to", db, to)
	return yes(true), err
}

func parseCopy(v *replay.View, args command.Args) (db journal.DB, replace bool, err error) {
	db = v.DB()
	for i := 3; i < len(args); i++ {
		switch {
		case args.Is(i, "REPLACE"):
			replace = true
		case args.Is(i, "DB") && i+1 < len(args):
			i++
			if db, err = database(v, args, i); err != nil {
				return db, replace, err
			}
		default:
			return db, replace, command.ErrSyntax
		}
	}
	return db, replace, nil
}

// MOVE key db
func move() *command.Spec {
	return family.Write(command.Spec{
		Name: "move", Arity: 3, Flags: command.Fast, Keys: command.OneKey,
		Syntax: "<key> <db>", Since: "1.0.0", Summary: "Move a key to another database.",
	}, runMove)
}

func runMove(d *replay.Draft, args command.Args) (resp.Value, error) {
	db, err := database(&d.View, args, 2)
	if err != nil {
		return resp.Value{}, err
	}
	if db == d.DB() {
		return resp.Value{}, errSame
	}
	if !d.Exists(args[1]) || d.ExistsIn(db, args[1]) {
		return yes(false), nil
	}
	err = d.Rename(args[1], db, args[1])
	d.Notify(events.Generic, "move_from", args[1])
	d.NotifyIn(events.Generic, "move_to", db, args[1])
	return yes(true), err
}
