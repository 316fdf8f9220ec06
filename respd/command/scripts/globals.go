package scripts

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// Names of what is taken from Lua as it is. Everything else that a script finds
// is ours.
var (
	baseNames = []string{"assert", "ipairs", "rawequal", "select", "type", "unpack", "xpcall"}
	// What reads or prints numbers, or may take long, is replaced.
	stringNames = []string{"byte", "char", "dump", "find", "gmatch", "gsub", "len", "lower",
		"match", "reverse", "sub", "upper"}
	tableNames     = []string{"getn", "maxn"}
	coroutineNames = []string{"resume", "running", "status", "yield"}
	mathNames      = []string{"abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg",
		"exp", "floor", "fmod", "frexp", "ldexp", "log", "log10", "max", "min", "mod",
		"modf", "pi", "pow", "rad", "sin", "sinh", "sqrt", "tan", "tanh"}
)

// openGlobals makes everything that scripts find.
func (s *state) openGlobals() {
	L := s.L
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString,
		lua.OpenMath, lua.OpenCoroutine} {
		L.Push(L.NewFunction(open))
		L.Call(0, 0)
	}
	from := L.G.Global
	redis := s.redisAPI()
	common := pick(L, from, baseNames)
	s.addAll(common, s.baseFunctions())
	common.RawSetString("_VERSION", lua.LString("Lua 5.1"))
	lib := func(name string, names []string, more map[string]lua.LGFunction) {
		t := L.NewTable()
		if names != nil {
			t = pick(L, from.RawGetString(name).(*lua.LTable), names)
		}
		s.addAll(t, more)
		common.RawSetString(name, s.freeze(t))
	}
	lib("string", stringNames, s.stringFunctions())
	lib("table", tableNames, s.tableFunctions())
	lib("math", mathNames, s.mathFunctions())
	s.raise = common.RawGetString("error").(*lua.LFunction)
	lib("coroutine", coroutineNames, s.coroutineFunctions(from.RawGetString("coroutine").(*lua.LTable)))
	lib("os", nil, osFunctions)
	lib("bit", nil, bitFunctions)
	lib("struct", nil, structFunctions)
	common.RawSetString("cmsgpack", s.freeze(s.openMsgpack()))
	common.RawSetString("cjson", s.freeze(s.openJSON(&s.json)))
	common.RawSetString("redis", s.freeze(redis))

	s.globals = s.freeze(common)
	s.globals.RawSetString(concatName, L.NewFunction(s.concat))
	common.RawSetString("_G", s.globals)
	s.functionGlobals = common
	s.scriptGlobals = L.NewTable()
	common.ForEach(func(k, v lua.LValue) { s.scriptGlobals.RawSet(k, v) })
	s.scriptGlobals.RawSetString("__redis__err__handler", s.handler)
	s.loadGlobals = L.NewTable()
	s.loadGlobals.RawSetString("redis", s.freeze(s.loadAPI()))
	s.seen(common.RawGetString("math").(*lua.LTable)).RawSetString("huge", lua.LNumber(math.Inf(1)))
	for _, t := range []*lua.LTable{s.functionGlobals, s.scriptGlobals, s.loadGlobals} {
		s.missing(t)
	}
	s.shareStrings(common)
	L.Env = s.globals
	s.use(s.scriptGlobals)
}

// shareStrings makes methods of strings what the string library is, which a
// script can't change through the strings' metatable either.
func (s *state) shareStrings(common *lua.LTable) {
	meta := s.L.NewTable()
	meta.RawSetString("__index", common.RawGetString("string"))
	meta.RawSetString("__metatable", s.freeze(pick(s.L, meta, []string{"__index"})))
	s.L.SetMetatable(lua.LString(""), meta)
}

func pick(L *lua.LState, from *lua.LTable, names []string) *lua.LTable {
	t := L.NewTable()
	for _, name := range names {
		if v := from.RawGetString(name); v != lua.LNil {
			t.RawSetString(name, v)
		}
	}
	return t
}

func (s *state) addAll(t *lua.LTable, fns map[string]lua.LGFunction) {
	for name, fn := range fns {
		t.RawSetString(name, s.L.NewFunction(fn))
	}
}
