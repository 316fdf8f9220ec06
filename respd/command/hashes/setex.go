package hashes

import (
	"fmt"
	"math"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errSetexCount resp.Error = "ERR invalid number of fields"
	errNoTime     resp.Error = "ERR missing expire time"
	errOneWhen    resp.Error = "ERR Only one of FXX or FNX arguments can be specified"
	errOneTime    resp.Error = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL " +
		"arguments can be specified"
)

// HSETEX key [FNX | FXX]
// [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL]
// FIELDS numfields field value [field value ...]
func hsetex() *command.Spec {
	return family.Write(command.Spec{
		Name: "hsetex", Arity: -6, Flags: setting, KeyFlags: "RW update",
		Syntax: "<key> [FNX|FXX] [EX <seconds>|PX <milliseconds>|EXAT <seconds>|" +
			"PXAT <milliseconds>|KEEPTTL] FIELDS <count> <field> <value> [<field> <value>...]",
		Since: "8.0.0", Complexity: perField,
		Summary: "Set fields and their deadlines, if none or all of them are there.",
	}, runHsetex)
}

func runHsetex(d *replay.Draft, args command.Args) (resp.Value, error) {
	o, err := parseSetex(args, d.Now())
	if err != nil {
		return resp.Value{}, err
	}
	h, err := d.Hash(args[1])
	if err != nil || !o.allows(h) {
		return yes(false), err
	}
	if o.Bits.Has(withTime) && o.Value.at <= d.Now() {
		return yes(true), setGone(d, args[1], o.pairs)
	}
	if o.Bits.Has(keepTTL) {
		err = setKeeping(d, h, args[1], o.pairs)
	} else {
		_, err = d.SetFields(args[1], o.Value.at, o.pairs)
	}
	if err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.Hash, "hset", args[1])
	if o.Bits.Has(withTime) {
		d.Notify(events.Hash, "hexpire", args[1])
	}
	return yes(true), nil
}

// setGone sets fields with a deadline that has passed: they are gone at once.
func setGone(d *replay.Draft, key []byte, pairs [][]byte) error {
	fields := make([][]byte, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, pairs[i])
	}
	_, err := lose(d, key, fields)
	return err
}

// setKeeping sets fields which keep their deadlines: as many at a time as have
// the same.
func setKeeping(d *replay.Draft, h value.Hash, key []byte, pairs [][]byte) error {
	from, at := 0, int64(0)
	for i := 0; i < len(pairs); i += 2 {
		next, _ := h.Deadline(pairs[i])
		if next != at && i > from {
			if _, err := d.SetFields(key, at, pairs[from:i]); err != nil {
				return err
			}
			from = i
		}
		at = next
	}
	_, err := d.SetFields(key, at, pairs[from:])
	return err
}

// What the options of HSETEX say.
const (
	ifAllThere command.OptionBits = 1 << iota
	ifNoneThere
	withTime
	keepTTL
)

var setexWords = append(
	timeOptions(command.Option[keeping]{Says: withTime, Not: withTime | keepTTL, Clash: errOneTime, Missing: errNoTime}),
	command.Option[keeping]{Word: "KEEPTTL", Says: keepTTL, Not: withTime | keepTTL, Clash: errOneTime},
	command.Option[keeping]{Word: "FXX", Says: ifAllThere, Not: ifAllThere | ifNoneThere, Clash: errOneWhen},
	command.Option[keeping]{Word: "FNX", Says: ifNoneThere, Not: ifAllThere | ifNoneThere, Clash: errOneWhen})

// setexOptions are the options of HSETEX.
type setexOptions struct {
	command.Given[keeping]
	pairs [][]byte
}

// allows reports whether the fields are to be set.
func (o *setexOptions) allows(h value.Hash) bool {
	for i := 0; i < len(o.pairs) && o.Bits.Has(ifAllThere|ifNoneThere); i += 2 {
		if _, ok := h.Get(o.pairs[i]); ok != o.Bits.Has(ifAllThere) {
			return false
		}
	}
	return true
}

func parseSetex(args command.Args, now int64) (o setexOptions, err error) {
	o.Value = keeping{now: now, command: "hsetex"}
	for i := 2; i < len(args); {
		if args.Is(i, "FIELDS") {
			o.pairs, err = pairsAt(args, i)
			return o, err
		}
		n, err := setexWords.Take(args, i, &o.Given)
		if n == 0 && err == nil {
			err = resp.Error(fmt.Sprintf("ERR unknown argument: %s", args[i]))
		}
		if err != nil {
			return o, err
		}
		i += n
	}
	return o, wrongNumber("hsetex")
}

// pairsAt returns the fields and values after FIELDS in argument i.
func pairsAt(args command.Args, i int) ([][]byte, error) {
	if i >= len(args)-3 {
		return nil, wrongNumber("hsetex")
	}
	n, err := args.Int(i + 1)
	if err != nil || n < 1 || n > math.MaxInt32 {
		return nil, errSetexCount
	}
	pairs := args[i+2:]
	if int64(len(pairs)) != 2*n {
		return nil, wrongNumber("hsetex")
	}
	return pairs, nil
}
