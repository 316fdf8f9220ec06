package command

import (
	"strings"

	"ledge/respd/resp"
)

// Help returns the row of a container's HELP. Its text is made of the other
// rows' Syntax and Summary. Cats are the container's ACL categories.
func Help(group, since string, cats ...string) *Spec {
	return &Spec{
		Name: "help", Arity: 2, Flags: Loading | Stale, Cats: cats,
		Group: group, Since: since, Complexity: "O(1)",
		Summary: "Print this help.",
		Conn: func(s *Session, args Args) resp.Value {
			return helpText(s.Host.Table().Lookup(args[0]))
		},
	}
}

// helpText lists a container's subcommands, in the layout that Redis uses.
func helpText(s *Spec) resp.Value {
	lines := []resp.Value{resp.Simple(strings.ToUpper(s.Name) +
		" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")}
	for _, sub := range s.Subs {
		line := strings.ToUpper(sub.Name)
		if sub.Syntax != "" {
			line += " " + sub.Syntax
		}
		lines = append(lines, resp.Simple(line), resp.Simple("    "+sub.Summary))
	}
	return resp.Array(lines...)
}

// BadSubcommand is the answer to a subcommand whose arguments don't fit in a
// way that its arity can't say.
func BadSubcommand(args Args) resp.Value {
	return resp.Errf("ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.",
		clip(args.Printed(1), 128), args.Word(0))
}
