package keys

import (
	"math"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNX   resp.Error = "ERR NX and XX, GT or LT options at the same time are not compatible"
	errGTLT resp.Error = "ERR GT and LT options at the same time are not compatible"
)

// EXPIRE key seconds [NX | XX | GT | LT]
func expire() *command.Spec {
	return deadlineRow(command.Spec{
		Name: "expire", Syntax: "<key> <seconds> [NX|XX|GT|LT]", Since: "1.0.0",
		Summary: "Have a key expire after some seconds.",
	}, true, true)
}

// PEXPIRE key milliseconds [NX | XX | GT | LT]
func pexpire() *command.Spec {
	return deadlineRow(command.Spec{
		Name: "pexpire", Syntax: "<key> <milliseconds> [NX|XX|GT|LT]", Since: "2.6.0",
		Summary: "Have a key expire after some milliseconds.",
	}, false, true)
}

// EXPIREAT key unix-time-seconds [NX | XX | GT | LT]
func expireat() *command.Spec {
	return deadlineRow(command.Spec{
		Name: "expireat", Syntax: "<key> <unix-seconds> [NX|XX|GT|LT]", Since: "1.2.0",
		Summary: "Have a key expire at a Unix time.",
	}, true, false)
}

// PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]
func pexpireat() *command.Spec {
	return deadlineRow(command.Spec{
		Name: "pexpireat", Syntax: "<key> <unix-milliseconds> [NX|XX|GT|LT]", Since: "2.6.0",
		Summary: "Have a key expire at a Unix time in milliseconds.",
	}, false, false)
}

// deadlineRow returns the row of a command that sets a deadline. The time is
// in seconds or milliseconds, and from now on or since 1970.
func deadlineRow(s command.Spec, seconds, relative bool) *command.Spec {
	s.Arity, s.Flags, s.Keys, s.KeyFlags = -3, command.Fast, command.OneKey, "RW update"
	name := s.Name
	return family.Write(s, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		var base int64
		if relative {
			base = d.Now()
		}
		when, err := parseConditions(args)
		if err != nil {
			return resp.Value{}, err
		}
		at, err := deadline(args, seconds, base, name)
		if err != nil {
			return resp.Value{}, err
		}
		return setDeadline(d, args[1], at, when)
	})
}

// What the options of EXPIRE say: when a deadline is to be set.
const (
	nx command.OptionBits = 1 << iota
	xx
	gt
	lt
)

var expireOptions = command.Options[struct{}]{
	{Word: "NX", Says: nx}, {Word: "XX", Says: xx}, {Word: "GT", Says: gt}, {Word: "LT", Says: lt},
}

// conditions are what the options have said.
type conditions struct{ command.OptionBits }

func parseConditions(args command.Args) (conditions, error) {
	var g command.Given[struct{}]
	for i := 3; i < len(args); i++ {
		if n, _ := expireOptions.Take(args, i, &g); n == 0 {
			return conditions{}, resp.Error("ERR Unsupported option " + args.Printed(i))
		}
	}
	c := conditions{g.Bits}
	switch {
	case c.Has(nx) && c.Has(xx|gt|lt):
		return c, errNX
	case c.Has(gt) && c.Has(lt):
		return c, errGTLT
	}
	return c, nil
}

// allow reports whether a key with the deadline old, 0 for none, may get at.
// No deadline counts as later than any.
func (c conditions) allow(old, at int64) bool {
	switch {
	case c.Has(nx) && old != 0, c.Has(xx) && old == 0:
		return false
	case c.Has(gt) && (old == 0 || at <= old):
		return false
	case c.Has(lt) && old != 0 && at >= old:
		return false
	}
	return true
}

// deadline reads the time in Unix milliseconds. It may be negative.
func deadline(args command.Args, seconds bool, base int64, name string) (int64, error) {
	at, err := args.Int(2)
	if err != nil {
		return 0, err
	}
	ok := true
	if seconds {
		ok = math.MinInt64/1000 <= at && at <= math.MaxInt64/1000
		at *= 1000
	}
	if !ok || at > math.MaxInt64-base {
		return 0, resp.Error("ERR invalid expire time in '" + name + "' command")
	}
	return at + base, nil
}

// setDeadline answers 1 when the key has got the deadline. One that has passed
// removes the key.
func setDeadline(d *replay.Draft, key []byte, at int64, c conditions) (resp.Value, error) {
	old, ok := d.Deadline(key)
	if !ok || !c.allow(old, at) {
		return yes(false), nil
	}
	if at <= d.Now() {
		_, err := d.Delete(key)
		d.Notify(events.Generic, "del", key)
		return yes(true), err
	}
	err := d.Expire(key, at)
	d.Notify(events.Generic, "expire", key)
	return yes(true), err
}

// PERSIST key
func persist() *command.Spec {
	return family.Write(command.Spec{
		Name: "persist", Arity: 2, Flags: command.Fast, Keys: command.OneKey,
		KeyFlags: "RW update", Syntax: "<key>",
		Since: "2.2.0", Summary: "Take a key's deadline away.",
	}, runPersist)
}

func runPersist(d *replay.Draft, args command.Args) (resp.Value, error) {
	if at, _ := d.Deadline(args[1]); at == 0 {
		return yes(false), nil
	}
	err := d.Expire(args[1], 0)
	d.Notify(events.Generic, "persist", args[1])
	return yes(true), err
}
