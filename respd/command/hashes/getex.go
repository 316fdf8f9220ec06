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

// getexOptions are the options of HGETEX.
type getexOptions struct {
	timed, persist bool
	at             int64 // if timed
	fields         [][]byte
}

func parseGetex(args command.Args, now int64) (o getexOptions, err error) {
	i := 2
	word := args.Word(i)
	if t, ok := timings[word]; ok {
		if o.at, err = t.deadline(args, i+1, now, "hgetex"); err != nil {
			return o, err
		}
		o.timed = true
		i += 2
	} else if word == "PERSIST" {
		o.persist = true
		i++
	}
	o.fields, err = fieldsAt(args, i, errCount)
	return o, err
}
