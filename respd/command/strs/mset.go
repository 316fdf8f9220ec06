package strs

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// MGET key [key ...]
func mget() *command.Spec {
	return family.Read(command.Spec{
		Name: "mget", Arity: -2, Flags: command.Fast, Keys: command.AllKeys,
		Syntax: "<key> [<key> ...]", Tips: []string{"request_policy:multi_shard"},
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys",
		Summary: "Return several strings; nil for what isn't one.",
	}, runMget)
}

func runMget(v *replay.View, args command.Args) resp.Value {
	vals := make([]resp.Value, len(args)-1)
	for i, key := range args[1:] {
		if val, ok, err := v.GetString(key); ok && err == nil {
			vals[i] = resp.Bulk(val)
		}
	}
	return resp.Array(vals...)
}

// pairs are the keys of commands that take keys and values in turn.
var pairs = command.KeyRange{First: 1, Last: -1, Step: 2}

// MSET key value [key value ...]
func mset() *command.Spec {
	return family.Write(command.Spec{
		Name: "mset", Arity: -3, Flags: command.DenyOOM, Keys: pairs, KeyFlags: "OW update",
		Syntax: "<key> <value> [<key> <value> ...]",
		Tips:   []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
		Since:  "1.0.1", Complexity: "O(N) where N is the number of keys",
		Summary: "Set several strings at once.",
	}, runMset)
}

func runMset(d *replay.Draft, args command.Args) (resp.Value, error) {
	if len(args)%2 == 0 {
		return resp.Value{}, resp.Error("ERR wrong number of arguments for 'mset' command")
	}
	return resp.OK, setPairs(d, args[1:])
}

// MSETNX key value [key value ...]
func msetnx() *command.Spec {
	return family.Write(command.Spec{
		Name: "msetnx", Arity: -3, Flags: command.DenyOOM, Keys: pairs, KeyFlags: "OW insert",
		Syntax: "<key> <value> [<key> <value> ...]",
		Tips:   []string{"request_policy:multi_shard", "response_policy:agg_min"},
		Since:  "1.0.1", Complexity: "O(N) where N is the number of keys",
		Summary: "Set several strings at once unless one of the keys is there.",
	}, runMsetnx)
}

func runMsetnx(d *replay.Draft, args command.Args) (resp.Value, error) {
	if len(args)%2 == 0 {
		return resp.Value{}, resp.Error("ERR wrong number of arguments for 'msetnx' command")
	}
	for i := 1; i < len(args); i += 2 {
		if d.Exists(args[i]) {
			return resp.Int(0), nil
		}
	}
	return resp.Int(1), setPairs(d, args[1:])
}

// setPairs sets keys and values in turn.
func setPairs(d *replay.Draft, kvs command.Args) error {
	for i := 0; i < len(kvs); i += 2 {
		if err := setString(d, kvs[i], kvs[i+1], 0); err != nil {
			return err
		}
	}
	return nil
}
