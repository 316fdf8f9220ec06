package servers

import (
	"errors"

	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNoShutdown   resp.Error = "ERR No shutdown in progress."
	errShutdownSave resp.Error = "ERR Errors trying to SHUTDOWN. Check logs."
)

// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
func shutdown() *command.Spec {
	return family.Conn(command.Spec{
		Name: "shutdown", Arity: -1,
		Flags: admin | command.NoMulti | command.AllowBusy | command.Slow,
		Since: "1.0.0",
		Complexity: "O(N) when saving, where N is the total number of keys in all databases " +
			"when saving data, otherwise O(1)",
		Summary: "Stop the server, after a snapshot if SAVE asks for it.",
	}, runShutdown)
}

// runShutdown stops the node. NOW changes nothing, because there are no
// replicas that a stop waits for. Success has no reply: the connection closes
// when the node stops.
func runShutdown(s *command.Session, args command.Args) resp.Value {
	given := make(map[string]bool)
	for i := 1; i < len(args); i++ {
		switch w := args.Word(i); w {
		case "NOSAVE", "SAVE", "NOW", "FORCE", "ABORT":
			given[w] = true
		default:
			return resp.Err(command.ErrSyntax)
		}
	}
	switch {
	case given["ABORT"] && len(given) > 1, given["SAVE"] && given["NOSAVE"]:
		return resp.Err(command.ErrSyntax)
	case given["ABORT"]:
		return resp.Err(errNoShutdown)
	case given["SAVE"]:
		// While a node loads there is nothing to save, and Redis stops all the same.
		err := snapshot(s)
		if err != nil && !errors.Is(err, command.ErrLoading) && !given["FORCE"] {
			return resp.Err(errShutdownSave)
		}
	}
	s.Host.Node().Shutdown()
	return resp.None
}
