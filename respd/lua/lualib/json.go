package lualib

import (
	"math"

	"ledge/respd/lua"
)

// Null is cjson.null, which stands for a null pointer.
var Null = &lua.Userdata{Name: "(nil)"}

// JSON is what a script has set of cjson.
type JSON struct {
	convert     bool // sparse arrays become objects
	ratio, safe int  // what is too sparse for an array
	encodeDepth int
	decodeDepth int
	precision   int
	keep        bool
	encodeBad   int  // what becomes of NaN and infinities: one of badOptions
	decodeBad   bool // they are decoded, and hexadecimal numbers
}

// Reset makes it what scripts find at first.
func (c *JSON) Reset() {
	*c = JSON{ratio: 2, safe: 10, encodeDepth: 1000, decodeDepth: 1000, precision: 14,
		keep: true, decodeBad: true}
}

var (
	switchOptions = []string{"off", "on"}
	badOptions    = []string{"off", "on", "null"}
)

const (
	badAsIs = 1 + iota
	badAsNull
)

// OpenJSON puts the library "cjson" into a table, and returns it. c is what its
// functions are set to.
func OpenJSON(s *lua.State, into *lua.Table, c *JSON) *lua.Table {
	c.Reset()
	t := newJSON(s, c)
	into.SetString("cjson", lua.FromTable(t))
	return t
}

func newJSON(s *lua.State, c *JSON) *lua.Table {
	t := s.NewTable(0, 0)
	register(s, t, []entry{
		{"encode", c.encode},
		{"decode", c.decode},
		{"encode_sparse_array", c.sparse},
		{"encode_max_depth", integerSetting(&c.encodeDepth, 1, math.MaxInt32)},
		{"decode_max_depth", integerSetting(&c.decodeDepth, 1, math.MaxInt32)},
		{"encode_number_precision", integerSetting(&c.precision, 1, 14)},
		{"encode_keep_buffer", switchSetting(&c.keep)},
		{"encode_invalid_numbers", c.encodeInvalid},
		{"decode_invalid_numbers", switchSetting(&c.decodeBad)},
		{"new", func(L *lua.Thread) (int, error) {
			own := new(JSON)
			own.Reset()
			L.Push(lua.FromTable(newJSON(L.State(), own)))
			return 1, nil
		}},
	})
	t.SetString("null", lua.FromUserdata(Null))
	t.SetString("_NAME", lua.Shared("cjson"))
	t.SetString("_VERSION", lua.Shared("2.1.0"))
	return t
}

// option reads an argument that is one of some words, or true or false for the
// first two. It returns what it was before if there is none.
func option(a *lua.Args, i int, was int, words []string) int {
	switch v := a.L.Arg(i); v.Kind() {
	case lua.KindNil:
		return was
	case lua.KindBool:
		if v.Truth() {
			return 1
		}
		return 0
	}
	word := cString(a.Str(i))
	for n, w := range words {
		if w == word {
			return n
		}
	}
	a.Bad(i, "invalid option '"+word+"'")
	return was
}

func truthOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// integerOption reads an argument that may be missing.
func integerOption(a *lua.Args, i int, was, least, most int) int {
	if a.L.Arg(i).IsNil() {
		return was
	}
	n := a.Int32(i)
	if n < least || n > most {
		// It is always said of the first argument.
		a.Bad(1, "expected integer between "+lua.FormatNumber(float64(least))+" and "+
			lua.FormatNumber(float64(most)))
		return was
	}
	return n
}

// settings reads arguments of which there must not be more than n.
func settings(L *lua.Thread, n int) lua.Args {
	a := L.Args()
	if L.Top() > n {
		a.Bad(n+1, "found too many arguments")
	}
	return a
}

func switchSetting(b *bool) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := settings(L, 1)
		yes := option(&a, 1, truthOf(*b), switchOptions) == 1
		if err := a.Err(); err != nil {
			return 0, err
		}
		*b = yes
		L.Push(lua.Bool(yes))
		return 1, nil
	}
}

func integerSetting(n *int, least, most int) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := settings(L, 1)
		x := integerOption(&a, 1, *n, least, most)
		if err := a.Err(); err != nil {
			return 0, err
		}
		*n = x
		L.Push(lua.Int(x))
		return 1, nil
	}
}

func (c *JSON) sparse(L *lua.Thread) (int, error) {
	a := settings(L, 3)
	// What was right before the first argument that is wrong is set.
	if n := option(&a, 1, truthOf(c.convert), switchOptions); a.Err() == nil {
		c.convert = n == 1
	}
	if n := integerOption(&a, 2, c.ratio, 0, math.MaxInt32); a.Err() == nil {
		c.ratio = n
	}
	if n := integerOption(&a, 3, c.safe, 0, math.MaxInt32); a.Err() == nil {
		c.safe = n
	}
	L.Push(lua.Bool(c.convert), lua.Int(c.ratio), lua.Int(c.safe))
	return 3, a.Err()
}

func (c *JSON) encodeInvalid(L *lua.Thread) (int, error) {
	a := settings(L, 1)
	n := option(&a, 1, c.encodeBad, badOptions)
	if err := a.Err(); err != nil {
		return 0, err
	}
	if c.encodeBad = n; n == badAsNull {
		L.PushString("null")
	} else {
		L.Push(lua.Bool(n == badAsIs))
	}
	return 1, nil
}

func oneArgument(L *lua.Thread) error {
	if L.Top() != 1 {
		return L.ArgError(1, "expected 1 argument")
	}
	return nil
}
