package lualib

import (
	"strings"

	"ledge/respd/lua"
)

// specials are the characters that make a text a pattern.
const specials = "^$*+?.([%-"

func strFind(L *lua.Thread) (int, error)  { return find(L, true) }
func strMatch(L *lua.Thread) (int, error) { return find(L, false) }

// find is string.find, which begins with where the match is, and string.match.
func find(L *lua.Thread, where bool) (int, error) {
	a := L.Args()
	s, pat := a.Str(1), a.Str(2)
	from := position(a.OptInt(3, 1), len(s)) - 1
	if err := a.Err(); err != nil {
		return 0, err
	}
	at := int(min(max(from, 0), int64(len(s))))
	if where && (L.Arg(4).Truth() || !strings.ContainsAny(cString(pat), specials)) {
		i, err := index(L, s, pat, at)
		if err != nil {
			return 0, err
		}
		if i < 0 {
			L.Push(lua.Nil)
			return 1, nil
		}
		L.Push(lua.Int(i+1), lua.Int(i+len(pat)))
		return 2, nil
	}
	m := newMatcher(L, s, pat)
	anchor := strings.HasPrefix(m.pat, "^")
	if anchor {
		m.pat = m.pat[1:]
	}
	for ; at <= len(s); at++ {
		end := m.start(at, 0)
		if m.err != nil {
			return 0, m.err
		}
		if end >= 0 {
			return m.found(at, end, where)
		}
		if anchor {
			break
		}
	}
	L.Push(lua.Nil)
	return 1, m.settle()
}

// found pushes what find returns of a match.
func (m *matcher) found(from, to int, where bool) (int, error) {
	if err := m.settle(); err != nil {
		return 0, err
	}
	if !where {
		return m.pushCaptures(from, to)
	}
	m.L.Push(lua.Int(from+1), lua.Int(to))
	if m.level == 0 {
		return 2, nil
	}
	n, err := m.pushCaptures(from, to)
	return n + 2, err
}

// strGmatch returns a function that returns the next match each time.
func strGmatch(L *lua.Thread) (int, error) {
	a := L.Args()
	s, pat := a.Str(1), a.Str(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	at := 0
	next := func(L *lua.Thread) (int, error) {
		m := newMatcher(L, s, pat)
		for ; at <= len(s); at++ {
			end := m.start(at, 0)
			if m.err != nil {
				return 0, m.err
			}
			if end < 0 {
				continue
			}
			from := at
			if at = end; end == from {
				at++
			}
			if err := m.settle(); err != nil {
				return 0, err
			}
			return m.pushCaptures(from, end)
		}
		return 0, m.settle()
	}
	L.Push(lua.FromFunction(L.State().NewClosure(next, L.Arg(1), L.Arg(2))))
	return 1, nil
}
