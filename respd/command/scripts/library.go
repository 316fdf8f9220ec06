package scripts

import (
	"errors"
	"sort"
	"strings"

	"ledge/replay/catalog"
	"ledge/respd/lua"
	"ledge/respd/resp"
)

// library is a function library as one Lua state has it.
type library struct {
	name, code string
	functions  map[string]*function
}

// function is one of its functions.
type function struct {
	name        string
	description string
	described   bool
	flags       scriptFlags
	fn          *lua.Function
}

// sorted returns the functions in order of their names.
func (l *library) sorted() []*function {
	fns := make([]*function, 0, len(l.functions))
	for _, f := range l.functions {
		fns = append(fns, f)
	}
	sort.Slice(fns, func(i, j int) bool { return fns[i].name < fns[j].name })
	return fns
}

const errName = "Library names can only contain letters, numbers, or underscores(_) " +
	"and must be at least one character long"

func goodName(name string) bool {
	for _, c := range []byte(name) {
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return name != ""
}

// libraryMeta reads the "#!lua name=…" line of a library, and returns its name
// and what is left to compile.
func libraryMeta(code string) (name, body string, err error) {
	fail := func(text string) (string, string, error) { return "", "", resp.Error("ERR " + text) }
	if !strings.HasPrefix(code, "#!") {
		return fail("Missing library metadata")
	}
	line, _, found := strings.Cut(code, "\n")
	words := wordsOf(line)
	if !found || len(words) == 0 {
		return fail("Invalid library metadata")
	}
	engine := words[0][2:]
	named := false
	for _, word := range words[1:] {
		value, ok := cutPrefixFold(word, "name=")
		switch {
		case !ok:
			return fail("Invalid metadata value given: " + word)
		case named:
			return fail("Invalid metadata value, name argument was given multiple times")
		}
		name, named = value, true
	}
	switch {
	case !named:
		return fail("Library name was not given")
	case !goodName(name):
		return fail(errName)
	case !strings.EqualFold(engine, "lua"):
		return fail("Engine '" + engine + "' not found")
	}
	return name, code[len(line):], nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// load runs a library's code, which registers its functions.
func (s *state) load(code string) (*library, error) {
	name, body, err := libraryMeta(code)
	if err != nil {
		return nil, err
	}
	proto, err := s.e.libs.get(code, body)
	if err != nil {
		return nil, compileError("Error compiling function: ", err)
	}
	lib := &library{name: name, code: code, functions: make(map[string]*function)}
	if err := s.register(lib, proto); err != nil {
		return nil, resp.Error("ERR Error registering functions: " + err.Error())
	}
	if len(lib.functions) == 0 {
		return nil, resp.Error("ERR No functions registered")
	}
	return lib, nil
}

// register runs the code of a library.
func (s *state) register(lib *library, proto *lua.Proto) (err error) {
	r := newLoad(lib.name)
	defer func() {
		if cause := recover(); cause != nil {
			err = s.internal(r, cause)
		}
		s.loading = nil
		s.show(s.functionGlobals)
		s.lua.End()
	}()
	s.loading = lib
	s.show(s.loadGlobals)
	s.begin(r)
	_, err = s.lua.Main().Run(s.lua.Load(proto, s.libraryGlobals), nil)
	var raised *lua.Error
	switch {
	case err == nil:
	case errors.As(err, &raised):
		text, _ := described(raised.Value)
		err = resp.Error(text)
	case tookMuch(err):
		err = errMemory
	}
	return err
}

// sync makes the state have these libraries. Those that it has already keep
// their local variables.
func (s *state) sync(want catalog.Rows) error {
	if s.loaded == want.Version() {
		return nil
	}
	s.loaded = catalog.Version{}
	libs := make(map[string]*library)
	fns := make(map[string]*function)
	for name, code := range want.All() {
		lib := s.libraries[name]
		if lib == nil || lib.code != code {
			var err error
			if lib, err = s.load(code); err != nil {
				return err
			}
		}
		libs[name] = lib
		for _, f := range lib.sorted() { // in order: one stored earlier may have two names that differ in case
			fns[strings.ToLower(f.name)] = f
		}
	}
	s.libraries, s.functions, s.loaded = libs, fns, want.Version()
	return nil
}

// find returns the function of that name, of any case, or nil.
func (s *state) find(name string) *function { return s.functions[strings.ToLower(name)] }

// registerFunction is redis.register_function.
func (s *state) registerFunction(L *lua.Thread) (int, error) {
	if s.loading == nil {
		return raiseTable(L, "ERR redis.register_function can only be called on FUNCTION LOAD command")
	}
	var f *function
	var problem string
	switch L.Top() {
	case 1:
		f, problem = namedArgs(L)
	case 2:
		f, problem = positionalArgs(L)
	default:
		problem = "wrong number of arguments to redis.register_function"
	}
	switch {
	case problem != "":
	case !goodName(f.name):
		problem = errName
	case s.loading.functions[f.name] != nil:
		problem = "Function already exists in the library"
	default:
		s.loading.functions[f.name] = f
		return 0, nil
	}
	return raiseTable(L, "ERR "+problem)
}

func positionalArgs(L *lua.Thread) (*function, string) {
	name, ok := lua.ToText(L.Arg(1))
	if !ok {
		return nil, "first argument to redis.register_function must be a string"
	}
	fn := L.Arg(2).Function()
	if fn == nil {
		return nil, "second argument to redis.register_function must be a function"
	}
	return &function{name: name, fn: fn}, ""
}

func namedArgs(L *lua.Thread) (*function, string) {
	t := L.Arg(1).Table()
	if t == nil {
		return nil, "calling redis.register_function with a single argument is only applicable to " +
			"Lua table (representing named arguments)."
	}
	f := new(function)
	named, problem := false, ""
	for k, v, err := t.Next(lua.Nil); err == nil && !k.IsNil() && problem == ""; k, v, err = t.Next(k) {
		key, ok := lua.ToText(k)
		if !ok {
			return nil, "named argument key given to redis.register_function is not a string"
		}
		key = strings.ToLower(key)
		problem = f.argument(key, v)
		named = named || key == "function_name"
	}
	switch {
	case problem != "":
		return nil, problem
	case !named:
		return nil, "redis.register_function must get a function name argument"
	case f.fn == nil:
		return nil, "redis.register_function must get a callback argument"
	}
	return f, ""
}

// argument takes in one named argument, and returns what is wrong with it.
func (f *function) argument(key string, v lua.Value) string {
	text, ok := lua.ToText(v)
	switch key {
	case "function_name":
		if !ok {
			return "function_name argument given to redis.register_function must be a string"
		}
		f.name = text
	case "description":
		if !ok {
			return "description argument given to redis.register_function must be a string"
		}
		f.description, f.described = text, true
	case "callback":
		if f.fn = v.Function(); f.fn == nil {
			return "callback argument given to redis.register_function must be a function"
		}
	case "flags":
		t := v.Table()
		if t == nil {
			return "flags argument to redis.register_function must be a table representing function flags"
		}
		for i := 1; !t.GetInt(i).IsNil(); i++ {
			name, _ := lua.ToText(t.GetInt(i))
			flag := parseFlag(name)
			if flag == 0 {
				return "unknown flag given"
			}
			f.flags |= flag
		}
	default:
		return "unknown argument given to redis.register_function"
	}
	return ""
}
