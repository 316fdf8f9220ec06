package lualib

import (
	"time"

	"ledge/respd/lua"
)

// OpenOS puts a library "os" that has nothing but a clock into a table, and
// returns it.
func OpenOS(s *lua.State, into *lua.Table) *lua.Table {
	began := time.Now()
	return library(s, into, "os", []entry{
		{"clock", func(L *lua.Thread) (int, error) {
			L.Push(lua.Number(time.Since(began).Seconds()))
			return 1, nil
		}},
	})
}
