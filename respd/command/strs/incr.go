package strs

import (
	"math"
	"strconv"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errOverflow    resp.Error = "ERR increment or decrement would overflow"
	errDecOverflow resp.Error = "ERR decrement would overflow"
	errInfinite    resp.Error = "ERR increment would produce NaN or Infinity"
)

const counting = command.DenyOOM | command.Fast

// INCR key
func incr() *command.Spec {
	return family.Write(command.Spec{
		Name: "incr", Arity: 2, Flags: counting, Syntax: "<key>",
		Since: "1.0.0", Summary: "Add 1 to an integer.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		return add(d, args[1], 1)
	})
}

// DECR key
func decr() *command.Spec {
	return family.Write(command.Spec{
		Name: "decr", Arity: 2, Flags: counting, Syntax: "<key>",
		Since: "1.0.0", Summary: "Take 1 from an integer.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		return add(d, args[1], -1)
	})
}

// INCRBY key increment
func incrby() *command.Spec {
	return family.Write(command.Spec{
		Name: "incrby", Arity: 3, Flags: counting, Syntax: "<key> <increment>",
		Since: "1.0.0", Summary: "Add to an integer.",
	}, runIncrby)
}

func runIncrby(d *replay.Draft, args command.Args) (resp.Value, error) {
	by, err := args.Int(2)
	if err != nil {
		return resp.Value{}, err
	}
	return add(d, args[1], by)
}

// DECRBY key decrement
func decrby() *command.Spec {
	return family.Write(command.Spec{
		Name: "decrby", Arity: 3, Flags: counting, Syntax: "<key> <decrement>",
		Since: "1.0.0", Summary: "Take from an integer.",
	}, runDecrby)
}

func runDecrby(d *replay.Draft, args command.Args) (resp.Value, error) {
	by, err := args.Int(2)
	if err != nil {
		return resp.Value{}, err
	}
	if by == math.MinInt64 {
		return resp.Value{}, errDecOverflow
	}
	return add(d, args[1], -by)
}

// add adds to the integer that key holds and keeps the deadline. A key that is
// not there counts as 0.
func add(d *replay.Draft, key []byte, by int64) (resp.Value, error) {
	val, at, ok, err := d.StringAt(key)
	if err != nil {
		return resp.Value{}, err
	}
	n := int64(0)
	if ok {
		if n, ok = number.ParseInt(val); !ok {
			return resp.Value{}, command.ErrNotInt
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return resp.Value{}, errOverflow
	}
	n += by
	var digits [20]byte
	err = d.SetString(key, strconv.AppendInt(digits[:0], n, 10), at)
	d.Notify(events.String, "incrby", key)
	return resp.Int(n), err
}

// INCRBYFLOAT key increment
func incrbyfloat() *command.Spec {
	return family.Write(command.Spec{
		Name: "incrbyfloat", Arity: 3, Flags: counting, Syntax: "<key> <increment>",
		Since: "2.6.0", Summary: "Add to a number with a fraction.",
	}, runIncrbyfloat)
}

func runIncrbyfloat(d *replay.Draft, args command.Args) (resp.Value, error) {
	val, at, ok, err := d.StringAt(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	var n number.LongDouble
	if ok {
		if n, ok = number.ParseLongDouble(val); !ok {
			return resp.Value{}, command.ErrNotFloat
		}
	}
	by, ok := number.ParseLongDouble(args[2])
	if !ok {
		return resp.Value{}, command.ErrNotFloat
	}
	if n, ok = n.Add(by); !ok {
		return resp.Value{}, errInfinite
	}
	sum := n.String()
	err = d.SetString(args[1], []byte(sum), at)
	d.Notify(events.String, "incrbyfloat", args[1])
	return resp.Bulk(sum), err
}
