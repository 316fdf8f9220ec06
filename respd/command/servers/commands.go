package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// describing is what COMMAND's subcommands have in common. They count as
// commands about the connection.
var describing = command.Family{Group: family.Group, Cats: []string{"connection"},
	Flags: command.Loading | command.Stale}

// COMMAND [subcommand]
func commands() *command.Spec {
	return describing.Container(command.Spec{
		Name: "command", Arity: -1, Flags: describing.Flags, Cats: describing.Cats, Since: "2.8.13",
		Complexity: "O(N) where N is the total number of Redis commands",
		Summary:    "Describe all commands.",
		Tips:       tipsAnyOrder,
		Conn: func(s *command.Session, _ command.Args) resp.Value {
			return describeAll(s.Host.Table().All())
		},
	}, commandCount(), commandDocs(), commandGetKeys(), commandGetKeysAndFlags(), commandInfo(),
		commandList(), describing.Help("5.0.0"))
}

// COMMAND COUNT
func commandCount() *command.Spec {
	return describing.Conn(command.Spec{
		Name: "count", Arity: 2, Since: "2.8.13", Complexity: "O(1)",
		Summary: "Tell how many commands there are.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Int(int64(len(s.Host.Table().All())))
	})
}

// COMMAND INFO [command-name [command-name ...]]
func commandInfo() *command.Spec {
	return describing.Conn(command.Spec{
		Name: "info", Arity: -2, Since: "2.8.13", Tips: tipsAnyOrder,
		Complexity: "O(N) where N is the number of commands to look up",
		Syntax:     "[<command-name> ...]",
		Summary:    "Describe the given commands, or all.",
	}, func(s *command.Session, args command.Args) resp.Value {
		t := s.Host.Table()
		if len(args) == 2 {
			return describeAll(t.All())
		}
		var specs []*command.Spec
		for i := 2; i < len(args); i++ {
			specs = append(specs, t.Find(args.Str(i)))
		}
		return describeAll(specs)
	})
}

// describeAll describes commands; nil is the answer to a nil.
func describeAll(specs []*command.Spec) resp.Value {
	out := make([]resp.Value, len(specs))
	for i, s := range specs {
		out[i] = resp.Nil
		if s != nil {
			out[i] = describe(s)
		}
	}
	return resp.Array(out...)
}

// describe is the ten elements of COMMAND INFO: name, arity, flags, first and
// last key and step, categories, tips, key specifications and subcommands.
func describe(s *command.Spec) resp.Value {
	subs := resp.Set()
	if s.Subs != nil {
		subs = describeAll(s.Subs)
	}
	var keys []resp.Value
	for _, k := range s.KeySpecs() {
		keys = append(keys, describeKeys(k))
	}
	return resp.Array(
		resp.Bulk(s.FullName()), resp.Int(int64(s.Arity)),
		statuses(s.Flags.Names(), ""),
		resp.Int(int64(s.Keys.First)), resp.Int(int64(s.Keys.Last)), resp.Int(int64(s.Keys.Step)),
		statuses(s.Categories(), "@"),
		bulks(s.Tips), resp.Set(keys...), subs)
}

// statuses is a set of words, each with a prefix.
func statuses(words []string, prefix string) resp.Value {
	out := make([]resp.Value, len(words))
	for i, w := range words {
		out[i] = resp.Simple(prefix + w)
	}
	return resp.Set(out...)
}

func bulks(texts []string) resp.Value {
	out := make([]resp.Value, len(texts))
	for i, t := range texts {
		out[i] = resp.Bulk(t)
	}
	return resp.Set(out...)
}

// describeKeys is one key specification.
func describeKeys(k command.KeySpec) resp.Value {
	begin := typed("index", "index", resp.Int(int64(k.Index)))
	if k.Keyword != "" {
		begin = typed("keyword", "keyword", resp.Bulk(k.Keyword),
			"startfrom", resp.Int(int64(k.Index)))
	}
	find := typed("range", "lastkey", resp.Int(int64(k.Last)),
		"keystep", resp.Int(int64(k.Step)), "limit", resp.Int(int64(k.Limit)))
	if k.Counted {
		find = typed("keynum", "keynumidx", resp.Int(0),
			"firstkey", resp.Int(1), "keystep", resp.Int(int64(k.Step)))
	}
	if k.Unknown {
		begin, find = typed("unknown"), typed("unknown")
	}
	var spec []resp.Value
	if k.Notes != "" {
		spec = append(spec, resp.Bulk("notes"), resp.Bulk(k.Notes))
	}
	return resp.Map(append(spec,
		resp.Bulk("flags"), statuses(k.Flags, ""),
		resp.Bulk("begin_search"), begin,
		resp.Bulk("find_keys"), find)...)
}

// typed is a type and its specification, names and values in turn.
func typed(name string, fields ...any) resp.Value {
	var spec []resp.Value
	for _, f := range fields {
		if v, ok := f.(resp.Value); ok {
			spec = append(spec, v)
		} else {
			spec = append(spec, resp.Bulk(f.(string)))
		}
	}
	return resp.Map(resp.Bulk("type"), resp.Bulk(name), resp.Bulk("spec"), resp.Map(spec...))
}
