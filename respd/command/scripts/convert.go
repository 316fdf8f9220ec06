package scripts

import (
	lua "github.com/yuin/gopher-lua"

	"ledge/respd/resp"
)

// maxDepth is how deep a table may be that becomes a reply.
const maxDepth = 1000

// fromReply turns a command's reply into Lua, by the protocol that the script
// has chosen.
func (s *state) fromReply(v resp.Value) lua.LValue {
	resp3 := s.run.proto == resp.RESP3
	switch v.Kind() {
	case resp.KindInt:
		return lua.LNumber(v.Num())
	case resp.KindBulk:
		return lua.LString(v.Str())
	case resp.KindNil, resp.KindNilArray:
		if resp3 {
			return lua.LNil
		}
		return lua.LFalse
	case resp.KindSimple:
		return s.field("ok", lua.LString(v.Str()))
	case resp.KindError:
		t := s.field("err", lua.LString(v.ErrorText()))
		t.RawSetString("ignore_error_stats_update", lua.LTrue)
		return t
	case resp.KindArray, resp.KindPush:
		return s.array(v.Elems())
	case resp.KindNone:
		return lua.LNil
	}
	if resp3 {
		return s.fromReply3(v)
	}
	switch v.Kind() {
	case resp.KindBool:
		return lua.LNumber(v.Num())
	case resp.KindDouble:
		return lua.LString(resp.AppendDouble(nil, v))
	case resp.KindSet, resp.KindMap, resp.KindPairs:
		return s.array(v.Elems())
	}
	return lua.LString(v.Str())
}

// fromReply3 turns what only RESP3 has into Lua.
func (s *state) fromReply3(v resp.Value) lua.LValue {
	switch v.Kind() {
	case resp.KindBool:
		return lua.LBool(v.Num() != 0)
	case resp.KindDouble:
		return s.field("double", lua.LNumber(v.Float()))
	case resp.KindBigNumber:
		return s.field("big_number", lua.LString(v.Str()))
	case resp.KindVerbatim:
		t := s.field("string", lua.LString(v.Str()))
		t.RawSetString("format", lua.LString(v.TextFormat()))
		return s.field("verbatim_string", t)
	case resp.KindSet:
		t := s.L.NewTable()
		for _, e := range v.Elems() {
			if k := s.fromReply(e); k != lua.LNil {
				s.L.RawSet(t, k, lua.LTrue)
			}
		}
		return s.field("set", t)
	case resp.KindPairs:
		pairs := make([]resp.Value, 0, len(v.Elems())/2)
		for es := v.Elems(); len(es) > 1; es = es[2:] {
			pairs = append(pairs, resp.Array(es[:2]...))
		}
		return s.array(pairs)
	}
	t, kvs := s.L.NewTable(), v.Elems()
	for i := 0; i+1 < len(kvs); i += 2 {
		if k := s.fromReply(kvs[i]); k != lua.LNil {
			s.L.RawSet(t, k, s.fromReply(kvs[i+1]))
		}
	}
	return s.field("map", t)
}

func (s *state) field(name string, v lua.LValue) *lua.LTable {
	t := s.L.CreateTable(0, 1)
	t.RawSetString(name, v)
	return t
}

func (s *state) array(elems []resp.Value) lua.LValue {
	t := s.L.CreateTable(len(elems), 0)
	for i, e := range elems {
		s.w.made += len(e.Str())
		t.RawSetInt(i+1, s.fromReply(e))
	}
	return t
}

// reply turns what a script returned into a reply.
func (s *state) reply(v lua.LValue, depth int) resp.Value {
	if depth > maxDepth {
		return resp.Errf("ERR reached lua stack limit")
	}
	switch v := v.(type) {
	case lua.LString:
		return resp.Bulk(string(v))
	case lua.LNumber:
		return resp.Int(truncate(v))
	case lua.LBool:
		switch {
		case s.run.proto == resp.RESP3:
			return resp.Bool(bool(v))
		case bool(v):
			return resp.Int(1)
		}
		return resp.Nil
	case *lua.LTable:
		return s.tableReply(s.seen(v), depth)
	}
	return resp.Nil
}

// tableReply turns a table into a reply: what it is, one field tells. Fields
// are looked at in Redis's order.
func (s *state) tableReply(t *lua.LTable, depth int) resp.Value {
	if err, ok := textField(t, "err"); ok {
		return resp.Err(resp.Error(err))
	}
	if ok, is := textField(t, "ok"); is {
		return resp.Simple(ok)
	}
	if f, ok := t.RawGetString("double").(lua.LNumber); ok {
		return resp.Double(float64(f))
	}
	if n, ok := t.RawGetString("big_number").(lua.LString); ok {
		return resp.BigNumber(string(n))
	}
	if v, ok := t.RawGetString("verbatim_string").(*lua.LTable); ok {
		format, fok := v.RawGetString("format").(lua.LString)
		text, tok := v.RawGetString("string").(lua.LString)
		if fok && tok {
			return resp.Verbatim((string(format) + "   ")[:3], string(text))
		}
	}
	var elems []resp.Value
	if m, ok := t.RawGetString("map").(*lua.LTable); ok {
		m.ForEach(func(k, v lua.LValue) {
			elems = append(elems, s.reply(k, depth+1), s.reply(v, depth+1))
		})
		return resp.Map(elems...)
	}
	if m, ok := t.RawGetString("set").(*lua.LTable); ok {
		m.ForEach(func(k, _ lua.LValue) { elems = append(elems, s.reply(k, depth+1)) })
		return resp.Set(elems...)
	}
	for i := 1; ; i++ {
		v := t.RawGetInt(i)
		if v == lua.LNil {
			return resp.Array(elems...)
		}
		elems = append(elems, s.reply(v, depth+1))
	}
}

// textField returns a field that is a string.
func textField(t *lua.LTable, name string) (string, bool) {
	s, ok := t.RawGetString(name).(lua.LString)
	return string(s), ok
}
