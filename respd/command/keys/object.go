package keys

import (
	"math"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const errNoLFU resp.Error = "ERR An LFU maxmemory policy is not selected, access frequency not " +
	"tracked. Please note that when switching between policies at runtime LRU and LFU data " +
	"will take some time to adjust."

// OBJECT subcommand
func object() *command.Spec {
	return family.Container(command.Spec{
		Name: "object", Since: "2.2.3",
		Complexity: "O(1)", Summary: "A container for commands that look into values.",
	},
		inspect("encoding", "2.2.3", "Return how Redis would keep the value.", encoding),
		inspect("freq", "4.0.0", "Always refused: how often keys are used is not counted.", freq),
		inspect("idletime", "2.2.3", "Return 0: no times of access are kept.", idletime),
		inspect("refcount", "2.2.3", "Return how many references Redis would have.", refcount),
		family.Help("6.2.0"))
}

// inspect returns the row of a subcommand that looks at the value of a key. A
// key that is not there is nil to all of them.
func inspect(name, since, summary string, look func(*replay.View, []byte) resp.Value) *command.Spec {
	return family.Read(command.Spec{
		Name: name, Arity: 3, Keys: command.KeyRange{First: 2, Last: 2, Step: 1}, KeyFlags: "RO",
		Syntax: "<key>", Tips: []string{unpredictable}, Since: since, Summary: summary,
	}, func(v *replay.View, args command.Args) resp.Value {
		if !v.Exists(args[2]) {
			return resp.Nil
		}
		return look(v, args[2])
	})
}

// embstrMax is the longest string that Redis keeps beside its header.
const embstrMax = 44

// encoding answers how Redis would keep the value after the same commands. It
// does not know whether a string came about by APPEND, which makes it raw.
func encoding(v *replay.View, key []byte) resp.Value {
	// None of these is refused: each has the type that was asked for.
	name, wide := "quicklist", false
	switch v.Type(key) {
	case value.String:
		name = stringEncoding(v, key)
	case value.SetType:
		s, _ := v.Set(key)
		if name, wide = "intset", s.Wide(); wide {
			name = "hashtable"
		}
	case value.HashType:
		h, _ := v.Hash(key)
		if name, wide = "listpack", h.Wide(); wide {
			name = "hashtable"
		}
	case value.ZSetType:
		z, _ := v.ZSet(key)
		if name, wide = "listpack", z.Wide(); wide {
			name = "skiplist"
		}
	}
	return resp.Bulk(name)
}

func stringEncoding(v *replay.View, key []byte) string {
	val, _, _ := v.GetString(key)
	if _, ok := number.ParseInt(val); ok {
		return "int"
	}
	if len(val) <= embstrMax {
		return "embstr"
	}
	return "raw"
}

func freq(*replay.View, []byte) resp.Value { return resp.Err(errNoLFU) }

func idletime(*replay.View, []byte) resp.Value { return resp.Int(0) }

// refcount answers 1, except for the small integers that Redis shares among
// all keys, which have the highest count there is.
func refcount(v *replay.View, key []byte) resp.Value {
	const shared = 10_000
	val, _, _ := v.GetString(key)
	if n, ok := number.ParseInt(val); ok && 0 <= n && n < shared {
		return resp.Int(math.MaxInt32)
	}
	return resp.Int(1)
}
