package lua

import (
	"math"
	"unsafe"
)

func calculate(op Opcode, a, b float64) float64 {
	switch op {
	case OpAdd:
		return a + b
	case OpSub:
		return a - b
	case OpMul:
		return a * b
	case OpDiv:
		return a / b
	case OpMod:
		return modulo(a, b)
	case OpPow:
		return power(a, b)
	}
	return -a
}

var arithEvents = [...]event{
	OpAdd: eventAdd, OpSub: eventSub, OpMul: eventMul, OpDiv: eventDiv, OpMod: eventMod,
	OpPow: eventPow, OpUnm: eventUnm,
}

// arith is arithmetic for all operands, from the registers ra and rb or, if
// these are negative, from elsewhere.
func (L *Thread) arith(op Opcode, a, b Value, ra, rb int) (Value, error) {
	if err := L.reading(a, b); err != nil {
		return Nil, err
	}
	if x, ok := ToNumber(a); ok {
		if y, ok := ToNumber(b); ok {
			return number(calculate(op, x, y)), nil
		}
	}
	h := L.metamethod(a, arithEvents[op])
	if h.IsNil() {
		h = L.metamethod(b, arithEvents[op])
	}
	if h.IsNil() {
		return Nil, L.arithError(a, b, ra, rb)
	}
	return L.callMeta(h, a, b)
}

// reading counts what it takes to read numbers from strings.
func (L *Thread) reading(a, b Value) error {
	n := len(a.Str()) + len(b.Str())
	if n < readStep {
		return nil
	}
	return L.state.step(n / readStep)
}

// readStep is how many bytes are read in a step.
const readStep = 256

// length is #v.
func (L *Thread) length(v Value, reg int) (Value, error) {
	switch v.Kind() {
	case KindTable:
		return Int((*Table)(v.p).Len()), nil
	case KindString:
		return Int(len((*str)(v.p).s)), nil
	}
	h := L.metamethod(v, eventLen)
	if h.IsNil() {
		return Nil, L.typeError(v, "get length of", reg)
	}
	return L.callMeta(h, v, Nil)
}

// Concat is the values joined as ".." does, from the right.
func (L *Thread) Concat(vs ...Value) (Value, error) {
	if len(vs) == 0 {
		return L.String(""), nil
	}
	at := L.top
	if err := L.reach(at + len(vs)); err != nil {
		return Nil, err
	}
	L.top += copy(L.stack[at:], vs)
	err := L.concat(at, at+len(vs)-1, -1)
	L.top = at
	return L.stack[at], err
}

// concat joins the values from one index of the stack to another into the first.
// reg is the register that the first is, or negative.
func (L *Thread) concat(first, last, reg int) error {
	for last > first {
		a, b := L.stack[last-1], L.stack[last]
		if !isText(a) || !isText(b) {
			if err := L.concatMeta(first, last, reg); err != nil {
				return err
			}
			last--
			continue
		}
		from := last - 1
		for from > first && isText(L.stack[from-1]) {
			from--
		}
		v, err := L.join(L.stack[from : last+1])
		if err != nil {
			return err
		}
		L.stack[from], last = v, from
	}
	return nil
}

// isText reports whether a value is a string or has an obvious text.
func isText(v Value) bool { return v.IsNumber() || v.IsString() }

func (L *Thread) concatMeta(first, last, reg int) error {
	a, b := L.stack[last-1], L.stack[last]
	h := L.metamethod(a, eventConcat)
	if h.IsNil() {
		h = L.metamethod(b, eventConcat)
	}
	if h.IsNil() {
		at := last - 1
		if isText(a) {
			a, at = b, last
		}
		if reg >= 0 {
			reg += at - first
		}
		return L.typeError(a, "concatenate", reg)
	}
	v, err := L.callMeta(h, a, b)
	if err == nil {
		L.stack[last-1] = v
	}
	return err
}

// join makes one string of strings and numbers.
func (L *Thread) join(vs []Value) (Value, error) {
	var few [4]string
	texts := few[:0]
	total := 0
	for _, v := range vs {
		var s string
		if v.IsNumber() {
			s = FormatNumber(v.Float())
		} else {
			s = (*str)(v.p).s
		}
		texts = append(texts, s)
		if total += len(s); total < 0 || total > math.MaxInt32 {
			return Nil, L.runError("string length overflow")
		}
	}
	if total > 256 {
		if err := L.state.step(total / 256); err != nil {
			return Nil, err
		}
	}
	if err := L.state.grow(strBytes + int64(total)); err != nil {
		return Nil, err
	}
	buf := make([]byte, 0, total)
	for _, s := range texts {
		buf = append(buf, s...)
	}
	return fromString(&str{s: unsafe.String(unsafe.SliceData(buf), len(buf))}), nil
}
