package scripts

import (
	"strings"
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/glob"
	"ledge/respd/resp"
)

// FUNCTION <subcommand> [argument ...]
func (e *Engine) function() *command.Spec {
	return family.Container(command.Spec{
		Name: "function", Since: "7.0.0",
		Summary: "Look after the function libraries, and end a function.",
	}, e.functionDelete(), e.functionDump(), e.functionFlush(), family.Help("7.0.0"), e.functionKill(),
		e.functionList(), e.functionLoad(), e.functionRestore(), e.functionStats())
}

// libraryRow returns the row of a subcommand that reads or writes libraries.
// One that reads them lacks the flag ReadOnly, as in Redis: it reads no keys.
func libraryRow(s command.Spec) *command.Spec {
	s.Since = "7.0.0"
	s.Flags |= command.NoScript
	if s.Write != nil {
		s.Tips = tipsShards
		return family.Write(s, s.Write)
	}
	return family.Row(s)
}

// FUNCTION LOAD [REPLACE] function-code
func (e *Engine) functionLoad() *command.Spec {
	return libraryRow(command.Spec{Name: "load", Arity: -3, Flags: command.DenyOOM,
		Complexity: "O(1) (considering compilation time is redundant)",
		Summary:    "Make a function library.", Syntax: "[REPLACE] <function-code>", Write: e.runLoad})
}

func (e *Engine) runLoad(d *replay.Draft, args command.Args) (resp.Value, error) {
	replace := false
	for i := 2; i < len(args)-1; i++ {
		if !args.Is(i, "REPLACE") {
			return resp.Value{}, resp.Error("ERR Unknown option given: " + args.Str(i))
		}
		replace = true
	}
	name, err := e.addLibrary(d, args.Str(len(args)-1), replace)
	return resp.Bulk(name), err
}

// AddLibrary makes a library of code, unless there is one of that name or with a function of
// the same name.
func (e *Engine) AddLibrary(d *replay.Draft, code string) error {
	_, err := e.addLibrary(d, code, false)
	return err
}

// addLibrary makes a library of code, and returns its name.
func (e *Engine) addLibrary(d *replay.Draft, code string, replace bool) (string, error) {
	name, _, err := libraryMeta(code)
	if err != nil {
		return "", err
	}
	if _, ok := d.Functions().Get(name); ok && !replace {
		return "", resp.Error("ERR Library '" + name + "' already exists")
	}
	s := e.acquire()
	defer e.release(s)
	if err := s.sync(d.Functions()); err != nil {
		return "", err
	}
	lib, err := s.load(code)
	if err != nil {
		return "", err
	}
	named := make(map[string]bool) // functions are found whatever their case
	for _, f := range lib.sorted() {
		folded := strings.ToLower(f.name)
		old := s.find(f.name)
		if named[folded] || old != nil && (s.libraries[name] == nil || s.libraries[name].functions[old.name] != old) {
			return "", resp.Error("ERR Function " + f.name + " already exists")
		}
		named[folded] = true
	}
	return name, d.SetFunction(name, code)
}

// FUNCTION DELETE library-name
func (e *Engine) functionDelete() *command.Spec {
	return libraryRow(command.Spec{Name: "delete", Arity: 3, Complexity: "O(1)",
		Summary: "Remove a function library.", Syntax: "<library-name>",
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
			if _, ok := d.Functions().Get(args.Str(2)); !ok {
				return resp.Value{}, resp.Error("ERR Library not found")
			}
			return resp.OK, d.SetFunction(args.Str(2), "")
		}})
}

// FUNCTION FLUSH [ASYNC | SYNC]
func (e *Engine) functionFlush() *command.Spec {
	return libraryRow(command.Spec{Name: "flush", Arity: -2,
		Complexity: "O(N) where N is the number of functions deleted",
		Summary:    "Remove all function libraries.", Syntax: "[ASYNC|SYNC]",
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
			if len(args) > 3 {
				return resp.Value{}, resp.Error("ERR unknown subcommand or wrong number of arguments for '" +
					args.Str(1) + "'. Try FUNCTION HELP.")
			}
			if !asyncOrNot(args) {
				return resp.Value{}, resp.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
			}
			if len(d.Functions().Keys()) == 0 {
				return resp.OK, nil
			}
			return resp.OK, d.FlushFunctions()
		}})
}

// FUNCTION DUMP
func (e *Engine) functionDump() *command.Spec {
	return libraryRow(command.Spec{Name: "dump", Arity: 2,
		Complexity: "O(N) where N is the number of functions",
		Summary:    "Tell all function libraries in a form for FUNCTION RESTORE.",
		Read: func(v *replay.View, _ command.Args) resp.Value {
			return resp.Bytes(dump(v.Functions()))
		}})
}

// FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]
func (e *Engine) functionRestore() *command.Spec {
	return libraryRow(command.Spec{Name: "restore", Arity: -3, Flags: command.DenyOOM,
		Complexity: "O(N) where N is the number of functions on the payload",
		Summary:    "Bring back function libraries from a dump.",
		Syntax:     "<serialized-value> [FLUSH|APPEND|REPLACE]", Write: e.runRestore})
}

