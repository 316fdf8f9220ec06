package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// COMMAND DOCS [command-name [command-name ...]]
func commandDocs() *command.Spec {
	return describing.Conn(command.Spec{
		Name: "docs", Arity: -2, Since: "7.0.0", Tips: tipsAnyOrder,
		Complexity: "O(N) where N is the number of commands to look up",
		Syntax:     "[<command-name> ...]",
		Summary:    "Say what the given commands are for, or all.",
	}, func(s *command.Session, args command.Args) resp.Value {
		t := s.Host.Table()
		if len(args) == 2 {
			return docs(t.All())
		}
		var specs []*command.Spec
		for i := 2; i < len(args); i++ {
			if spec := t.Find(args.Str(i)); spec != nil {
				specs = append(specs, spec)
			}
		}
		return docs(specs)
	})
}

// docs is a map of names to documents.
func docs(specs []*command.Spec) resp.Value {
	var out []resp.Value
	for _, s := range specs {
		out = append(out, resp.Bulk(s.FullName()), document(s))
	}
	return resp.Map(out...)
}

func document(s *command.Spec) resp.Value {
	var out []resp.Value
	for _, f := range []struct{ name, text string }{
		{"summary", s.Summary}, {"since", s.Since}, {"group", s.Group},
		{"complexity", s.Complexity},
	} {
		if f.text != "" {
			out = append(out, resp.Bulk(f.name), resp.Bulk(f.text))
		}
	}
	if s.Subs != nil {
		out = append(out, resp.Bulk("subcommands"), docs(s.Subs))
	}
	return resp.Map(out...)
}
