package hashes

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// HDEL key field [field ...]
func hdel() *command.Spec {
	return family.Write(command.Spec{
		Name: "hdel", Arity: -3, Flags: command.Fast, KeyFlags: "RW delete",
		Syntax: "<key> <field>...",
		Since:  "2.0.0", Complexity: "O(N) where N is the number of fields named",
		Summary: "Remove fields, and the hash with the last of them.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		n, err := lose(d, args[1], args[2:])
		return resp.Int(int64(n)), err
	})
}

// HGETDEL key FIELDS numfields field [field ...]
func hgetdel() *command.Spec {
	return family.Write(command.Spec{
		Name: "hgetdel", Arity: -5, Flags: command.Fast, KeyFlags: "RW access delete",
		Syntax: "<key> FIELDS <count> <field>...",
		Since:  "8.0.0", Complexity: "O(N) where N is the number of fields named",
		Summary: "Return the values of fields and remove them.",
	}, runHgetdel)
}

func runHgetdel(d *replay.Draft, args command.Args) (resp.Value, error) {
	h, err := d.Hash(args[1])
	if err != nil {
		return resp.Value{}, err
	}
	fields, err := fieldsAt(args, 2, errCount)
	if err != nil {
		return resp.Value{}, err
	}
	vals := make([]resp.Value, len(fields))
	once := make(names)
	for i, field := range fields {
		if val, ok := h.Get(field); ok && once.add(field) {
			vals[i] = resp.Bulk(val)
		}
	}
	_, err = lose(d, args[1], fields)
	return resp.Array(vals...), err
}

// names are fields that a command has dealt with: when one is named again, what
// was done to it has been done.
type names map[string]struct{}

// add adds a field and reports whether it is the first time.
func (n names) add(field []byte) bool {
	if _, again := n[string(field)]; again {
		return false
	}
	n[string(field)] = struct{}{}
	return true
}
