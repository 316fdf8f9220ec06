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
		Summary:   "Copy what a key holds, with its deadline.",
		Clustered: copiesElsewhere,
	}, runCopy)
}

func runCopy(d *replay.Draft, args command.Args) (resp.Value, error) {
	o, err := copyOptions.Parse(args[3:], copying{&d.View, d.DB()})
	if err != nil {
		return resp.Value{}, err
	}
	db := o.Value.db
	key, to := args[1], args[2]
	if db == d.DB() && bytes.Equal(key, to) {
		return resp.Value{}, errSame
	}
	if !d.Exists(key) || !o.Bits.Has(replace) && d.ExistsIn(db, to) {
		return yes(false), nil
	}
	err = d.Copy(key, db, to)
	d.NotifyIn(events.Generic, "copy_to", db, to)
	return yes(true), err
}

// copiesElsewhere refuses COPY to a database that a cluster does not have.
func copiesElsewhere(args command.Args) error {
	for i := 3; i < len(args); i++ {
		if !args.Is(i, "DB") || i+1 == len(args) {
			continue
		}
		if n, err := args.Int32(i + 1); err == nil && n > 0 {
			return resp.Error("ERR Copying to another database is not allowed in cluster mode")
		}
		i++
	}
	return nil
}

// copying is where COPY puts the copy.
type copying struct {
	view *replay.View
	db   journal.DB
}

var copyOptions = command.Options[copying]{
	{Word: "REPLACE", Says: replace},
	{Word: "DB", Takes: 1, Read: func(c copying, vals command.Args) (copying, error) {
		var err error
		c.db, err = database(c.view, vals, 0)
		return c, err
	}},
}

// MOVE key db
func move() *command.Spec {
	return family.Write(command.Spec{
		Name: "move", Arity: 3, Flags: command.Fast, Keys: command.OneKey,
		Syntax: "<key> <db>", Since: "1.0.0", Summary: "Move a key to another database.",
		Clustered: command.NotInCluster("ERR MOVE is not allowed in cluster mode"),
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
