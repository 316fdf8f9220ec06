package hashes

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// HTTL key FIELDS numfields field [field ...]
func httl() *command.Spec {
	return ttlRow("httl", timing{seconds: true, relative: true},
		"Return in how many seconds fields expire.")
}

// HPTTL key FIELDS numfields field [field ...]
func hpttl() *command.Spec {
	return ttlRow("hpttl", timing{relative: true},
		"Return in how many milliseconds fields expire.")
}

// HEXPIRETIME key FIELDS numfields field [field ...]
func hexpiretime() *command.Spec {
	return ttlRow("hexpiretime", timing{seconds: true},
		"Return the Unix time at which fields expire.")
}

// HPEXPIRETIME key FIELDS numfields field [field ...]
func hpexpiretime() *command.Spec {
	return ttlRow("hpexpiretime", timing{},
		"Return the Unix time in milliseconds at which fields expire.")
}

// ttlRow returns the row of a command that shows deadlines.
func ttlRow(name string, t timing, summary string) *command.Spec {
	s := command.Spec{
		Name: name, Arity: -5, Flags: command.Fast, Syntax: "<key> FIELDS <count> <field>...",
		Since: "7.4.0", Complexity: perField, Summary: summary,
	}
	if t.relative {
		s.Tips = []string{unpredictable}
	}
	return family.Read(s, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		fields, err := fieldsAt(args, 2, errCount)
		if err != nil {
			return resp.FromError(err)
		}
		said := make([]resp.Value, len(fields))
		for i, field := range fields {
			at, ok := h.Deadline(field)
			said[i] = resp.Int(t.show(at, ok, v.Now()))
		}
		return resp.Array(said...)
	})
}

// show returns a deadline, 0 for none, as a command shows it. Seconds are
// rounded up, so that a field with time left never shows none.
func (t timing) show(at int64, ok bool, now int64) int64 {
	switch {
	case !ok:
		return noField
	case at == 0:
		return noDeadline
	}
	if t.relative {
		at -= now
	}
	if t.seconds {
		at = (at + 999) / 1000
	}
	return at
}
