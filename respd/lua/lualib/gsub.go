package lualib

import (
	"strings"

	"ledge/respd/lua"
)

// strGsub replaces what matches a pattern.
func strGsub(L *lua.Thread) (int, error) {
	a := L.Args()
	s, pat := a.Str(1), a.Str(2)
	most := a.OptInt32(4, len(s)+1)
	by := L.Arg(3)
	switch by.Kind() {
	case lua.KindNumber, lua.KindString, lua.KindTable, lua.KindFunction:
	default:
		a.Bad(3, "string/function/table expected")
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	g := gsub{matcher: newMatcher(L, s, pat), out: buffer{L: L}, by: by}
	g.text, _ = lua.ToText(by)
	anchor := strings.HasPrefix(g.pat, "^")
	if anchor {
		g.pat = g.pat[1:]
	}
	n, at, err := g.all(most, anchor)
	if err != nil {
		return 0, err
	}
	if n == 0 && L.Arg(1).IsString() {
		L.Push(L.Arg(1), lua.Int(0))
		return 2, nil
	}
	if err := g.out.text(s[at:]); err != nil {
		return 0, err
	}
	if err := g.out.push(); err != nil {
		return 0, err
	}
	L.Push(lua.Int(n))
	return 2, nil
}

// gsub is a replacement at work.
type gsub struct {
	*matcher
	out  buffer
	by   lua.Value
	text string // of by, if it is a string
}

// all replaces up to most matches, and returns how many there were and where
// the rest of the text begins.
func (g *gsub) all(most int, anchor bool) (n, at int, err error) {
	done := 0 // what is in out, or replaced
	for n < most {
		end := g.start(at, 0)
		if g.err != nil {
			return n, done, g.err
		}
		if end >= 0 {
			n++
			if err := g.out.text(g.src[done:at]); err != nil {
				return n, done, err
			}
			if done = end; done < at {
				done = at
			}
			if err := g.replace(at, end); err != nil {
				return n, done, err
			}
		}
		switch {
		case end > at:
			at = end
		case at < len(g.src):
			at++
		default:
			return n, done, g.settle()
		}
		if anchor {
			break
		}
	}
	return n, done, g.settle()
}

// replace adds what stands for a match from s to e.
func (g *gsub) replace(s, e int) error {
	L := g.L
	var v lua.Value
	var err error
	switch g.by.Kind() {
	case lua.KindTable:
		if v, err = g.capture(0, s, e); err == nil {
			v, err = L.Index(g.by, v)
		}
	case lua.KindFunction:
		args := make([]lua.Value, max(g.level, 1))
		for i := range args {
			if args[i], err = g.capture(i, s, e); err != nil {
				return err
			}
		}
		v, err = L.Call1(g.by, args...)
	default:
		return g.template(s, e)
	}
	if err != nil {
		return err
	}
	text, ok := lua.ToText(v)
	switch {
	case !v.Truth():
		return g.out.text(g.src[s:e])
	case !ok:
		return L.Errorf("invalid replacement value (a %s)", v.Kind())
	}
	return g.out.text(text)
}

// template adds the replacement that is a text, with "%1" and so on in it.
func (g *gsub) template(s, e int) error {
	rest := g.text
	for {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			return g.out.text(rest)
		}
		if err := g.out.text(rest[:i]); err != nil {
			return err
		}
		// A "%" at the end stands for a zero byte, as in Lua 5.1.
		c := byte(0)
		if rest = rest[i+1:]; rest != "" {
			c, rest = rest[0], rest[1:]
		}
		if err := g.escape(c, s, e); err != nil {
			return err
		}
	}
}

func (g *gsub) escape(c byte, s, e int) error {
	switch {
	case !isDigit(c):
		return g.out.char(c)
	case c == '0':
		return g.out.text(g.src[s:e])
	}
	i := int(c - '1')
	if i < g.level && g.captures[i].len >= 0 {
		c := g.captures[i]
		return g.out.text(g.src[c.at : c.at+c.len])
	}
	if i == 0 && g.level == 0 {
		return g.out.text(g.src[s:e])
	}
	v, err := g.capture(i, s, e)
	if err != nil {
		return err
	}
	text, _ := lua.ToText(v)
	return g.out.text(text)
}
