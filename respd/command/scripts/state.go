package scripts

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"ledge/replay"
	"ledge/respd/command"
)

// state is a Lua state with everything that scripts find in it. Setting one up
// takes a while, so they are kept. Nothing that a script does to it is seen by
// the next one, other than by the functions of a library, which may share
// local variables.
type state struct {
	e       *Engine
	L       *lua.LState
	w       watch
	run     *run
	handler *lua.LFunction
	raise   *lua.LFunction // error
	random  random
	seeded  bool // by the script
	json    jsonConfig

	// globals is what "_G" is: an empty table that shows one of the three.
	// Scripts have KEYS and ARGV, functions don't, and a library that is being
	// loaded has little else than redis.register_function.
	globals         *lua.LTable
	scriptGlobals   *lua.LTable
	functionGlobals *lua.LTable
	loadGlobals     *lua.LTable
	// frozen are the tables that can't be changed: each is empty and shows
	// another through its metatable.
	frozen map[*lua.LTable]*lua.LTable

	closures map[*lua.FunctionProto]*lua.LFunction

	loaded    *replay.Functions // what libraries and functions are made of
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
	s := &state{e: e, L: lua.NewState(lua.Options{
		SkipOpenLibs: true, CallStackSize: maxCalls, MinimizeStackMemory: true,
		RegistrySize: 1024, RegistryMaxSize: maxStack, RegistryGrowStep: 4096,
	})}
	s.frozen = make(map[*lua.LTable]*lua.LTable)
	s.closures = make(map[*lua.FunctionProto]*lua.LFunction)
	s.libraries, s.functions = make(map[string]*library), make(map[string]*function)
	s.handler = s.L.NewFunction(s.handle)
	s.random.reset()
	s.w = watch{Context: context.Background(), e: e}
	s.openGlobals()
	s.L.SetContext(&s.w)
	return s
}

// begin prepares the state for a run.
func (s *state) begin(r *run) {
	s.run = r
	s.w.begin(r)
	s.json.reset()
}

// end lets go of what a run has left.
func (s *state) end() {
	s.run = nil
	s.w.r = nil
	s.w.cause = nil
	s.L.SetTop(0)
	if s.seeded {
		s.seeded = false
		s.random.reset()
	}
	s.scriptGlobals.RawSetString("KEYS", lua.LNil)
	s.scriptGlobals.RawSetString("ARGV", lua.LNil)
	if cap(s.arena) > 1<<20 {
		s.arena = nil
	}
	clear(s.args[:cap(s.args)])
}

// use makes the globals those of t.
func (s *state) use(t *lua.LTable) {
	s.globals.Metatable.(*lua.LTable).RawSetString("__index", t)
	s.frozen[s.globals] = t
}

// closure returns the function that a script's code is.
func (s *state) closure(p *lua.FunctionProto) *lua.LFunction {
	fn := s.closures[p]
	if fn == nil {
		if len(s.closures) >= maxClosures {
			clear(s.closures)
		}
		fn = s.L.NewFunctionFromProto(p)
		s.closures[p] = fn
	}
	return fn
}

// strings returns a table of strings.
func (s *state) strings(args command.Args) *lua.LTable {
	t := s.L.CreateTable(len(args), 0)
	for _, a := range args {
		t.Append(lua.LString(a))
	}
	return t
}

// freeze returns a table that shows t and can't be changed.
func (s *state) freeze(t *lua.LTable) *lua.LTable {
	shown, meta := s.L.NewTable(), s.L.NewTable()
	meta.RawSetString("__index", t)
	meta.RawSetString("__newindex", s.L.NewFunction(readOnlyTable))
	meta.RawSetString("__metatable", s.L.NewTable())
	shown.Metatable = meta
	s.frozen[shown] = t
	return shown
}

// seen returns the table whose entries t has: t, unless it is frozen.
func (s *state) seen(t *lua.LTable) *lua.LTable {
	if real, ok := s.frozen[t]; ok {
		return real
	}
	return t
}

// changeable raises an error if t is frozen.
func (s *state) changeable(L *lua.LState, t *lua.LTable) {
	if _, ok := s.frozen[t]; ok {
		L.Error(lua.LString("Attempt to modify a readonly table"), 0)
	}
}

func readOnlyTable(L *lua.LState) int {
	L.Error(lua.LString("Attempt to modify a readonly table"), 2)
	return 0
}

// missing makes a table raise an error when what it doesn't have is read.
func (s *state) missing(t *lua.LTable) {
	meta := s.L.NewTable()
	meta.RawSetString("__index", s.L.NewFunction(func(L *lua.LState) int {
		L.Error(lua.LString("Script attempted to access nonexistent global variable '"+
			L.Get(2).String()+"'"), 2)
		return 0
	}))
	t.Metatable = meta
}