func (e *Engine) runRestore(d *replay.Draft, args command.Args) (resp.Value, error) {
	if len(args) > 4 {
		return resp.Value{}, resp.Error("ERR unknown subcommand or wrong number of arguments for '" +
			args.Str(1) + "'. Try FUNCTION HELP.")
	}
	replace := false
	switch {
	case len(args) == 3 || args.Is(3, "APPEND"):
	case args.Is(3, "REPLACE"):
		replace = true
	case args.Is(3, "FLUSH"):
	default:
		return resp.Value{}, resp.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
	}
	codes, err := undump(args[2])
	if err != nil {
		return resp.Value{}, err
	}
	if len(args) == 4 && args.Is(3, "FLUSH") {
		if err := d.FlushFunctions(); err != nil {
			return resp.Value{}, err
		}
	}
	for _, code := range codes {
		name, _, err := libraryMeta(code)
		if err == nil {
			if _, ok := d.Functions().Get(name); ok && !replace {
				return resp.Value{}, resp.Error("ERR Library " + name + " already exists")
			}
			_, err = e.addLibrary(d, code, replace)
		}
		if err != nil {
			return resp.Value{}, err
		}
	}
	return resp.OK, nil
}

// FUNCTION KILL
func (e *Engine) functionKill() *command.Spec {
	return sub(command.Spec{Name: "kill", Arity: 2, Since: "7.0.0", Flags: command.AllowBusy,
		Complexity: "O(1)", Summary: "End the function that runs; nothing that it did stays.", Tips: tipsKill,
	}, func(command.Args) resp.Value { return e.kill(true) })
}

// FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]
func (e *Engine) functionList() *command.Spec {
	return libraryRow(command.Spec{Name: "list", Arity: -2,
		Complexity: "O(N) where N is the number of functions",
		Summary:    "Describe the function libraries.", Syntax: "[LIBRARYNAME <pattern>] [WITHCODE]",
		Tips: []string{"nondeterministic_output_order"}, Read: e.runList})
}

const (
	withCode command.OptionBits = 1 << iota
	byName
)

var listWords = command.Options[[]byte]{
	{Word: "WITHCODE", Says: withCode, Not: withCode},
	{Word: "LIBRARYNAME", Says: byName, Not: byName, Takes: 1, Read: command.KeepValue,
		Missing: resp.Error("ERR library name argument was not given")},
}

// listing reads the options of FUNCTION LIST, the pattern of names among them.
func listing(args command.Args) (g command.Given[[]byte], err error) {
	for n := 0; len(args) > 0; args = args[n:] {
		if n, err = listWords.Take(args, 0, &g); n == 0 && err == nil {
			err = resp.Error("ERR Unknown argument " + args.Str(0))
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

func (e *Engine) runList(v *replay.View, args command.Args) resp.Value {
	given, err := listing(args[2:])
	if err != nil {
		return resp.FromError(err)
	}
	s := e.acquire()
	defer e.release(s)
	if err := s.sync(v.Functions()); err != nil {
		return resp.FromError(err)
	}
	var out []resp.Value
	for _, name := range v.Functions().Keys() {
		if !given.Bits.Has(byName) || glob.Match(strings.ToLower(string(given.Value)), strings.ToLower(name)) {
			out = append(out, describe(s.libraries[name], given.Bits.Has(withCode)))
		}
	}
	return resp.Array(out...)
}

// describe is a library in FUNCTION LIST.
func describe(l *library, code bool) resp.Value {
	var fns []resp.Value
	for _, f := range l.sorted() {
		desc := resp.Nil
		if f.described {
			desc = resp.Bulk(f.description)
		}
		var flags []resp.Value
		for _, name := range f.flags.names() {
			flags = append(flags, resp.Simple(name))
		}
		fns = append(fns, resp.Map(resp.Bulk("name"), resp.Bulk(f.name),
			resp.Bulk("description"), desc, resp.Bulk("flags"), resp.Set(flags...)))
	}
	fields := []resp.Value{resp.Bulk("library_name"), resp.Bulk(l.name),
		resp.Bulk("engine"), resp.Bulk("LUA"), resp.Bulk("functions"), resp.Array(fns...)}
	if code {
		fields = append(fields, resp.Bulk("library_code"), resp.Bulk(l.code))
	}
	return resp.Map(fields...)
}

// FUNCTION STATS
func (e *Engine) functionStats() *command.Spec {
	return libraryRow(command.Spec{Name: "stats", Arity: 2, Flags: command.AllowBusy, Complexity: "O(1)",
		Summary: "Tell which function runs, and how many there are.",
		Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
		Read:    e.runStats})
}

func (e *Engine) runStats(v *replay.View, _ command.Args) resp.Value {
	now := resp.Nil
	if r := e.running.Load(); r != nil {
		if !r.function {
			return resp.Err(ErrBusy)
		}
		now = resp.Map(resp.Bulk("name"), resp.Bulk(strings.Clone(r.name)),
			resp.Bulk("command"), resp.Strings(r.words...),
			resp.Bulk("duration_ms"), resp.Int(time.Since(r.began).Milliseconds()))
	}
	s := e.acquire()
	defer e.release(s)
	if err := s.sync(v.Functions()); err != nil {
		return resp.FromError(err)
	}
	return resp.Map(resp.Bulk("running_script"), now,
		resp.Bulk("engines"), resp.Map(resp.Bulk("LUA"), resp.Map(
			resp.Bulk("libraries_count"), resp.Int(int64(len(s.libraries))),
			resp.Bulk("functions_count"), resp.Int(int64(len(s.functions))))))
}
