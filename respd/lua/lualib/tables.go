package lualib

import (
	"ledge/respd/lua"
)

// OpenTable puts the library "table" into a table, and returns it.
func OpenTable(s *lua.State, into *lua.Table) *lua.Table {
	return library(s, into, "table", []entry{
		{"concat", tabConcat},
		{"foreach", tabForEach},
		{"foreachi", tabForEachI},
		{"getn", tabGetN},
		{"maxn", tabMaxN},
		{"insert", tabInsert},
		{"remove", tabRemove},
		{"setn", tabSetN},
		{"sort", tabSort},
	})
}

// setItem is t[i] = v without metamethods.
func setItem(L *lua.Thread, t *lua.Table, i int, v lua.Value) error {
	if err := changeable(L, t); err != nil {
		return err
	}
	t.SetInt(i, v)
	return nil
}

func tabConcat(L *lua.Thread) (int, error) {
	a := L.Args()
	sep, t := a.OptStr(2, ""), a.Table(1)
	i := a.OptInt32(3, 1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	last := 0
	if L.Arg(4).IsNil() {
		last = t.Len()
	} else {
		last = a.Int32(4)
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	out := buffer{L: L}
	for ; i <= last; i++ {
		if err := L.Step(1); err != nil {
			return 0, err
		}
		v := t.GetInt(i)
		text, ok := lua.ToText(v)
		if !ok {
			return 0, L.Errorf("invalid value (%s) at index %d in table for 'concat'", v.Kind(), i)
		}
		if err := out.text(text); err != nil {
			return 0, err
		}
		if i == last {
			break
		}
		if err := out.text(sep); err != nil {
			return 0, err
		}
	}
	return 1, out.push()
}

func tabForEach(L *lua.Thread) (int, error) {
	a := L.Args()
	t, fn := a.Table(1), a.Function(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	for key := lua.Nil; ; {
		k, v, err := t.Next(key)
		if err != nil {
			return 0, L.TableError(err)
		}
		if k.IsNil() {
			return 0, nil
		}
		result, err := L.Call1(lua.FromFunction(fn), k, v)
		if err != nil {
			return 0, err
		}
		if !result.IsNil() {
			L.Push(result)
			return 1, nil
		}
		key = k
	}
}

func tabForEachI(L *lua.Thread) (int, error) {
	a := L.Args()
	t := a.Table(1)
	n := 0
	if t != nil {
		n = t.Len()
	}
	fn := a.Function(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	for i := 1; i <= n; i++ {
		result, err := L.Call1(lua.FromFunction(fn), lua.Int(i), t.GetInt(i))
		if err != nil {
			return 0, err
		}
		if !result.IsNil() {
			L.Push(result)
			return 1, nil
		}
	}
	return 0, nil
}

func tabGetN(L *lua.Thread) (int, error) {
	a := L.Args()
	t := a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(lua.Int(t.Len()))
	return 1, nil
}

func tabSetN(L *lua.Thread) (int, error) {
	a := L.Args()
	a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	return 0, L.Errorf("'setn' is obsolete")
}

func tabMaxN(L *lua.Thread) (int, error) {
	a := L.Args()
	t := a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	most := 0.0
	err := walk(L, t, func(k, _ lua.Value) error {
		if k.IsNumber() && k.Float() > most {
			most = k.Float()
		}
		return nil
	})
	L.Push(lua.Number(most))
	return 1, err
}

// walk calls fn for each entry of a table, in order, and counts the steps.
func walk(L *lua.Thread, t *lua.Table, fn func(k, v lua.Value) error) error {
	for key := lua.Nil; ; {
		if err := L.Step(1); err != nil {
			return err
		}
		k, v, err := t.Next(key)
		switch {
		case err != nil:
			return L.TableError(err)
		case k.IsNil():
			return nil
		}
		if err := fn(k, v); err != nil {
			return err
		}
		key = k
	}
}

func tabInsert(L *lua.Thread) (int, error) {
	a := L.Args()
	t := a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	end := t.Len() + 1
	at, v := end, L.Arg(2)
	switch L.Top() {
	case 2:
	case 3:
		at, v = a.Int32(2), L.Arg(3)
		if err := a.Err(); err != nil {
			return 0, err
		}
		for i := max(end, at); i > at; i-- {
			if err := move(L, t, i-1, i); err != nil {
				return 0, err
			}
		}
	default:
		return 0, L.Errorf("wrong number of arguments to 'insert'")
	}
	return 0, setItem(L, t, at, v)
}

// move copies an item.
func move(L *lua.Thread, t *lua.Table, from, to int) error {
	if err := L.Step(1); err != nil {
		return err
	}
	return setItem(L, t, to, t.GetInt(from))
}

func tabRemove(L *lua.Thread) (int, error) {
	a := L.Args()
	t := a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	end := t.Len()
	at := a.OptInt32(2, end)
	if err := a.Err(); err != nil {
		return 0, err
	}
	if at < 1 || at > end {
		return 0, nil
	}
	removed := t.GetInt(at)
	for ; at < end; at++ {
		if err := move(L, t, at+1, at); err != nil {
			return 0, err
		}
	}
	if err := setItem(L, t, end, lua.Nil); err != nil {
		return 0, err
	}
	L.Push(removed)
	return 1, nil
}
