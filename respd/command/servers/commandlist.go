package servers

import (
	"strings"

	"ledge/respd/command"
	"ledge/respd/glob"
	"ledge/respd/resp"
)

// COMMAND LIST [FILTERBY MODULE module-name | ACLCAT category | PATTERN pattern]
func commandList() *command.Spec {
	return describing.Conn(command.Spec{
		Name: "list", Arity: -2, Since: "7.0.0", Tips: tipsAnyOrder,
		Complexity: "O(N) where N is the total number of Redis commands",
		Syntax:     "[FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
		Summary:    "List the names of commands, all or those that fit.",
	}, runList)
}

func runList(s *command.Session, args command.Args) resp.Value {
	keep, err := listFilter(args)
	if err != nil {
		return resp.FromError(err)
	}
	var names []string
	for _, spec := range s.Host.Table().All() {
		for _, x := range append([]*command.Spec{spec}, spec.Subs...) {
			if keep(x) {
				names = append(names, x.FullName())
			}
		}
	}
	return resp.Strings(names...)
}

// listFilter reads which commands are asked for. There are no modules, so none
// has any.
func listFilter(args command.Args) (func(*command.Spec) bool, error) {
	switch {
	case len(args) == 2:
		return func(*command.Spec) bool { return true }, nil
	case len(args) != 5 || !args.Is(2, "FILTERBY"):
	case args.Is(3, "MODULE"):
		return func(*command.Spec) bool { return false }, nil
	case args.Is(3, "ACLCAT"):
		name := strings.ToLower(args.Str(4))
		return func(s *command.Spec) bool { return s.InCategory(name) }, nil
	case args.Is(3, "PATTERN"):
		pattern := args.Str(4)
		return func(s *command.Spec) bool {
			return glob.MatchFold(pattern, s.FullName())
		}, nil
	}
	return nil, command.ErrSyntax
}
