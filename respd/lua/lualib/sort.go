package lualib

import (
	"ledge/respd/lua"
)

// tabSort is table.sort. It compares and swaps in exactly the order in which
// Lua 5.1's quicksort does, which functions that compare can observe and on
// which the result depends when they are inconsistent.
func tabSort(L *lua.Thread) (int, error) {
	a := L.Args()
	s := sorter{L: L, t: a.Table(1)}
	if err := a.Err(); err != nil {
		return 0, err
	}
	n := s.t.Len()
	if !L.Arg(2).IsNil() {
		s.less = lua.FromFunction(a.Function(2))
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	return 0, s.sort(1, n)
}

// sorter sorts a table in place.
type sorter struct {
	L    *lua.Thread
	t    *lua.Table
	less lua.Value // Nil for "<"
}

// before reports whether a must come before b.
func (s *sorter) before(a, b lua.Value) (bool, error) {
	if err := s.L.Step(1); err != nil {
		return false, err
	}
	if s.less.IsNil() {
		return s.L.Less(a, b)
	}
	v, err := s.L.Call1(s.less, a, b)
	return v.Truth(), err
}

// set puts two items into their places.
func (s *sorter) set(i int, a lua.Value, j int, b lua.Value) error {
	if err := setItem(s.L, s.t, i, a); err != nil {
		return err
	}
	return setItem(s.L, s.t, j, b)
}

// order swaps the items at i and j if that at j must come before that at i.
func (s *sorter) order(i, j int) (swapped bool, err error) {
	a, b := s.t.GetInt(i), s.t.GetInt(j)
	yes, err := s.before(b, a)
	if err != nil || !yes {
		return false, err
	}
	return true, s.set(i, b, j, a)
}

// sort sorts the items from lo to hi. The smaller half is sorted by a call of
// its own, so that calls do not nest deep.
func (s *sorter) sort(lo, hi int) error {
	for lo < hi {
		// The first, the middle and the last one are put in order.
		if _, err := s.order(lo, hi); err != nil {
			return err
		}
		if hi-lo == 1 {
			return nil
		}
		mid := (lo + hi) / 2
		swapped, err := s.order(lo, mid)
		if err == nil && !swapped {
			_, err = s.order(mid, hi)
		}
		if err != nil {
			return err
		}
		if hi-lo == 2 {
			return nil
		}
		i, err := s.partition(lo, mid, hi)
		if err != nil {
			return err
		}
		from, to := i+1, hi
		if i-lo < hi-i {
			from, to, lo = lo, i-1, i+1
		} else {
			hi = i - 1
		}
		if err := s.sort(from, to); err != nil {
			return err
		}
	}
	return nil
}

// partition moves what must come before the item in the middle to one side of
// it, and returns where that item is then.
func (s *sorter) partition(lo, mid, hi int) (int, error) {
	pivot := s.t.GetInt(mid)
	if err := s.set(mid, s.t.GetInt(hi-1), hi-1, pivot); err != nil {
		return 0, err
	}
	i, j := lo, hi-1
	for {
		var a, b lua.Value
		for {
			i++
			a = s.t.GetInt(i)
			if yes, err := s.before(a, pivot); err != nil {
				return 0, err
			} else if !yes {
				break
			}
			if i > hi {
				return 0, s.L.Errorf("invalid order function for sorting")
			}
		}
		for {
			j--
			b = s.t.GetInt(j)
			if yes, err := s.before(pivot, b); err != nil {
				return 0, err
			} else if !yes {
				break
			}
			if j < lo {
				return 0, s.L.Errorf("invalid order function for sorting")
			}
		}
		if j < i {
			break
		}
		if err := s.set(i, b, j, a); err != nil {
			return 0, err
		}
	}
	return i, s.set(hi-1, s.t.GetInt(i), i, s.t.GetInt(hi-1))
}
