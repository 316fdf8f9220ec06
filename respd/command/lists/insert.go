package lists

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LINSERT key BEFORE | AFTER pivot element
func linsert() *command.Spec {
	return family.Write(command.Spec{
		Name: "linsert", Arity: 5, Flags: command.DenyOOM, KeyFlags: "RW insert",
		Syntax: "<key> BEFORE|AFTER <pivot> <element>", Since: "2.2.0",
		Complexity: "O(N) where N is how far the pivot is from the front",
		Summary:    "Put an item in front of another or behind it.",
	}, runLinsert)
}

func runLinsert(d *replay.Draft, args command.Args) (resp.Value, error) {
	behind := 0
	switch {
	case args.Is(2, "AFTER"):
		behind = 1
	case !args.Is(2, "BEFORE"):
		return resp.Value{}, command.ErrSyntax
	}
	l, err := d.List(args[1])
	n := l.Len()
	if err != nil || n == 0 {
		return resp.Int(0), err
	}
	at := 0
	for item := range l.From(0) {
		if item == string(args[3]) {
			break
		}
		at++
	}
	if at == n {
		return resp.Int(-1), nil
	}
	if err := d.InsertItem(args[1], at+behind, args[4]); err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.List, "linsert", args[1])
	return resp.Int(int64(n + 1)), nil
}
