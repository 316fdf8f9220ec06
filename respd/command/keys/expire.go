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

// conditions say when a deadline is to be set.
type conditions struct{ nx, xx, gt, lt bool }

func parseConditions(args command.Args) (c conditions, err error) {
	for i := 3; i < len(args); i++ {
		switch {
		case args.Is(i, "NX"):
			c.nx = true
		case args.Is(i, "XX"):
			c.xx = true
		case args.Is(i, "GT"):
			c.gt = true
		case args.Is(i, "LT"):
			c.lt = true
		default:
			return c, resp.Error("ERR Unsupported option " + args.Printed(i))
		}
	}
	if c.nx && (c.xx || c.gt || c.lt) {
		return c, errNX
	}
	if c.gt && c.lt {
		return c, errGTLT
	}
	return c, nil
}

// allow reports whether a key with the deadline old, 0 for none, may get at.
// No deadline counts as later than any.
func (c conditions) allow(old, at int64) bool {
	switch {
	case c.nx && old != 0, c.xx && old == 0:
		return false
	case c.gt && (old == 0 || at <= old):
		return false
	case c.lt && old != 0 && at >= old:
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
