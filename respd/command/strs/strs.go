// Package strs is the family of commands on strings.
package strs

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// family is what all rows here have in common.
var family = command.Family{Group: "string", Cats: []string{"string"}, Keys: command.OneKey}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		get(), getdel(), getset(), getex(), strlen(), getrange(), substr(), mget(),
		set(), setnx(), setex(), psetex(), mset(), msetnx(),
		appendTo(), setrange(), incr(), decr(), incrby(), decrby(), incrbyfloat(), lcs(),
	}
}

// setString sets a string as most commands do, whatever they are called.
func setString(d *replay.Draft, key, val []byte, at int64) error {
	err := d.SetString(key, val, at)
	d.Notify(events.String, "set", key)
	return err
}

// found is the string that was looked up, or nil.
func found(val string, ok bool) resp.Value {
	if !ok {
		return resp.Nil
	}
	return resp.Bulk(val)
}
