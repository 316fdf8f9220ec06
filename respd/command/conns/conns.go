// Package conns is the family of commands about the connection: who the client
// is, which protocol and database it uses, and CLIENT, which also looks at the
// others.
package conns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		auth(), hello(), ping(), echo(), quit(), reset(), selectDB(), client(),
	}
}

// row returns a row with what all of the family have in common.
func row(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Cats = append(s.Cats, "connection")
	s.Group = "connection"
	s.Conn = run
	return &s
}
