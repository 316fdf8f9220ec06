package keys

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/rdb"
	"ledge/respd/resp"
)

const (
	errBusyKey   resp.Error = "BUSYKEY Target key name already exists."
	errTTL       resp.Error = "ERR Invalid TTL value, must be >= 0"
	errIdletime  resp.Error = "ERR Invalid IDLETIME value, must be >= 0"
	errFreq      resp.Error = "ERR Invalid FREQ value, must be >= 0 and <= 255"
	errPayload   resp.Error = "ERR DUMP payload version or checksum are wrong"
	errBadFormat resp.Error = "ERR Bad data format"
)

// restoreRoom is how much memory a value may take while it is read, beside the
// payload.
const restoreRoom = 8 * journal.MaxEntry

// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
func restore() *command.Spec {
	return family.Write(restoreRow(command.Spec{
		Name: "restore", Since: "2.6.0",
		Summary: "Make a key hold what DUMP has returned. IDLETIME and FREQ are read and not kept.",
	}), runRestore)
}

// RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
func restoreAsking() *command.Spec {
	return family.Write(restoreRow(command.Spec{
		Name: "restore-asking", Flags: command.Asking, Group: "server", Since: "3.0.0",
		Summary: "The same as RESTORE, for clusters.",
	}), runRestore)
}

func restoreRow(s command.Spec) command.Spec {
	s.Arity, s.Keys, s.KeyFlags = -4, command.OneKey, "OW update"
	s.Flags |= command.DenyOOM
	s.Cats = []string{"dangerous"}
	s.Syntax = "<key> <ttl> <serialized-value> [REPLACE] [ABSTTL] [IDLETIME <seconds>] " +
		"[FREQ <frequency>]"
	s.Complexity = "O(N*M) where N is the number of elements and M their average size, " +
		"O(N*M*log(N)) for sorted sets"
	return s
}

func runRestore(d *replay.Draft, args command.Args) (resp.Value, error) {
	o, err := restoreOptions.Parse(args[4:], struct{}{})
	if err != nil {
		return resp.Value{}, err
	}
	key, there := args[1], d.Exists(args[1])
	if there && !o.Bits.Has(replace) {
		return resp.Value{}, errBusyKey
	}
	at, err := args.Int(2)
	if err != nil {
		return resp.Value{}, err
	}
	if at < 0 {
		return resp.Value{}, errTTL
	}
	val, err := decode(args[3])
	if err != nil {
		return resp.Value{}, err
	}
	if at != 0 && !o.Bits.Has(absolute) {
		at += d.Now()
	}
	return resp.OK, putRestored(d, key, there, val, at)
}

// What the options of RESTORE say.
const (
	replace command.OptionBits = 1 << iota
	absolute
	withIdle
	withFreq
)

var restoreOptions = command.Options[struct{}]{
	{Word: "REPLACE", Says: replace},
	{Word: "ABSTTL", Says: absolute},
	{Word: "IDLETIME", Says: withIdle, Not: withFreq, Takes: 1, Read: upTo(math.MaxInt64, errIdletime)},
	{Word: "FREQ", Says: withFreq, Not: withIdle, Takes: 1, Read: upTo(255, errFreq)},
}

// upTo reads a number that is checked and not kept.
func upTo(most int64, bad error) func(struct{}, command.Args) (struct{}, error) {
	return func(_ struct{}, vals command.Args) (struct{}, error) {
		n, err := vals.Int(0)
		if err == nil && (n < 0 || n > most) {
			err = bad
		}
		return struct{}{}, err
	}
}

// decode reads a payload. The value shares its memory.
func decode(payload []byte) (rdb.Value, error) {
	val, err := rdb.Decode(unsafe.String(unsafe.SliceData(payload), len(payload)), restoreRoom)
	switch {
	case errors.Is(err, rdb.ErrFooter):
		err = errPayload
	case errors.Is(err, rdb.ErrFormat):
		err = errBadFormat
	case errors.Is(err, rdb.ErrTooLarge):
		err = fault.With(fault.Refused,
			fmt.Errorf("ERR value takes more than %d bytes once it is unpacked", restoreRoom))
	}
	return val, err
}

// putRestored makes key hold val with the deadline at. If that has passed, all
// that is left to do is to remove what was there.
func putRestored(d *replay.Draft, key []byte, there bool, val rdb.Value, at int64) error {
	if there {
		if _, err := d.Delete(key); err != nil {
			return err
		}
	}
	made := at == 0 || at > d.Now()
	if made {
		if err := put(d, key, val, at); err != nil {
			return err
		}
		made = d.Exists(key) // not if all fields of a hash have expired
	}
	if made {
		if there {
			d.Notify(events.NewKey, "new", key)
		}
		d.Notify(events.Generic, "restore", key)
	} else if there {
		d.Notify(events.Generic, "del", key)
	}
	return nil
}

// put makes key, which must not be there, hold val.
func put(d *replay.Draft, key []byte, val rdb.Value, at int64) (err error) {
	switch val.Type {
	case rdb.String:
		return d.SetString(key, bytesOf(val.Str), at)
	case rdb.List:
		_, err = d.Push(key, false, byteSlices(val.Items))
	case rdb.Set:
		_, err = d.AddMembers(key, byteSlices(val.Items))
	case rdb.ZSet:
		scored := make([]value.Scored, len(val.Scored))
		for i, m := range val.Scored {
			scored[i] = value.Scored{Member: bytesOf(m.Member), Score: m.Score}
		}
		err = d.SetScores(key, scored)
	case rdb.Hash:
		err = putFields(d, key, val.Fields)
	}
	if err == nil && at != 0 && d.Exists(key) {
		err = d.Expire(key, at)
	}
	return err
}

// putFields sets fields, those that have the same deadline together, and leaves
// out those that have expired.
func putFields(d *replay.Draft, key []byte, fields []rdb.Field) error {
	for len(fields) > 0 {
		at := fields[0].At
		n := 1
		for n < len(fields) && fields[n].At == at {
			n++
		}
		if at == 0 || at > d.Now() {
			pairs := make([][]byte, 0, 2*n)
			for i := range fields[:n] {
				pairs = append(pairs, bytesOf(fields[i].Name), bytesOf(fields[i].Value))
			}
			if _, err := d.SetFields(key, at, pairs); err != nil {
				return err
			}
		}
		fields = fields[n:]
	}
	return nil
}

// byteSlices returns the memory of each of items, which must not be written to.
func byteSlices(items []string) [][]byte {
	out := make([][]byte, len(items))
	for i, s := range items {
		out[i] = bytesOf(s)
	}
	return out
}
