package hlls

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// PFMERGE destkey [sourcekey [sourcekey ...]]
func pfmerge() *command.Spec {
	return family.Write(command.Spec{
		Name: "pfmerge", Arity: -2, Keys: command.AllKeys,
		KeyFlags: "RW access insert;RO access",
		Syntax:   "<destkey> [<sourcekey> ...]", Since: "2.8.9",
		Complexity: "O(N) where N is the number of keys, 16384 steps for each",
		Summary:    "Add to a HyperLogLog all that others have seen.",
	}, runPfmerge)
}

func runPfmerge(d *replay.Draft, args command.Args) (resp.Value, error) {
	u, anyDense, err := unite(&d.View, args[1:])
	if err != nil {
		return resp.Value{}, err
	}
	key := args[1]
	old, at, ok, err := d.StringAt(key)
	if err != nil {
		return resp.Value{}, err
	}
	v := []byte(old)
	if !ok {
		v = fresh()
	}
	if anyDense {
		if v, err = toDense(v); err != nil {
			return resp.Value{}, err
		}
	}
	for i, n := range u {
		if n == 0 {
			continue
		}
		if v, _, err = set(v, i, n); err != nil {
			return resp.Value{}, err
		}
	}
	v[staleAt] |= 0x80
	if err := store(d, key, old, at, v); err != nil {
		return resp.Value{}, err
	}
	d.Notify(events.String, "pfadd", key)
	return resp.OK, nil
}

// unite takes all that there is of keys together, and says whether any of it is
// dense.
func unite(v *replay.View, keys [][]byte) (u *union, anyDense bool, err error) {
	u = new(union)
	for _, key := range keys {
		val, ok, err := fetch(v, key)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			continue
		}
		if err := u.add(val); err != nil {
			return nil, false, err
		}
		anyDense = anyDense || val[encodedAt] == dense
	}
	return u, anyDense, nil
}
