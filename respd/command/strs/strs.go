// Package strs is the family of commands on strings.
package strs

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		get(), getdel(), getset(), getex(), strlen(), getrange(), substr(), mget(),
		set(), setnx(), setex(), psetex(), mset(), msetnx(),
		appendTo(), setrange(), incr(), decr(), incrby(), decrby(), incrbyfloat(), lcs(),
	}
}

// read returns a row that reads, with what all of the family have in common.
func read(s command.Spec, run func(*replay.View, command.Args) resp.Value) *command.Spec {
	s.Read = run
	s.Flags |= command.ReadOnly
	return row(s)
}

// write returns a row that writes.
func write(s command.Spec, run func(*replay.Draft, command.Args) (resp.Value, error)) *command.Spec {
	s.Write = run
	s.Flags |= command.Write
	return row(s)
}

func row(s command.Spec) *command.Spec {
	if s.Keys.First == 0 {
		s.Keys = command.OneKey
	}
	if s.Complexity == "" {
		s.Complexity = "O(1)"
	}
	s.Cats = append(s.Cats, "string")
	s.Group = "string"
	return &s
}

// setString sets a string as most commands do, whatever they are called.
func setString(d *replay.Draft, key, val []byte, at int64) error {
	err := d.SetString(key, val, at)
	d.Notify(replay.StringEvent, "set", key)
	return err
}

// found is the string that was looked up, or nil.
func found(val string, ok bool) resp.Value {
	if !ok {
		return resp.Nil
	}
	return resp.Bulk(val)
}
