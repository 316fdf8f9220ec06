package strs

import (
	"ledge/replay"
	"ledge/replay/events"
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
	o, err := getexOptions.Parse(args[2:], nil)
	if err != nil {
		return resp.Value{}, err
	}
	val, oldAt, ok, err := d.StringAt(args[1])
	if err != nil || !ok {
		return resp.Nil, err
	}
	at, err := deadline(o, d.Now(), "getex")
	if err != nil {
		return resp.Value{}, err
	}
	if at != 0 || o.Bits.Has(persist) && oldAt != 0 {
		event := "expire"
		switch {
		case at == 0:
			event = "persist"
		case at <= d.Now():
			event = "del"
		}
		err = d.Expire(args[1], at)
		d.Notify(events.Generic, event, args[1])
	}
	return resp.Bulk(val), err
}

var getexOptions = append(command.Options[[]byte]{{Word: "PERSIST", Says: persist, Not: anyTime}}, timeOptions(persist)...)
