package strs

import (
	"ledge/replay"
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
	o, err := parseSet(args)
	if err != nil {
		return resp.Value{}, err
	}
	at, err := o.expiry.deadline(d.Now(), "set")
	if err != nil {
		return resp.Value{}, err
	}
	old, oldAt, ok, err := d.StringAt(args[1])
	reply := resp.OK
	if o.get {
		if err != nil {
			return resp.Value{}, err
		}
		reply = found(old, ok)
	}
	if o.nx && ok || o.xx && !ok {
		if !o.get {
			reply = resp.Nil
		}
		return reply, nil
	}
	if o.keepTTL {
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
		d.Notify(replay.GenericEvent, "expire", key)
		return err
	}
	was, err := d.Delete(key)
	if !was {
		d.Notify(replay.NewKeyEvent, "new", key)
	}
	d.Notify(replay.StringEvent, "set", key)
	d.Notify(replay.GenericEvent, "expire", key)
	d.Notify(replay.ExpiredEvent, "expired", key)
	return err
}

// setOptions are the options of SET.
type setOptions struct {
	nx, xx, get, keepTTL bool
	expiry               expiry
}

func parseSet(args command.Args) (o setOptions, err error) {
	for i := 3; i < len(args); i++ {
		switch {
		case args.Is(i, "NX") && !o.xx:
			o.nx = true
		case args.Is(i, "XX") && !o.nx:
			o.xx = true
		case args.Is(i, "GET"):
			o.get = true
		case args.Is(i, "KEEPTTL") && o.expiry.unit == noTime:
			o.keepTTL = true
		case !o.keepTTL && o.expiry.parse(args, i):
			i++
		default:
			return o, command.ErrSyntax
		}
	}
	return o, nil
}
