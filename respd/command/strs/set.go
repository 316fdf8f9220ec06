package strs

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// SET key value [NX | XX] [GET]
// [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL]
func set() *command.Spec {
	return family.Write(command.Spec{
		Name: "set", Arity: -3, Flags: command.DenyOOM,
		KeyFlags: "RW access update variable_flags",
		Syntax: "<key> <value> [NX|XX] [GET] [EX <seconds>|PX <milliseconds>|" +
			"EXAT <seconds>|PXAT <milliseconds>|KEEPTTL]",
		Since: "1.0.0", Summary: "Set a string, whatever the key held.",
	}, runSet)
}

func runSet(d *replay.Draft, args command.Args) (resp.Value, error) {
	if len(args) == 3 {
		return resp.OK, setString(d, args[1], args[2], 0)
	}
	o, err := setOptions.Parse(args[3:], nil)
	if err != nil {
		return resp.Value{}, err
	}
	at, err := deadline(o, d.Now(), "set")
	if err != nil {
		return resp.Value{}, err
	}
	old, oldAt, ok, err := d.StringAt(args[1])
	reply := resp.OK
	if o.Bits.Has(withOld) {
		if err != nil {
			return resp.Value{}, err
		}
		reply = found(old, ok)
	}
	if o.Bits.Has(nx) && ok || o.Bits.Has(xx) && !ok {
		if !o.Bits.Has(withOld) {
			reply = resp.Nil
		}
		return reply, nil
	}
	if o.Bits.Has(keepTTL) {
		return reply, setString(d, args[1], args[2], oldAt)
	}
	return reply, put(d, args[1], args[2], at)
}

// put sets a string with a deadline. When that has passed already the key is
// gone at once; subscribers hear what they would hear if it were there first.
func put(d *replay.Draft, key, val []byte, at int64) error {
	if at == 0 {
		return setString(d, key, val, 0)
	}
	if at > d.Now() {
		err := setString(d, key, val, at)
		d.Notify(events.Generic, "expire", key)
		return err
	}
	was, err := d.Delete(key)
	if !was {
		d.Notify(events.NewKey, "new", key)
	}
	d.Notify(events.String, "set", key)
	d.Notify(events.Generic, "expire", key)
	d.Notify(events.Expired, "expired", key)
	return err
}

// What the options of SET and GETEX say. A time is one of four.
const (
	nx command.OptionBits = 1 << iota
	xx
	withOld
	keepTTL
	persist
	inSeconds
	inMillis
	atSecond
	atMilli
	anyTime = inSeconds | inMillis | atSecond | atMilli
)

var setOptions = append(command.Options[[]byte]{
	{Word: "NX", Says: nx, Not: xx},
	{Word: "XX", Says: xx, Not: nx},
	{Word: "GET", Says: withOld},
	{Word: "KEEPTTL", Says: keepTTL, Not: anyTime},
}, timeOptions(keepTTL)...)

// timeOptions are those that say when a key expires: in or at a time. One of
// another kind contradicts each, and so does what is left.
func timeOptions(not command.OptionBits) command.Options[[]byte] {
	return command.Options[[]byte]{
		{Word: "EX", Says: inSeconds, Not: not | anyTime&^inSeconds, Takes: 1, Read: command.KeepValue},
		{Word: "PX", Says: inMillis, Not: not | anyTime&^inMillis, Takes: 1, Read: command.KeepValue},
		{Word: "EXAT", Says: atSecond, Not: not | anyTime&^atSecond, Takes: 1, Read: command.KeepValue},
		{Word: "PXAT", Says: atMilli, Not: not | anyTime&^atMilli, Takes: 1, Read: command.KeepValue},
	}
}
