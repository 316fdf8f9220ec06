package servers

import (
	"context"
	"strings"
	"time"

	"ledge/respd/command"
	"ledge/respd/glob"
	"ledge/respd/resp"
)

// How long CONFIG SET waits for what it sets to be on the disk. In a transaction
// others wait for it.
const (
	keepLimit     = 5 * time.Second
	keepLimitExec = 250 * time.Millisecond
)

// CONFIG <subcommand>
func config() *command.Spec {
	return family.Container(command.Spec{
		Name: "config", Since: "2.0.0",
		Summary: "Look at the server's parameters and change them.",
	}, configGet(), configSet(), configResetStat(), configRewrite(), family.Help("5.0.0"))
}

// CONFIG GET parameter [parameter ...]
func configGet() *command.Spec {
	return family.Conn(command.Spec{
		Name: "get", Arity: -3, Flags: admin, Since: "2.0.0",
		Complexity: "O(N) when N is the number of configuration parameters provided",
		Syntax:     "<pattern> [<pattern> ...]",
		Summary:    "Show the parameters whose name fits any of the patterns.",
	}, runConfigGet)
}

func runConfigGet(s *command.Session, args command.Args) resp.Value {
	var out []resp.Value
	seen := make(map[string]bool)
	for i := 2; i < len(args); i++ {
		pattern := args.Str(i)
		exact := !strings.ContainsAny(pattern, "[*?")
		found := s.Host.Config().Match(func(name string) bool {
			if exact {
				return strings.EqualFold(pattern, name)
			}
			return glob.MatchFold(pattern, name)
		})
		for _, p := range found {
			if seen[p.Name] {
				continue
			}
			seen[p.Name] = true
			name := p.Name
			if exact {
				name = pattern // as it was asked for
			}
			out = append(out, resp.Bulk(name), resp.Bulk(p.Get()))
		}
	}
	return resp.Map(out...)
}

// CONFIG SET parameter value [parameter value ...]
func configSet() *command.Spec {
	return family.Conn(command.Spec{
		Name: "set", Arity: -4, Flags: admin | command.Slow, Brief: true, Since: "2.0.0",
		Complexity: "O(N) when N is the number of configuration parameters provided",
		Syntax:     "<parameter> <value> [<parameter> <value> ...]",
		Summary:    "Change parameters, all of them or none.",
		Tips:       tipsAllNodes,
		Secrets:    command.SecretValues(2),
	}, runConfigSet)
}

func runConfigSet(s *command.Session, args command.Args) resp.Value {
	if len(args)%2 != 0 {
		return resp.Err(command.ErrSyntax)
	}
	var pairs []string
	for i := 2; i < len(args); i++ {
		pairs = append(pairs, args.Str(i))
	}
	parent, limit := s.Context(), keepLimit
	if s.InExec {
		parent, limit = context.Background(), keepLimitExec
	}
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	return result(s.Host.Config().Set(ctx, pairs...))
}

// CONFIG RESETSTAT
func configResetStat() *command.Spec {
	return family.Conn(command.Spec{
		Name: "resetstat", Arity: 2, Flags: admin, Since: "2.0.0", Complexity: "O(1)",
		Summary: "Set the counters of INFO to zero.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		s.Host.Stats().Reset()
		return resp.OK
	})
}

// CONFIG REWRITE
func configRewrite() *command.Spec {
	return family.Conn(command.Spec{
		Name: "rewrite", Arity: 2, Flags: admin | command.Slow, Since: "2.8.0", Complexity: "O(1)",
		Summary: "Write what was set at run time into the configuration file.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		ctx, cancel := context.WithTimeout(s.Context(), keepLimit)
		defer cancel()
		return result(s.Host.Config().Rewrite(ctx))
	})
}
