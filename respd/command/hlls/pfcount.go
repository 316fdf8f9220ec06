package hlls

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// PFCOUNT key [key ...]
func pfcount() *command.Spec {
	return family.Read(command.Spec{
		Name: "pfcount", Arity: -2, Flags: command.Big, Keys: command.AllKeys,
		KeyFlags: "RW access", Syntax: "<key> [<key> ...]", Since: "2.8.9",
		Complexity: "O(N) where N is the number of keys, 16384 steps for each",
		Summary:    "Estimate how many different elements HyperLogLogs have seen together.",
	}, runPfcount)
}

func runPfcount(v *replay.View, args command.Args) resp.Value {
	if len(args) == 2 {
		return countOne(v, args[1])
	}
	u := new(union)
	for _, key := range args[1:] {
		val, ok, err := fetch(v, key)
		if ok && err == nil {
			err = u.add(val)
		}
		if err != nil {
			return resp.FromError(err)
		}
	}
	return resp.Int(int64(u.histogram().estimate()))
}

func countOne(v *replay.View, key []byte) resp.Value {
	val, ok, err := fetch(v, key)
	if err != nil {
		return resp.FromError(err)
	}
	if !ok {
		return resp.Int(0)
	}
	if n, ok := cached(val); ok {
		return resp.Int(int64(n))
	}
	h, err := histogramOf(val)
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Int(int64(h.estimate()))
}
