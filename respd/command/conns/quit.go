package conns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// QUIT
func quit() *command.Spec {
	return family.Conn(command.Spec{
		Name: "quit", Arity: -1, Flags: handshake | command.Control | command.Listening,
		Since: "1.0.0", Complexity: "O(1)",
		Summary: "Close the connection.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		s.Quit = true
		return resp.OK
	})
}

// RESET
func reset() *command.Spec {
	return family.Conn(command.Spec{
		Name: "reset", Arity: 1, Flags: handshake | command.Control | command.Listening,
		Since: "6.2.0", Complexity: "O(1)",
		Summary: "Make the connection as good as new.",
	}, runReset)
}

func runReset(s *command.Session, _ command.Args) resp.Value {
	s.EndTx()
	s.Host.Hub().Leave(&s.Member)
	s.Select(0)
	s.SetProto(resp.RESP2)
	s.NoReply, s.Skip = false, 0
	_, required := s.Host.Authenticate(defaultUser, "")
	s.Authed = !required
	s.SetFacts(func(f *command.Facts) { f.Name, f.User = "", defaultUser })
	return resp.Simple("RESET")
}
