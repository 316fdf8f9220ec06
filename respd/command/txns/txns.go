// Package txns is the family of transactions: MULTI, EXEC, DISCARD, WATCH and
// UNWATCH. These rows only keep a session's transaction state; queueing and
// EXEC itself are the server's, because they concern every command.
package txns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{multi(), exec(), discard(), watch(), unwatch()}
}

// row returns a row with what all of the family have in common.
func row(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.NoScript | command.Loading | command.Stale
	s.Cats = []string{"transaction"}
	s.Group = "transactions"
	s.Conn = run
	return &s
}
