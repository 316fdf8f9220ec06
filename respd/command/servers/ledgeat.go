package servers

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LEDGE AT number|time command key [argument ...]
func ledgeAt() *command.Spec {
	return family.Conn(command.Spec{
		Name: "at", Arity: -5, Flags: command.NoScript | command.NoMulti | command.Slow, Since: "7.0.0",
		Complexity: "O(N) where N is the snapshot and the journal up to there",
		Summary:    "Answer a command that reads one key from what there was at a number of the journal, or at a time.",
	}, runLedgeAt)
}

const (
	errNotOfPast resp.Error = "ERR only commands that read one key can be asked of the past"
	errNoHistory resp.Error = "ERR this server has no history"
)

// runLedgeAt carries a command out on what its key held.
func runLedgeAt(s *command.Session, args command.Args) resp.Value {
	inner := args[3:]
	spec, err := s.Host.Table().Resolve(inner)
	if err != nil {
		return resp.FromError(err)
	}
	keys := spec.KeysOf(inner)
	if spec.Read == nil || !spec.Flags.Has(command.ReadOnly) || spec.Flags.Has(command.Scripted) || len(keys) != 1 {
		return resp.Err(errNotOfPast)
	}
	node := s.Host.Node()
	if node == nil {
		return resp.Err(errNoHistory)
	}
	var reply resp.Value
	if err := node.Recall(s.Context(), args.Str(2), s.DB, inner.Str(keys[0]), func(v *replay.View) {
		reply = spec.Read(v, inner)
	}); err != nil {
		return resp.FromError(err)
	}
	return reply
}

// LEDGE HISTORY
func ledgeHistory() *command.Spec {
	return family.Conn(command.Spec{
		Name: "history", Arity: 2, Flags: command.NoScript | command.NoMulti | command.Slow, Since: "7.0.0",
		Complexity: "O(1)", Summary: "Show how far back LEDGE AT goes.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		node := s.Host.Node()
		if node == nil {
			return resp.Err(errNoHistory)
		}
		fields, err := node.History(s.Context())
		if err != nil {
			return resp.FromError(err)
		}
		return fieldMap(fields)
	})
}
