package scripts

import (
	"ledge/replay/catalog"
	"ledge/respd/command"
	"ledge/respd/lua"
	"ledge/respd/lua/lualib"
)

// state is a Lua state with everything that scripts find in it. Setting one up
// takes a while, so they are kept. Nothing that a script does to it is seen by
// the next one, other than by the functions of a library, which may share
// local variables.
type state struct {
	e       *Engine
	lua     *lua.State
	run     *run
	broken  bool // it can't be used again
	handler *lua.Function
	// tostring is Lua's.
	tostring *lua.Function
	random   lualib.Random
	json     lualib.JSON

	// scriptGlobals are the globals of scripts, which have KEYS and ARGV.
	// Functions of libraries have libraryGlobals, which is empty and shows
	// either functionGlobals or, while a library is loaded, loadGlobals, with
	// little else than redis.register_function. None can be changed.
	scriptGlobals   *lua.Table
	libraryGlobals  *lua.Table
	functionGlobals *lua.Table
	loadGlobals     *lua.Table

	closures map[*lua.Proto]*lua.Function
	trimmed  int64 // of the cache, when closures were last cleared

	loaded    catalog.Version // of the rows that libraries and functions are made of
	libraries map[string]*library
	functions map[string]*function // by name in lower case
	loading   *library             // registers its functions

	session *command.Session // for commands on the server, made at first use
	args    command.Args     // scratch of redis.call, as arena
	arena   []byte
}

// maxClosures is how many scripts a state keeps ready to be called.
const maxClosures = 1024

func newState(e *Engine) *state {
	s := &state{e: e}
	s.lua = lua.New(lua.Config{Check: s.check, CheckEvery: checkEvery})
	s.closures = make(map[*lua.Proto]*lua.Function)
	s.libraries, s.functions = make(map[string]*library), make(map[string]*function)
	s.handler = s.lua.NewFunction(s.handle)
	s.random.Reset()
	s.openGlobals()
	return s
}

// begin prepares the state for a run.
func (s *state) begin(r *run) {
	s.run = r
	r.memory = s.e.memory()
	s.lua.Begin(r.memory)
}

// end lets go of what a run has left.
func (s *state) end() {
	s.run = nil
	s.lua.End()
	if s.random.Seeded {
		s.random.Reset()
	}
	s.json.Reset()
	s.scriptGlobals.SetString("KEYS", lua.Nil)
	s.scriptGlobals.SetString("ARGV", lua.Nil)
	if cap(s.arena) > 1<<20 {
		s.arena = nil
	}
	clear(s.args[:cap(s.args)])
}

// closure returns the function that a script's code is.
func (s *state) closure(p *lua.Proto) *lua.Function {
	fn := s.closures[p]
	if fn == nil {
		if n := s.e.cache.trimmed.Load(); n != s.trimmed || len(s.closures) >= maxClosures {
			clear(s.closures)
			s.trimmed = n
		}
		fn = s.lua.Load(p, s.scriptGlobals)
		s.closures[p] = fn
	}
	return fn
}

// strings returns a table of strings.
func (s *state) strings(args command.Args) lua.Value {
	L := s.lua.Main()
	t := L.NewTable(len(args), 0)
	for i, a := range args {
		t.SetInt(i+1, L.Bytes(a))
	}
	return lua.FromTable(t)
}

// freeze makes a table, and all tables that can be reached from it, ones that
// scripts can't change.
func freeze(t *lua.Table) {
	if t == nil || t.ReadOnly() {
		return
	}
	t.SetReadOnly(true)
	for k, v, err := t.Next(lua.Nil); err == nil && !k.IsNil(); k, v, err = t.Next(k) {
		freeze(v.Table())
	}
	freeze(t.Meta())
}

// missing makes a table raise an error when what it doesn't have is read.
func (s *state) missing(t *lua.Table) {
	meta := s.lua.NewTable(0, 1)
	meta.SetString("__index", lua.FromFunction(s.lua.NewFunction(noGlobal)))
	t.SetMeta(meta)
}

func noGlobal(L *lua.Thread) (int, error) {
	a := L.Args()
	name := a.Str(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	return 0, L.Errorf("Script attempted to access nonexistent global variable '%s'", name)
}
