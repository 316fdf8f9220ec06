package txns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Redis's texts for commands out of place.
const (
	errNested      resp.Error = "ERR MULTI calls can not be nested"
	errNoExec      resp.Error = "ERR EXEC without MULTI"
	errNoDiscard   resp.Error = "ERR DISCARD without MULTI"
	errWatchInside resp.Error = "ERR WATCH inside MULTI is not allowed"
)

// MULTI
func multi() *command.Spec {
	return family.Conn(command.Spec{
		Name: "multi", Arity: 1,
		Flags: command.Fast | command.AllowBusy | command.Inline | command.Control,
		Since: "1.2.0", Complexity: "O(1)",
		Summary: "Begin a transaction.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		if s.Tx.On {
			return resp.Err(errNested)
		}
		s.Tx.On = true
		s.Queued.Store(0)
		return resp.OK
	})
}

// EXEC
//
// The server runs EXEC itself while a transaction is open; this row answers
// when none is.
func exec() *command.Spec {
	return family.Conn(command.Spec{
		Name: "exec", Arity: 1,
		Flags: command.SkipSlowlog | command.Control,
		Since: "1.2.0", Complexity: "Depends on commands in the transaction",
		Summary: "Run all commands of the transaction.",
	}, func(*command.Session, command.Args) resp.Value {
		return resp.Err(errNoExec)
	})
}

// DISCARD
func discard() *command.Spec {
	return family.Conn(command.Spec{
		Name: "discard", Arity: 1,
		Flags: command.Fast | command.AllowBusy | command.Inline | command.Control,
		Since: "2.0.0", Complexity: "O(N), when N is the number of queued commands",
		Summary: "Drop the transaction.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		if !s.Tx.On {
			return resp.Err(errNoDiscard)
		}
		s.EndTx()
		return resp.OK
	})
}
