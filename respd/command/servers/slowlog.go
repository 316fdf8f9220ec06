package servers

import (
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const errCount resp.Error = "ERR count should be greater than or equal to -1"

// SLOWLOG <subcommand>
func slowlog() *command.Spec {
	return family.Container(command.Spec{
		Name: "slowlog", Since: "2.2.12",
		Summary: "Look at the commands that took long.",
	}, slowlogGet(), slowlogLen(), slowlogReset(), family.Help("6.2.0"))
}

// slowAdmin are the flags of all of them but HELP.
const slowAdmin = command.Admin | command.Loading | command.Stale

// SLOWLOG GET [count]
func slowlogGet() *command.Spec {
	return family.Conn(command.Spec{
		Name: "get", Arity: -2, Flags: slowAdmin, Since: "2.2.12",
		Complexity: "O(N) where N is the number of entries returned",
		Syntax:     "[<count>]",
		Summary:    "Show the latest entries, 10 if no count is given, all for -1.",
		Tips:       []string{"request_policy:all_nodes", "nondeterministic_output"},
	}, runSlowlogGet)
}

// runSlowlogGet answers with number, time, duration in microseconds,
// arguments, client address and client name of each entry.
func runSlowlogGet(s *command.Session, args command.Args) resp.Value {
	count := int64(10)
	switch {
	case len(args) > 3:
		return command.BadSubcommand(args)
	case len(args) == 3:
		var ok bool
		if count, ok = number.ParseInt(args[2]); !ok || count < -1 {
			return resp.Err(errCount)
		}
	}
	var entries []resp.Value
	for _, e := range s.Host.Slowlog().Entries(int(count)) {
		entries = append(entries, resp.Array(
			resp.Int(e.ID), resp.Int(e.At.Unix()), resp.Int(e.Took.Microseconds()),
			resp.Strings(e.Args...), resp.Bulk(e.Client), resp.Bulk(e.Name)))
	}
	return resp.Array(entries...)
}

// SLOWLOG LEN
func slowlogLen() *command.Spec {
	return family.Conn(command.Spec{
		Name: "len", Arity: 2, Flags: slowAdmin, Since: "2.2.12", Complexity: "O(1)",
		Summary: "Tell how many entries there are.",
		Tips: []string{"request_policy:all_nodes", "response_policy:agg_sum",
			"nondeterministic_output"},
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Int(int64(s.Host.Slowlog().Len()))
	})
}

// SLOWLOG RESET
func slowlogReset() *command.Spec {
	return family.Conn(command.Spec{
		Name: "reset", Arity: 2, Flags: slowAdmin, Since: "2.2.12",
		Complexity: "O(N) where N is the number of entries in the slowlog",
		Summary:    "Forget all entries.",
		Tips:       tipsAllNodes,
	}, func(s *command.Session, _ command.Args) resp.Value {
		s.Host.Slowlog().Reset()
		return resp.OK
	})
}
