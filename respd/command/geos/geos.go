// Package geos is the family of commands on places: members of sorted sets
// whose scores are geohashes of 52 bits.
package geos

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		geoadd(), geopos(), geodist(), geohash(), geosearch(), geosearchstore(),
		georadius(), georadiusRO(), georadiusbymember(), georadiusbymemberRO(),
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
	s.Flags |= command.Write | command.DenyOOM
	return row(s)
}

func row(s command.Spec) *command.Spec {
	if s.Keys.First == 0 {
		s.Keys = command.OneKey
	}
	s.Cats = append(s.Cats, "geo")
	s.Group = "geo"
	return &s
}
