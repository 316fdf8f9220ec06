// Package hashes is the family of commands on hashes: those of Redis 7.0, and
// the later ones that let single fields expire, with the replies of the
// versions that brought them (7.4 and 8.0).
package hashes

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// family is what all rows here have in common.
var family = command.Family{Group: "hash", Cats: []string{"hash"}, Keys: command.OneKey}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		hget(), hmget(), hgetall(), hkeys(), hvals(), hexists(), hlen(), hstrlen(),
		hset(), hmset(), hsetnx(), hdel(), hincrby(), hincrbyfloat(),
		hrandfield(), hscan(),
		hexpire(), hpexpire(), hexpireat(), hpexpireat(), hpersist(),
		httl(), hpttl(), hexpiretime(), hpexpiretime(),
		hgetex(), hsetex(), hgetdel(),
	}
}

// Tips for clients.
const (
	unordered     = "nondeterministic_output_order"
	unpredictable = "nondeterministic_output"
)

// found is a field's value, or nil.
func found(val string, ok bool) resp.Value {
	if !ok {
		return resp.Nil
	}
	return resp.Bulk(val)
}

// yes is 1 or 0.
func yes(ok bool) resp.Value {
	if ok {
		return resp.Int(1)
	}
	return resp.Int(0)
}

// lose removes fields of a hash and notes it. It returns how many there were.
func lose(d *replay.Draft, key []byte, fields [][]byte) (int, error) {
	n, err := d.RemoveFields(key, fields)
	if n == 0 || err != nil {
		return 0, err
	}
	d.Notify(events.Hash, "hdel", key)
	if !d.Exists(key) {
		d.Notify(events.Generic, "del", key)
	}
	return n, nil
}
