package hashes

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// HGET key field
func hget() *command.Spec {
	return family.Read(command.Spec{
		Name: "hget", Arity: 3, Flags: command.Fast, Syntax: "<key> <field>",
		Since: "2.0.0", Summary: "Return the value of a field.",
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return found(h.Get(args[2]))
	})
}

// HMGET key field [field ...]
func hmget() *command.Spec {
	return family.Read(command.Spec{
		Name: "hmget", Arity: -3, Flags: command.Fast, Syntax: "<key> <field>...",
		Since: "2.0.0", Complexity: "O(N) where N is the number of fields named",
		Summary: "Return the values of fields.",
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		vals := make([]resp.Value, len(args)-2)
		for i, field := range args[2:] {
			vals[i] = found(h.Get(field))
		}
		return resp.Array(vals...)
	})
}

// HGETALL key
func hgetall() *command.Spec {
	return family.Read(command.Spec{
		Name: "hgetall", Arity: 2, Flags: command.Big, Syntax: "<key>", Tips: []string{unordered},
		Since: "2.0.0", Complexity: wholeHash,
		Summary: "Return all fields and their values.",
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		elems := make([]resp.Value, 0, 2*h.Len())
		for field, val := range h.All() {
			elems = append(elems, resp.Bulk(field), resp.Bulk(val))
		}
		return resp.Map(elems...)
	})
}

const wholeHash = "O(N) where N is the number of fields"

// HKEYS key
func hkeys() *command.Spec {
	return halves("hkeys", "Return all fields.", func(field, _ string) string { return field })
}

// HVALS key
func hvals() *command.Spec {
	return halves("hvals", "Return all values.", func(_, val string) string { return val })
}

// halves returns the row of a command that answers with one half of each pair.
func halves(name, summary string, half func(field, val string) string) *command.Spec {
	return family.Read(command.Spec{
		Name: name, Arity: 2, Flags: command.Big, Syntax: "<key>", Tips: []string{unordered},
		Since: "2.0.0", Complexity: wholeHash, Summary: summary,
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		elems := make([]resp.Value, 0, h.Len())
		for field, val := range h.All() {
			elems = append(elems, resp.Bulk(half(field, val)))
		}
		return resp.Array(elems...)
	})
}

// HEXISTS key field
func hexists() *command.Spec {
	return family.Read(command.Spec{
		Name: "hexists", Arity: 3, Flags: command.Fast, KeyFlags: "RO", Syntax: "<key> <field>",
		Since: "2.0.0", Summary: "Tell whether a field is there.",
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		_, ok := h.Get(args[2])
		return yes(ok)
	})
}

// HLEN key
func hlen() *command.Spec {
	return family.Read(command.Spec{
		Name: "hlen", Arity: 2, Flags: command.Fast, KeyFlags: "RO", Syntax: "<key>",
		Since: "2.0.0", Summary: "Return the number of fields.",
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return resp.Int(int64(h.Len()))
	})
}

// HSTRLEN key field
func hstrlen() *command.Spec {
	return family.Read(command.Spec{
		Name: "hstrlen", Arity: 3, Flags: command.Fast, KeyFlags: "RO", Syntax: "<key> <field>",
		Since: "3.2.0", Summary: "Return the length of a field's value.",
	}, func(v *replay.View, args command.Args) resp.Value {
		h, err := v.Hash(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		val, _ := h.Get(args[2])
		return resp.Int(int64(len(val)))
	})
}
