package strs

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errOffset resp.Error = "ERR offset is out of range"
	errLength resp.Error = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
)

// APPEND key value
func appendTo() *command.Spec {
	return family.Write(command.Spec{
		Name: "append", Arity: 3, Flags: command.DenyOOM | command.Fast, KeyFlags: "RW insert",
		Syntax: "<key> <value>", Since: "2.0.0",
		Complexity: "O(N) where N is the length of the outcome; the journal takes the value only",
		Summary:    "Add to the end of a string.",
	}, runAppend)
}

func runAppend(d *replay.Draft, args command.Args) (resp.Value, error) {
	old, ok, err := d.GetString(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	if len(args[2]) == 0 {
		d.Touch(args[1])
	}
	val, err := edit(d, args[1], int64(len(old)), args[2], len(old), ok)
	d.Notify(events.String, "append", args[1])
	return val, err
}

// SETRANGE key offset value
func setrange() *command.Spec {
	return family.Write(command.Spec{
		Name: "setrange", Arity: 4, Flags: command.DenyOOM, KeyFlags: "RW update",
		Syntax: "<key> <offset> <value>", Since: "2.2.0",
		Complexity: "O(N) where N is the length of the outcome; the journal takes the value only",
		Summary:    "Write over a part of a string.",
	}, runSetrange)
}

func runSetrange(d *replay.Draft, args command.Args) (resp.Value, error) {
	off, err := args.Int(2)
	if err != nil {
		return resp.Value{}, err
	}
	if off < 0 {
		return resp.Value{}, errOffset
	}
	old, _, err := d.GetString(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	// Writing nothing does not even make the key.
	val, err := edit(d, args[1], off, args[3], len(old), true)
	if len(args[3]) > 0 {
		d.Notify(events.String, "setrange", args[1])
	}
	return val, err
}

// edit writes data at off and answers the length of the outcome. Size is the
// length so far. Writing nothing to a key that is there changes nothing.
func edit(d *replay.Draft, key []byte, off int64, data []byte, size int, there bool) (resp.Value, error) {
	if len(data) == 0 && there {
		return resp.Int(int64(size)), nil
	}
	if off > resp.DefaultMaxBulk-int64(len(data)) {
		return resp.Value{}, errLength
	}
	if err := d.EditString(key, off, data); err != nil {
		return resp.Value{}, err
	}
	return resp.Int(max(int64(size), off+int64(len(data)))), nil
}
