package servers

import (
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// maxSleep bounds DEBUG SLEEP, so that a typing error can't hold a connection
// for ever.
const maxSleep = time.Minute

const errSleep resp.Error = "ERR DEBUG SLEEP takes 0 to 60 seconds"

// DEBUG <subcommand>
//
// Like Redis it has one row for all: subcommands are no part of its promises.
func debug() *command.Spec {
	return family.Conn(command.Spec{
		Name: "debug", Arity: -2, Flags: admin | command.Slow,
		Since: "1.0.0", Complexity: "Depends on subcommand.",
		Summary: "Help to test clients and servers.",
	}, runDebug)
}

func runDebug(s *command.Session, args command.Args) resp.Value {
	switch {
	case args.Is(1, "SLEEP") && len(args) == 3:
		return debugSleep(s, args)
	case args.Is(1, "HELP") && len(args) == 2:
		return resp.Array(
			resp.Simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"),
			resp.Simple("SLEEP <seconds>"),
			resp.Simple("    Hold this connection, and no other, for so long. Decimals allowed."),
			resp.Simple("HELP"),
			resp.Simple("    Print this help."))
	}
	return command.BadSubcommand(args)
}

// DEBUG SLEEP seconds
//
// It holds only its own connection: in Redis it would hold all of them.
func debugSleep(s *command.Session, args command.Args) resp.Value {
	seconds, err := args.Float(2)
	if err != nil {
		return resp.FromError(err)
	}
	if seconds < 0 || seconds > maxSleep.Seconds() {
		return resp.Err(errSleep)
	}
	t := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.Context().Done():
	}
	return resp.OK
}
