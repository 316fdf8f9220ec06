package hashes

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// What is said of each field.
const (
	noField     = -2
	noDeadline  = -1
	notAllowed  = 0
	deadlineSet = 1
	goneAtOnce  = 2
)

const perField = "O(N) where N is the number of fields named"

// HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
func hexpire() *command.Spec {
	return expireRow("hexpire", "<seconds>", timing{seconds: true, relative: true},
		"Have fields expire after some seconds.")
}

// HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
func hpexpire() *command.Spec {
	return expireRow("hpexpire", "<milliseconds>", timing{relative: true},
		"Have fields expire after some milliseconds.")
}

// HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
func hexpireat() *command.Spec {
	return expireRow("hexpireat", "<unix-seconds>", timing{seconds: true},
		"Have fields expire at a Unix time.")
}

// HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
func hpexpireat() *command.Spec {
	return expireRow("hpexpireat", "<unix-milliseconds>", timing{},
		"Have fields expire at a Unix time in milliseconds.")
}

// expireRow returns the row of a command that sets deadlines.
func expireRow(name, unit string, t timing, summary string) *command.Spec {
	return family.Write(command.Spec{
		Name: name, Arity: -6, Flags: setting, KeyFlags: "RW update",
		Syntax: "<key> " + unit + " [NX|XX|GT|LT] FIELDS <count> <field>...",
		Since:  "7.4.0", Complexity: perField, Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		h, err := d.Hash(args[1])
		if err != nil {
			return resp.Value{}, err
		}
		at, err := t.deadline(args, 2, d.Now(), name)
		if err != nil {
			return resp.Value{}, err
		}
		when, i := conditionAt(args, 3)
		fields, err := fieldsAt(args, i, errNumFields)
		if err != nil {
			return resp.Value{}, err
		}
		e := expiry{hash: h, at: at, past: at <= d.Now(), when: when, done: make(names)}
		said := make([]resp.Value, len(fields))
		for i, field := range fields {
			said[i] = resp.Int(e.judge(field))
		}
		return resp.Array(said...), e.carryOut(d, args[1])
	})
}

// condition says which fields are to get a deadline: one bit, or none for all.
type condition struct{ command.OptionBits }

const (
	ifNone command.OptionBits = 1 << iota
	ifAny
	ifLater
	ifEarlier
)

var conditions = command.Options[struct{}]{
	{Word: "NX", Says: ifNone}, {Word: "XX", Says: ifAny}, {Word: "GT", Says: ifLater}, {Word: "LT", Says: ifEarlier},
}

// conditionAt reads the condition that may be argument i, and returns where to
// read on.
func conditionAt(args command.Args, i int) (condition, int) {
	var g command.Given[struct{}]
	n, _ := conditions.Take(args, i, &g)
	return condition{g.Bits}, i + n
}

// allows reports whether a field with the deadline old, 0 for none, may get at.
// No deadline counts as later than any.
func (c condition) allows(old, at int64) bool {
	switch c.OptionBits {
	case ifNone:
		return old == 0
	case ifAny:
		return old != 0
	case ifLater:
		return old != 0 && at > old
	case ifEarlier:
		return old == 0 || at < old
	}
	return true
}

// expiry gives fields of a hash a deadline, or removes them if it has passed.
type expiry struct {
	hash  value.Hash
	at    int64
	past  bool
	when  condition
	fresh [][]byte // the fields that are to get it
	done  names    // the same, to find one that is named twice
}

// judge decides about one field and returns what is said of it.
func (e *expiry) judge(field []byte) int64 {
	old, ok := e.hash.Deadline(field)
	if _, again := e.done[string(field)]; again {
		old, ok = e.at, !e.past
	}
	switch {
	case !ok:
		return noField
	case !e.when.allows(old, e.at):
		return notAllowed
	}
	if e.done.add(field) {
		e.fresh = append(e.fresh, field)
	}
	if e.past {
		return goneAtOnce
	}
	return deadlineSet
}

// carryOut does what was decided.
func (e *expiry) carryOut(d *replay.Draft, key []byte) error {
	switch {
	case len(e.fresh) == 0:
		return nil
	case e.past:
		_, err := lose(d, key, e.fresh)
		return err
	}
	d.Notify(events.Hash, "hexpire", key)
	return d.ExpireFields(key, e.at, e.fresh)
}

// HPERSIST key FIELDS numfields field [field ...]
func hpersist() *command.Spec {
	return family.Write(command.Spec{
		Name: "hpersist", Arity: -5, Flags: command.Fast, KeyFlags: "RW update",
		Syntax: "<key> FIELDS <count> <field>...",
		Since:  "7.4.0", Complexity: perField, Summary: "Take the deadlines of fields away.",
	}, runHpersist)
}

func runHpersist(d *replay.Draft, args command.Args) (resp.Value, error) {
	h, err := d.Hash(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	fields, err := fieldsAt(args, 2, errCount)
	if err != nil {
		return resp.Value{}, err
	}
	said := make([]resp.Value, len(fields))
	timed, done := [][]byte{}, make(names)
	for i, field := range fields {
		old, ok := h.Deadline(field)
		switch {
		case !ok:
			said[i] = resp.Int(noField)
		case old == 0 || !done.add(field):
			said[i] = resp.Int(noDeadline)
		default:
			said[i] = resp.Int(deadlineSet)
			timed = append(timed, field)
		}
	}
	return resp.Array(said...), persist(d, args[1], timed)
}

// persist takes the deadlines of fields that have one away.
func persist(d *replay.Draft, key []byte, fields [][]byte) error {
	if len(fields) == 0 {
		return nil
	}
	d.Notify(events.Hash, "hpersist", key)
	return d.ExpireFields(key, 0, fields)
}
