// Package geos is the family of commands on places: members of sorted sets
// whose scores are geohashes of 52 bits.
package geos

import (
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "geo", Cats: []string{"geo"}, Keys: command.OneKey,
	WriteFlags: command.DenyOOM}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		geoadd(), geopos(), geodist(), geohash(), geosearch(), geosearchstore(),
		georadius(), georadiusRO(), georadiusbymember(), georadiusbymemberRO(),
	}
}
