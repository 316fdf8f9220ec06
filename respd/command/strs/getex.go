package strs

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// GETEX key
// [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST]
func getex() *command.Spec {
	return family.Write(command.Spec{
		Name: "getex", Arity: -2, Flags: command.Fast,
		Syntax: "<key> [EX <seconds>|PX <milliseconds>|EXAT <seconds>|" +
			"PXAT <milliseconds>|PERSIST]",
		Since: "6.2.0", Summary: "Return a string and change its deadline.",
	}, runGetex)
}

func runGetex(d *replay.Draft, args command.Args) (resp.Value, error) {
	e, persist, err := parseGetex(args)
	if err != nil {
		return resp.Value{}, err
	}
	val, oldAt, ok, err := d.StringAt(args[1])
	if err != nil || !ok {
		return resp.Nil, err
	}
	at, err := e.deadline(d.Now(), "getex")
	if err != nil {
		return resp.Value{}, err
	}
	if at != 0 || persist && oldAt != 0 {
		event := "expire"
		switch {
		case at == 0:
			event = "persist"
		case at <= d.Now():
			event = "del"
		}
		err = d.Expire(args[1], at)
		d.Notify(replay.GenericEvent, event, args[1])
	}
	return resp.Bulk(val), err
}

func parseGetex(args command.Args) (e expiry, persist bool, err error) {
	for i := 2; i < len(args); i++ {
		switch {
		case args.Is(i, "PERSIST") && e.unit == noTime:
			persist = true
		case !persist && e.parse(args, i):
			i++
		default:
			return e, persist, command.ErrSyntax
		}
	}
	return e, persist, nil
}
