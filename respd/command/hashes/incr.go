package hashes

import (
	"math"
	"strconv"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errNotInt   resp.Error = "ERR hash value is not an integer"
	errNotFloat resp.Error = "ERR hash value is not a float"
	errOverflow resp.Error = "ERR increment or decrement would overflow"
	errInfinite resp.Error = "ERR value is NaN or Infinity"
	errTooMuch  resp.Error = "ERR increment would produce NaN or Infinity"
)

// HINCRBY key field increment
func hincrby() *command.Spec {
	return family.Write(command.Spec{
		Name: "hincrby", Arity: 4, Flags: setting, KeyFlags: "RW access update",
		Syntax: "<key> <field> <increment>",
		Since:  "2.0.0", Summary: "Add to a field that is an integer.",
	}, runHincrby)
}

func runHincrby(d *replay.Draft, args command.Args) (resp.Value, error) {
	by, err := args.Int(3)
	if err != nil {
		return resp.Value{}, err
	}
	h, err := d.Hash(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	n := int64(0)
	if val, ok := h.Get(args[2]); ok {
		if n, ok = number.ParseInt(val); !ok {
			return resp.Value{}, errNotInt
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return resp.Value{}, errOverflow
	}
	n += by
	var digits [20]byte
	return resp.Int(n), count(d, h, args, "hincrby", strconv.AppendInt(digits[:0], n, 10))
}

// count sets the field of HINCRBY or HINCRBYFLOAT, which keeps its deadline.
func count(d *replay.Draft, h value.Hash, args command.Args, event string, val []byte) error {
	at, _ := h.Deadline(args[2])
	_, err := d.SetFields(args[1], at, [][]byte{args[2], val})
	if err == nil {
		d.Notify(events.Hash, event, args[1])
	}
	return err
}

// HINCRBYFLOAT key field increment
func hincrbyfloat() *command.Spec {
	return family.Write(command.Spec{
		Name: "hincrbyfloat", Arity: 4, Flags: setting, KeyFlags: "RW access update",
		Syntax: "<key> <field> <increment>",
		Since:  "2.6.0", Summary: "Add to a field that is a number with a fraction.",
	}, runHincrbyfloat)
}

func runHincrbyfloat(d *replay.Draft, args command.Args) (resp.Value, error) {
	var n number.LongDouble
	by, ok := number.ParseLongDouble(args[3])
	if !ok {
		return resp.Value{}, command.ErrNotFloat
	}
	if _, finite := n.Add(by); !finite {
		return resp.Value{}, errInfinite
	}
	h, err := d.Hash(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	if val, ok := h.Get(args[2]); ok {
		if n, ok = number.ParseLongDouble(val); !ok {
			return resp.Value{}, errNotFloat
		}
	}
	if n, ok = n.Add(by); !ok {
		return resp.Value{}, errTooMuch
	}
	sum := n.String()
	return resp.Bulk(sum), count(d, h, args, "hincrbyfloat", []byte(sum))
}
