package keys

import (
	"unsafe"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/rdb"
	"ledge/respd/resp"
)

// DUMP key
func dump() *command.Spec {
	return family.Read(command.Spec{
		Name: "dump", Arity: 2, Flags: command.Big, Keys: command.OneKey, Syntax: "<key>",
		Tips: []string{unpredictable}, Since: "2.6.0",
		Complexity: "O(N*M) where N is the number of elements and M their average size",
		Summary:    "Return what a key holds in a form that RESTORE takes, Redis's too.",
	}, runDump)
}

func runDump(v *replay.View, args command.Args) resp.Value {
	val, ok := valueOf(v, args[1])
	if !ok {
		return resp.Nil
	}
	b := rdb.Append(nil, val)
	return resp.Bulk(unsafe.String(unsafe.SliceData(b), len(b)))
}

// valueOf returns what key holds. Its strings are those of the state.
func valueOf(v *replay.View, key []byte) (val rdb.Value, ok bool) {
	// None of these is refused: each has the type that was asked for.
	switch v.Type(key) {
	case value.String:
		val.Type = rdb.String
		val.Str, _, _ = v.GetString(key)
	case value.ListType:
		l, _ := v.List(key)
		val.Type, val.Items = rdb.List, make([]string, 0, l.Len())
		for s := range l.From(0) {
			val.Items = append(val.Items, s)
		}
	case value.SetType:
		s, _ := v.Set(key)
		val.Type, val.Items = rdb.Set, make([]string, 0, s.Len())
		for m := range s.All() {
			val.Items = append(val.Items, m)
		}
	case value.ZSetType:
		z, _ := v.ZSet(key)
		val.Type, val.Scored = rdb.ZSet, make([]rdb.Scored, 0, z.Len())
		for m, score := range z.From(0) {
			val.Scored = append(val.Scored, rdb.Scored{Member: m, Score: score})
		}
	case value.HashType:
		h, _ := v.Hash(key)
		val.Type, val.Fields = rdb.Hash, fieldsOf(h)
	default:
		return val, false
	}
	return val, true
}

func fieldsOf(h value.Hash) []rdb.Field {
	fields := make([]rdb.Field, 0, h.Len())
	timed := h.Timed()
	for name, val := range h.All() {
		f := rdb.Field{Name: name, Value: val}
		if timed {
			f.At, _ = h.Deadline(bytesOf(name))
		}
		fields = append(fields, f)
	}
	return fields
}

// bytesOf returns the memory of s, which must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
