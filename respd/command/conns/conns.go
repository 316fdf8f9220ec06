// Package conns is the family of commands about the connection: who the client
// is, which protocol and database it uses, and CLIENT, which also looks at the
// others.
package conns

import (
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "connection", Cats: []string{"connection"}}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		auth(), hello(), ping(), echo(), quit(), reset(), selectDB(), client(),
	}
}
