package lua

// event is a metamethod.
type event int

const (
	eventIndex event = iota
	eventNewIndex
	eventEq
	eventLen
	eventCall
	eventConcat
	eventUnm
	eventLt
	eventLe
	eventAdd
	eventSub
	eventMul
	eventDiv
	eventMod
	eventPow
	events
)

var eventNames = [events]Value{
	Shared("__index"), Shared("__newindex"), Shared("__eq"), Shared("__len"), Shared("__call"),
	Shared("__concat"), Shared("__unm"), Shared("__lt"), Shared("__le"), Shared("__add"),
	Shared("__sub"), Shared("__mul"), Shared("__div"), Shared("__mod"), Shared("__pow"),
}

// maxIndexLoop is how many values an access may be handed on to.
const maxIndexLoop = 100

// event returns a metatable's metamethod. t may be nil.
func (t *Table) event(e event) Value {
	if t == nil || t.absent>>e&1 != 0 {
		return Nil
	}
	v := t.getStr((*str)(eventNames[e].p))
	if v.IsNil() {
		t.absent |= 1 << e
	}
	return v
}

// Metatable returns a value's metatable, or nil.
func (L *Thread) Metatable(v Value) *Table {
	switch v.Kind() {
	case KindTable:
		return (*Table)(v.p).meta
	case KindUserdata:
		return (*Userdata)(v.p).Meta
	case KindString:
		return L.state.strings
	}
	return nil
}

func (L *Thread) metamethod(v Value, e event) Value { return L.Metatable(v).event(e) }

// Metamethod returns a field of a value's metatable, or Nil.
func (L *Thread) Metamethod(v Value, event string) Value {
	if t := L.Metatable(v); t != nil {
		return t.GetString(event)
	}
	return Nil
}

// callMeta calls a metamethod for its first result.
func (L *Thread) callMeta(f, a, b Value) (Value, error) {
	at, err := L.scratch()
	if err != nil {
		return Nil, err
	}
	L.stack[at], L.stack[at+1], L.stack[at+2] = f, a, b
	L.top = at + 3
	if err := L.call(at, 1); err != nil {
		return Nil, err
	}
	L.top = at
	return L.stack[at], nil
}

// Index is v[k] with metamethods.
func (L *Thread) Index(v, k Value) (Value, error) { return L.index(v, k, -1) }

// index is Index for what is in a register, or not if reg is negative.
func (L *Thread) index(v, k Value, reg int) (Value, error) {
	for range maxIndexLoop {
		var h Value
		if t := v.Table(); t != nil {
			x := t.Get(k)
			if !x.IsNil() || t.meta == nil {
				return x, nil
			}
			if h = t.meta.event(eventIndex); h.IsNil() {
				return Nil, nil
			}
		} else if h = L.metamethod(v, eventIndex); h.IsNil() {
			return Nil, L.typeError(v, "index", reg)
		}
		if h.IsFunction() {
			return L.callMeta(h, v, k)
		}
		v, reg = h, -1
	}
	return Nil, L.runError("loop in gettable")
}

// SetIndex is v[k] = x with metamethods.
func (L *Thread) SetIndex(v, k, x Value) error { return L.setIndex(v, k, x, -1) }

func (L *Thread) setIndex(v, k, x Value, reg int) error {
	for range maxIndexLoop {
		var h Value
		if t := v.Table(); t != nil {
			if t.readOnly {
				return L.runError("Attempt to modify a readonly table")
			}
			slot, err := t.slot(k)
			if err != nil {
				return L.TableError(err)
			}
			if !slot.IsNil() || t.meta == nil {
				*slot = x
				return nil
			}
			if h = t.meta.event(eventNewIndex); h.IsNil() {
				*slot = x
				return nil
			}
		} else if h = L.metamethod(v, eventNewIndex); h.IsNil() {
			return L.typeError(v, "index", reg)
		}
		if h.IsFunction() {
			at, err := L.scratch()
			if err != nil {
				return err
			}
			L.stack[at], L.stack[at+1], L.stack[at+2], L.stack[at+3] = h, v, k, x
			L.top = at + 4
			err = L.call(at, 0)
			L.top = at
			return err
		}
		v, reg = h, -1
	}
	return L.runError("loop in settable")
}

// TableError makes an error of Set or Next one of the script, unless it ends the
// script.
func (L *Thread) TableError(err error) error {
	switch err {
	case errNilIndex, errNaNIndex, errTooLarge, errNextKey:
		return L.runError("%s", err.Error())
	}
	return err
}

// Equals is a == b with metamethods.
func (L *Thread) Equals(a, b Value) (bool, error) {
	if a.IsString() && b.IsString() {
		return L.state.sameText((*str)(a.p), (*str)(b.p)), nil
	}
	if Equal(a, b) {
		return true, nil
	}
	kind := a.Kind()
	if kind != b.Kind() || kind != KindTable && kind != KindUserdata {
		return false, nil
	}
	m, n := L.Metatable(a), L.Metatable(b)
	h := m.event(eventEq)
	if h.IsNil() || m != n && !Equal(h, n.event(eventEq)) {
		return false, nil
	}
	v, err := L.callMeta(h, a, b)
	return v.Truth(), err
}

// Less is a < b with metamethods.
func (L *Thread) Less(a, b Value) (bool, error) {
	switch kind := a.Kind(); {
	case kind != b.Kind():
	case kind == KindNumber:
		return a.Float() < b.Float(), nil
	case kind == KindString:
		return L.textLess((*str)(a.p), (*str)(b.p)), nil
	default:
		if v, found, err := L.order(eventLt, a, b); found {
			return v, err
		}
	}
	return false, L.orderError(a, b)
}

// lessEqual is a <= b with metamethods: not b < a will do for it.
func (L *Thread) lessEqual(a, b Value) (bool, error) {
	switch kind := a.Kind(); {
	case kind != b.Kind():
	case kind == KindNumber:
		return a.Float() <= b.Float(), nil
	case kind == KindString:
		return !L.textLess((*str)(b.p), (*str)(a.p)), nil
	default:
		if v, found, err := L.order(eventLe, a, b); found {
			return v, err
		}
		if v, found, err := L.order(eventLt, b, a); found {
			return !v, err
		}
	}
	return false, L.orderError(a, b)
}

// textLess compares strings, and charges for it if they are long.
func (L *Thread) textLess(a, b *str) bool {
	if n := min(len(a.s), len(b.s)); n > 256 {
		L.state.fuel -= n / 256
	}
	return a.s < b.s
}

// order asks a metamethod that both values have in common.
func (L *Thread) order(e event, a, b Value) (result, found bool, err error) {
	h := L.metamethod(a, e)
	if h.IsNil() || !Equal(h, L.metamethod(b, e)) {
		return false, false, nil
	}
	v, err := L.callMeta(h, a, b)
	return v.Truth(), true, err
}
