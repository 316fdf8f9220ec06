package lua

// What exec leaves to others.

// Copying up to manyValues values is part of an instruction. More are counted.
const (
	manyValues    = 64
	valuesPerStep = 16
)

// fieldCount is the number that a byte of OpNewTable stands for: three bits and
// an exponent.
func fieldCount(x int) int {
	if e := x >> 3 & 31; e != 0 {
		return (x&7 + 8) << (e - 1)
	}
	return x
}

// arithOp does an instruction of arithmetic for all operands.
func (L *Thread) arithOp(i Instruction, b, c *Value) error {
	rb, rc := i.b(), i.c()
	if isK(rb) {
		rb = -1
	}
	if isK(rc) {
		rc = -1
	}
	if i.op() == OpUnm {
		rc = rb
	}
	at := L.ci.base + i.a()
	v, err := L.arith(i.op(), *b, *c, rb, rc)
	if err == nil {
		L.stack[at] = v
	}
	return err
}

func (L *Thread) compare(op Opcode, a, b Value) (bool, error) {
	switch op {
	case OpEq:
		return L.Equals(a, b)
	case OpLt:
		return L.Less(a, b)
	}
	return L.lessEqual(a, b)
}

// leave puts n values from an index on where the results of a call belong; all
// up to the top if n < 0.
func (L *Thread) leave(ci *frame, from, n int) {
	if n < 0 {
		n = L.top - from
	}
	if n > manyValues {
		L.state.fuel -= n / valuesPerStep
	}
	at := ci.at
	if ci.want < 0 {
		copy(L.stack[at:], L.stack[from:from+n])
		L.top = at + n
		return
	}
	n = min(n, ci.want)
	copy(L.stack[at:], L.stack[from:from+n])
	clear(L.stack[at+n : at+ci.want])
}

// prepareFor makes numbers of what a loop goes from, to and by.
func (L *Thread) prepareFor(regs *[registers]Value, a uint8) error {
	for i, what := range [...]string{"initial value", "limit", "step"} {
		v := &regs[a+uint8(i)]
		if err := L.reading(*v, Nil); err != nil {
			return err
		}
		f, ok := ToNumber(*v)
		if !ok {
			return L.runError("'for' %s must be a number", what)
		}
		v.float(f)
	}
	regs[a].float(regs[a].Float() - regs[a+2].Float())
	return nil
}

// setList sets the items after an index of a constructor's table.
func (L *Thread) setList(t *Table, items []Value, after int) error {
	if len(items) > manyValues {
		if err := L.state.step(len(items) / valuesPerStep); err != nil {
			return err
		}
	}
	if last := after + len(items); last > len(t.arr) {
		if err := t.resize(last, len(t.nodes)); err != nil {
			return L.TableError(err)
		}
	}
	copy(t.arr[after:], items)
	return nil
}

// varargs copies n of a function's further arguments, or all, to an index.
func (L *Thread) varargs(ci *frame, to, n int) error {
	p := ci.fn.proto
	from := ci.at + 1 + p.NumParams
	have := ci.base - from
	if n < 0 {
		n = have
		if n > manyValues {
			if err := L.state.step(n / valuesPerStep); err != nil {
				return err
			}
		}
		if err := L.reach(to + n); err != nil {
			return err
		}
		L.top = to + n
	}
	have = min(have, n)
	copy(L.stack[to:to+have], L.stack[from:from+have])
	clear(L.stack[to+have : to+n])
	return nil
}
