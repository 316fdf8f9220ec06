package scripts

import (
	"ledge/respd/lua"
	"ledge/respd/lua/lualib"
)

// openGlobals makes everything that scripts find.
func (s *state) openGlobals() {
	s.functionGlobals = s.open(func() *lua.Table { return s.libraryGlobals })
	s.scriptGlobals = s.open(func() *lua.Table { return s.scriptGlobals })
	s.tostring = s.scriptGlobals.GetString("tostring").Function()
	s.scriptGlobals.SetString("__redis__err__handler", lua.FromFunction(s.handler))
	s.loadGlobals = s.lua.NewTable(0, 1)
	s.loadGlobals.SetString("redis", lua.FromTable(s.loadAPI()))
	s.libraryGlobals = s.lua.NewTable(0, 0)
	s.libraryGlobals.SetMeta(s.lua.NewTable(0, 1))
	for _, t := range []*lua.Table{s.functionGlobals, s.scriptGlobals, s.loadGlobals} {
		s.missing(t)
		freeze(t)
	}
	s.show(s.functionGlobals)
	freeze(s.libraryGlobals)
}

// open returns a table with all libraries. globals returns what chunks that a
// script compiles have for globals.
func (s *state) open(globals func() *lua.Table) *lua.Table {
	t := s.lua.NewTable(0, 0)
	t.SetString("_G", lua.FromTable(t))
	lualib.OpenBase(s.lua, t, lualib.Base{Globals: globals})
	lualib.OpenTable(s.lua, t)
	_, meta := lualib.OpenString(s.lua, t)
	// Methods of strings can't be changed through their metatable either.
	freeze(meta)
	lualib.OpenMath(s.lua, t, &s.random)
	lualib.OpenCoroutine(s.lua, t)
	lualib.OpenJSON(s.lua, t, &s.json)
	lualib.OpenStruct(s.lua, t)
	lualib.OpenMsgpack(s.lua, t)
	lualib.OpenBit(s.lua, t)
	lualib.OpenOS(s.lua, t)
	t.SetString("redis", lua.FromTable(s.redisAPI()))
	return t
}

// show makes the globals of libraries those of t.
func (s *state) show(t *lua.Table) {
	s.libraryGlobals.Meta().SetString("__index", lua.FromTable(t))
}

// addAll puts functions into a table.
func (s *state) addAll(t *lua.Table, fns []entry) {
	for _, f := range fns {
		t.SetString(f.name, lua.FromFunction(s.lua.NewFunction(f.fn)))
	}
}

// entry is a function of a library.
type entry struct {
	name string
	fn   lua.GoFunction
}
