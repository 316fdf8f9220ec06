package conns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// CLIENT <subcommand> [argument ...]
func client() *command.Spec {
	return family.Container(command.Spec{
		Name: "client", Since: "2.4.0",
		Summary: "Look at client connections and change them.",
	},
		clientCaching(), clientGetName(), clientGetRedir(), clientID(), clientInfo(),
		clientKill(), clientList(), clientNoEvict(), clientNoTouch(), clientPause(),
		clientReply(), clientSetInfo(), clientSetName(), clientTracking(),
		clientTrackingInfo(), clientUnblock(), clientUnpause(), family.Help("5.0.0"))
}

// own returns the row of a subcommand that concerns the caller alone.
func own(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.NoScript | command.Loading | command.Stale
	return family.Conn(s, run)
}

// others returns the row of a subcommand that concerns all clients.
func others(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.Admin
	return own(s, run)
}

// onOff reads argument i as ON or OFF.
func onOff(args command.Args, i int) (on, ok bool) {
	on = args.Is(i, "ON")
	return on, on || args.Is(i, "OFF")
}

// CLIENT ID
func clientID() *command.Spec {
	return own(command.Spec{
		Name: "id", Arity: 2, Flags: command.Inline, Since: "5.0.0", Complexity: "O(1)",
		Summary: "Tell the number of this connection.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Int(s.ID)
	})
}

// CLIENT REPLY ON | OFF | SKIP
func clientReply() *command.Spec {
	return own(command.Spec{
		Name: "reply", Arity: 3, Since: "3.2.0", Complexity: "O(1)", Syntax: "ON|OFF|SKIP",
		Summary: "Send replies, send none, or leave out the next one.",
	}, runReply)
}

func runReply(s *command.Session, args command.Args) resp.Value {
	switch {
	case args.Is(2, "ON"):
		s.NoReply, s.Skip = false, 0
		return resp.OK
	case args.Is(2, "OFF"):
		s.NoReply = true
		return resp.None
	case args.Is(2, "SKIP"):
		if !s.NoReply {
			s.Skip = 1
		}
		return resp.None
	}
	return resp.Err(command.ErrSyntax)
}

// CLIENT NO-EVICT ON | OFF
func clientNoEvict() *command.Spec {
	return others(command.Spec{
		Name: "no-evict", Arity: 3, Since: "7.0.0", Complexity: "O(1)", Syntax: "ON|OFF",
		Summary: "Keep this connection when memory for clients runs short.",
	}, func(s *command.Session, args command.Args) resp.Value {
		on, ok := onOff(args, 2)
		if !ok {
			return resp.Err(command.ErrSyntax)
		}
		s.SetFacts(func(f *command.Facts) { f.NoEvict = on })
		return resp.OK
	})
}

// CLIENT NO-TOUCH ON | OFF
func clientNoTouch() *command.Spec {
	return own(command.Spec{
		Name: "no-touch", Arity: 3, Since: "7.2.0", Complexity: "O(1)", Syntax: "ON|OFF",
		Summary: "Leave the keys' time of last use alone, which is not kept anyway.",
	}, func(s *command.Session, args command.Args) resp.Value {
		on, ok := onOff(args, 2)
		if !ok {
			return resp.Err(command.ErrSyntax)
		}
		s.SetFacts(func(f *command.Facts) { f.NoTouch = on })
		return resp.OK
	})
}
