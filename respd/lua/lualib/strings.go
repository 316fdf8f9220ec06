package lualib

import (
	"strings"

	"ledge/respd/lua"
)

// OpenString puts the library "string" into a table and makes its functions
// methods of strings. It returns the library and the metatable of strings.
func OpenString(s *lua.State, into *lua.Table) (strings, meta *lua.Table) {
	t := library(s, into, "string", []entry{
		{"byte", strByte},
		{"char", strChar},
		{"dump", strDump},
		{"find", strFind},
		{"format", strFormat},
		{"gfind", strGmatch},
		{"gmatch", strGmatch},
		{"gsub", strGsub},
		{"len", strLen},
		{"lower", strLower},
		{"match", strMatch},
		{"rep", strRep},
		{"reverse", strReverse},
		{"sub", strSub},
		{"upper", strUpper},
	})
	// In 5.1, gfind is gmatch, the same function.
	t.SetString("gfind", t.GetString("gmatch"))
	meta = s.NewTable(0, 1)
	meta.SetString("__index", lua.FromTable(t))
	s.SetStringMeta(meta)
	return t, meta
}

// position is an index into a string of n bytes: negative ones count from its
// end, and what is before its beginning is 0.
func position(i int64, n int) int64 {
	if i < 0 {
		i += int64(n) + 1
	}
	return max(i, 0)
}

func strLen(L *lua.Thread) (int, error) {
	a := L.Args()
	s := a.Str(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(lua.Int(len(s)))
	return 1, nil
}

func strSub(L *lua.Thread) (int, error) {
	a := L.Args()
	s := a.Str(1)
	from, to := position(a.Int(2), len(s)), position(a.OptInt(3, -1), len(s))
	if err := a.Err(); err != nil {
		return 0, err
	}
	from, to = max(from, 1), min(to, int64(len(s)))
	if from > to {
		L.Push(empty)
		return 1, nil
	}
	if v := L.Arg(1); v.IsString() && to-from == int64(len(s))-1 {
		L.Push(v)
		return 1, nil
	}
	return 1, pushPart(L, s, s[from-1:to])
}

var empty = lua.Shared("")

func strByte(L *lua.Thread) (int, error) {
	a := L.Args()
	s := a.Str(1)
	from := position(a.OptInt(2, 1), len(s))
	to := position(a.OptInt(3, from), len(s))
	if err := a.Err(); err != nil {
		return 0, err
	}
	from, to = max(from, 1), min(to, int64(len(s)))
	if from > to {
		return 0, nil
	}
	n := int(to - from + 1)
	if n > 1<<31-1 {
		return 0, L.Errorf("string slice too long")
	}
	if !L.Room(n) {
		return 0, L.Errorf("stack overflow (string slice too long)")
	}
	if err := L.Step(n / 8); err != nil {
		return 0, err
	}
	for _, c := range []byte(s[from-1 : to]) {
		L.Push(lua.Int(int(c)))
	}
	return n, nil
}

func strChar(L *lua.Thread) (int, error) {
	a := L.Args()
	n := L.Top()
	if err := L.Step(n / 8); err != nil {
		return 0, err
	}
	b := make([]byte, 0, n)
	for i := 1; i <= n && a.Err() == nil; i++ {
		c := a.Int32(i)
		if c < 0 || c > 255 {
			a.Bad(i, "invalid value")
		}
		b = append(b, byte(c))
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(L.Bytes(b))
	return 1, nil
}

// strDump refuses: a function of ours has no binary form that Lua could read.
func strDump(L *lua.Thread) (int, error) {
	a := L.Args()
	a.Function(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	return 0, L.Errorf("unable to dump given function")
}

func strLower(L *lua.Thread) (int, error) { return eachByte(L, &lowers) }
func strUpper(L *lua.Thread) (int, error) { return eachByte(L, &uppers) }

// lowers and uppers are what each byte becomes.
var lowers, uppers = func() (l, u [256]byte) {
	for c := range 256 {
		l[c], u[c] = lower(byte(c)), upper(byte(c))
	}
	return l, u
}()

// eachByte pushes the first argument with each byte changed.
func eachByte(L *lua.Thread, to *[256]byte) (int, error) {
	return rewrite(L, func(dst []byte, s string, at int) {
		s = s[at : at+len(dst)]
		for i := range len(s) {
			dst[i] = to[s[i]]
		}
	})
}

func strReverse(L *lua.Thread) (int, error) {
	return rewrite(L, func(dst []byte, s string, at int) {
		for i := range dst {
			dst[i] = s[len(s)-1-at-i]
		}
	})
}

// rewrite pushes a string that is as long as the first argument. fill writes the
// part of it that begins at a place.
func rewrite(L *lua.Thread, fill func(dst []byte, s string, at int)) (int, error) {
	a := L.Args()
	s := a.Str(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	b, err := reserved(L, len(s))
	if err != nil {
		return 0, err
	}
	if err := each(L, len(b), func(from, to int) { fill(b[from:to], s, from) }); err != nil {
		return 0, err
	}
	L.Push(owned(L, b))
	return 1, nil
}

func strRep(L *lua.Thread) (int, error) {
	a := L.Args()
	s, n := a.Str(1), a.Int32(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	if n <= 0 || s == "" {
		L.Push(empty)
		return 1, nil
	}
	if n > maxString/len(s) {
		return 0, L.Errorf(errTooLarge)
	}
	b, err := reserved(L, n*len(s))
	if err != nil {
		return 0, err
	}
	// What has been written is written again, from where s goes on.
	done := 0
	err = each(L, len(b), func(_, to int) {
		if done == 0 {
			done = copy(b, s)
		}
		for done < to {
			done += copy(b[done:to], b[done%len(s):done])
		}
	})
	if err != nil {
		return 0, err
	}
	L.Push(owned(L, b))
	return 1, nil
}

// index returns where pat is in s from a place on, or -1.
func index(L *lua.Thread, s, pat string, from int) (int, error) {
	if pat == "" {
		return from, nil
	}
	window := max(turnBytes, 2*len(pat))
	for ; len(s)-from >= len(pat); from += window - len(pat) + 1 {
		part := s[from:min(len(s), from+window)]
		if err := L.Step(len(part) / stepBytes); err != nil {
			return 0, err
		}
		if i := strings.Index(part, pat); i >= 0 {
			return from + i, nil
		}
	}
	return -1, nil
}
