package scripts

import (
	"ledge/respd/lua"
	"ledge/respd/resp"
)

// toLua turns replies into Lua. After an error, which ends the script, it goes
// through the rest without making anything of it.
type toLua struct {
	L     *lua.Thread
	resp3 bool
	err   error
}

// fromReply turns a command's reply into Lua, by the protocol that the script
// has chosen.
func (s *state) fromReply(L *lua.Thread, v resp.Value) (lua.Value, error) {
	c := toLua{L: L, resp3: s.run.proto == resp.RESP3}
	return c.value(v), c.err
}

func (c *toLua) value(v resp.Value) lua.Value {
	switch v.Kind() {
	case resp.KindInt:
		return lua.Number(float64(v.Num()))
	case resp.KindBulk:
		return c.L.String(v.Str())
	case resp.KindNil, resp.KindNilArray:
		if c.resp3 {
			return lua.Nil
		}
		return lua.False
	case resp.KindSimple:
		return c.field("ok", c.L.String(v.Str()))
	case resp.KindError:
		t := c.field("err", c.L.String(v.ErrorText()))
		t.Table().SetString("ignore_error_stats_update", lua.True)
		return t
	case resp.KindArray, resp.KindPush:
		return c.array(v.Elems())
	case resp.KindNone:
		return lua.Nil
	}
	if c.resp3 {
		return c.value3(v)
	}
	switch v.Kind() {
	case resp.KindBool:
		return lua.Number(float64(v.Num()))
	case resp.KindDouble:
		return c.L.String(string(resp.AppendDouble(nil, v)))
	case resp.KindSet, resp.KindMap, resp.KindPairs:
		return c.array(v.Elems())
	}
	return c.L.String(v.Str())
}

// value3 turns what only RESP3 has into Lua.
func (c *toLua) value3(v resp.Value) lua.Value {
	switch v.Kind() {
	case resp.KindBool:
		return lua.Bool(v.Num() != 0)
	case resp.KindDouble:
		return c.field("double", lua.Number(v.Float()))
	case resp.KindBigNumber:
		return c.field("big_number", c.L.String(v.Str()))
	case resp.KindVerbatim:
		t := c.field("string", c.L.String(v.Str()))
		t.Table().SetString("format", c.L.String(v.TextFormat()))
		return c.field("verbatim_string", t)
	case resp.KindSet:
		t := c.L.NewTable(0, 0)
		for _, e := range v.Elems() {
			c.set(t, c.value(e), lua.True)
		}
		return c.field("set", lua.FromTable(t))
	case resp.KindPairs:
		pairs := make([]resp.Value, 0, len(v.Elems())/2)
		for es := v.Elems(); len(es) > 1; es = es[2:] {
			pairs = append(pairs, resp.Array(es[:2]...))
		}
		return c.array(pairs)
	}
	t, kvs := c.L.NewTable(0, 0), v.Elems()
	for i := 0; i+1 < len(kvs); i += 2 {
		k := c.value(kvs[i])
		c.set(t, k, c.value(kvs[i+1]))
	}
	return c.field("map", lua.FromTable(t))
}

// set puts something into a table, unless the key is none.
func (c *toLua) set(t *lua.Table, k, v lua.Value) {
	if c.step(1); c.err == nil {
		_ = t.Set(k, v)
	}
}

func (c *toLua) step(n int) {
	if c.err == nil {
		c.err = c.L.Step(n)
	}
}

func (c *toLua) field(name string, v lua.Value) lua.Value {
	t := c.L.NewTable(0, 1)
	t.SetString(name, v)
	return lua.FromTable(t)
}

func (c *toLua) array(elems []resp.Value) lua.Value {
	if c.step(1 + len(elems)/8); c.err != nil {
		return lua.Nil
	}
	room := len(elems)
	if c.resp3 {
		// There may be nils, and then it shows how the table has grown.
		room = 0
	}
	t := c.L.NewTable(room, 0)
	for i, e := range elems {
		t.SetInt(i+1, c.value(e))
	}
	return lua.FromTable(t)
}

// maxDepth is how deep a table may be that becomes a reply.
const maxDepth = 7994

// What an element of a reply costs, apart from strings, which it shares with
// the script.
const replyBytes = 64

// toReply turns what a script returned into a reply. That counts as part of
// the script: a small table may be a large reply, if it has another one many
// times.
type toReply struct {
	L     *lua.Thread
	resp3 bool
	err   error
}

// reply turns what a script returned into a reply.
func (s *state) reply(v lua.Value) (resp.Value, error) {
	c := toReply{L: s.lua.Main(), resp3: s.run.proto == resp.RESP3}
	val := c.value(v, 0)
	return val, c.err
}

func (c *toReply) value(v lua.Value, depth int) resp.Value {
	if c.err == nil {
		c.err = c.L.Step(1)
	}
	if c.err == nil {
		c.err = c.L.Reserve(replyBytes + len(v.Str()))
	}
	switch {
	case c.err != nil:
		return resp.Nil
	case depth > maxDepth:
		return resp.Errf("ERR reached lua stack limit")
	}
	switch v.Kind() {
	case lua.KindString:
		return resp.Bulk(v.Str())
	case lua.KindNumber:
		return resp.Int(lua.Truncate(v.Float()))
	case lua.KindBool:
		switch {
		case c.resp3:
			return resp.Bool(v.Truth())
		case v.Truth():
			return resp.Int(1)
		}
	case lua.KindTable:
		return c.table(v.Table(), depth)
	}
	return resp.Nil
}

// table turns a table into a reply: what it is, one field tells. Fields are
// looked at in Redis's order.
func (c *toReply) table(t *lua.Table, depth int) resp.Value {
	if err := t.GetString("err"); err.IsString() {
		return resp.Err(resp.Error(err.Str()))
	}
	if ok := t.GetString("ok"); ok.IsString() {
		return resp.Simple(ok.Str())
	}
	if f := t.GetString("double"); f.IsNumber() {
		return resp.Double(f.Float())
	}
	if n := t.GetString("big_number"); n.IsString() {
		return resp.BigNumber(n.Str())
	}
	if v := t.GetString("verbatim_string").Table(); v != nil {
		format, text := v.GetString("format"), v.GetString("string")
		if format.IsString() && text.IsString() {
			return resp.Verbatim((format.Str() + "   ")[:3], text.Str())
		}
	}
	var elems []resp.Value
	if m := t.GetString("map").Table(); m != nil {
		c.each(m, func(k, v lua.Value) {
			elems = append(elems, c.value(k, depth+1), c.value(v, depth+1))
		})
		return resp.Map(elems...)
	}
	if m := t.GetString("set").Table(); m != nil {
		c.each(m, func(k, _ lua.Value) { elems = append(elems, c.value(k, depth+1)) })
		return resp.Set(elems...)
	}
	for i := 1; c.err == nil; i++ {
		v := t.GetInt(i)
		if v.IsNil() {
			break
		}
		elems = append(elems, c.value(v, depth+1))
	}
	return resp.Array(elems...)
}

func (c *toReply) each(t *lua.Table, fn func(k, v lua.Value)) {
	k, v, err := t.Next(lua.Nil)
	for err == nil && c.err == nil && !k.IsNil() {
		fn(k, v)
		k, v, err = t.Next(k)
	}
}
