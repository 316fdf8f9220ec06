package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// ROLE
func role() *command.Spec {
	return row(command.Spec{
		Name: "role", Arity: 1,
		Flags: command.NoScript | command.Loading | command.Stale | command.Fast,
		Cats:  []string{"admin", "dangerous"},
		Since: "2.8.12", Complexity: "O(1)",
		Summary: "Tell whether this is a leader or a replica, and how far it is.",
	}, runRole)
}

// runRole answers with the journal's number for the offset.
func runRole(s *command.Session, _ command.Args) resp.Value {
	seq := resp.Int(int64(s.Host.State().Pos().Seq))
	if command.Role(s.Host) == "master" {
		return resp.Array(resp.Bulk("master"), seq, resp.Array())
	}
	field := func(name string) string {
		return command.NodeField(s.Host, "Replication", name)
	}
	port, _ := command.ParseInt(field("master_port"))
	link := "connect"
	if field("master_link_status") == "up" {
		link = "connected"
	}
	return resp.Array(resp.Bulk("slave"), resp.Bulk(field("master_host")), resp.Int(port),
		resp.Bulk(link), seq)
}
