package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// ACL <subcommand>
//
// There is one user, so there are no lists to keep.
func acl() *command.Spec {
	return family.Container(command.Spec{
		Name: "acl", Since: "6.0.0",
		Summary: "Look at who may do what.",
	}, aclWhoAmI(), family.Help("6.0.0"))
}

// ACL WHOAMI
func aclWhoAmI() *command.Spec {
	return family.Conn(command.Spec{
		Name: "whoami", Arity: 2,
		Flags: command.NoScript | command.Loading | command.Stale,
		Since: "6.0.0", Complexity: "O(1)",
		Summary: "Tell which user this connection is.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Bulk(s.Facts().User)
	})
}
