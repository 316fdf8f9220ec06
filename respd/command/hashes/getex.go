package hashes

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// HGETEX key
// [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST]
// FIELDS numfields field [field ...]
func hgetex() *command.Spec {
	return family.Write(command.Spec{
		Name: "hgetex", Arity: -5, Flags: command.Fast, KeyFlags: "RW access update",
		Syntax: "<key> [EX <seconds>|PX <milliseconds>|EXAT <seconds>|" +
			"PXAT <milliseconds>|PERSIST] FIELDS <count> <field>...",
		Since: "8.0.0", Complexity: perField,
		Summary: "Return the values of fields and change their deadlines.",
	}, runHgetex)
}

func runHgetex(d *replay.Draft, args command.Args) (resp.Value, error) {
	h, err := d.Hash(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	o, err := parseGetex(args, d.Now())
	if err != nil {
		return resp.Value{}, err
	}
	e := expiry{hash: h, at: o.at, past: o.timed && o.at <= d.Now(), done: make(names)}
	vals := make([]resp.Value, len(o.fields))
	for i, field := range o.fields {
		if _, again := e.done[string(field)]; again && e.past {
			continue // it is gone
		}
		vals[i] = found(h.Get(field))
		if old, _ := h.Deadline(field); o.timed || o.persist && old != 0 {
			e.judge(field)
		}
	}
	if o.persist {
		err = persist(d, args[1], e.fresh)
	} else {
		err = e.carryOut(d, args[1])
	}
	return resp.Array(vals...), err
}

// What the options of HGETEX say.
const (
	timed command.OptionBits = 1 << iota
	noTime
)

var getexWords = append(timeOptions(command.Option[keeping]{Says: timed}),
	command.Option[keeping]{Word: "PERSIST", Says: noTime})

// getexOptions are the options of HGETEX.
type getexOptions struct {
	timed, persist bool
	at             int64 // if timed
	fields         [][]byte
}

// parseGetex reads at most one option and the fields.
func parseGetex(args command.Args, now int64) (o getexOptions, err error) {
	g := command.Given[keeping]{Value: keeping{now: now, command: "hgetex"}}
	n, err := getexWords.Take(args, 2, &g)
	if err != nil {
		return o, err
	}
	o.timed, o.persist, o.at = g.Bits.Has(timed), g.Bits.Has(noTime), g.Value.at
	o.fields, err = fieldsAt(args, 2+n, errCount)
	return o, err
}
