package lua

// What an instruction does when it is not the usual case, which exec has, and
// instructions that are slow in any case.

// slow does an instruction that exec has left to it. ci.pc is that of the next
// instruction, and is changed if another one is next.
func (L *Thread) slow(ci *frame, i Instruction) error {
	a, b, base, consts := int(uint8(i>>6)), int(uint8(i>>23)), ci.base, ci.fn.proto.K
	regs := (*[registers]Value)(L.stack[base:])
	switch i.op() {
	case OpGetGlobal:
		return L.load(base+a, FromTable(ci.fn.env), consts[i>>14], -1)
	case OpGetTable:
		return L.load(base+a, regs[b], *operand(regs, consts, i>>14), b)
	case OpSelf:
		o, name := regs[b], *operand(regs, consts, i>>14)
		regs[uint8(a+1)] = o
		return L.load(base+a, o, name, b)
	case OpSetGlobal:
		return L.setIndex(FromTable(ci.fn.env), consts[i>>14], regs[a], -1)
	case OpAdd, OpSub, OpMul, OpDiv, OpMod, OpPow:
		return L.arithOp(i, operand(regs, consts, i>>23), operand(regs, consts, i>>14))
	case OpUnm:
		return L.arithOp(i, &regs[b], &regs[b])
	case OpEq, OpLt, OpLe:
		return L.compareOp(ci, i, *operand(regs, consts, i>>23), *operand(regs, consts, i>>14))
	case OpLen:
		v, err := L.length(regs[b], b)
		if err == nil {
			L.stack[base+a] = v
		}
		return err
	case OpConcat:
		err := L.concat(base+b, base+int(uint8(i>>14)), b)
		if err == nil {
			L.stack[base+a] = L.stack[base+b]
		}
		return err
	case OpForPrep:
		err := L.prepareFor(regs, uint8(a))
		if err == nil {
			ci.pc += i.sbx()
		}
		return err
	case OpSetList:
		return L.setListOp(ci, regs[a].Table(), i)
	case OpVararg:
		return L.varargs(ci, base+a, i.b()-1)
	}
	return L.state.tick() // OpNewTable: the table is there, and has taken the last room
}

// load puts o[key] where the stack has an index. reg is the register that o is in,
// or negative.
func (L *Thread) load(at int, o, key Value, reg int) error {
	v, err := L.index(o, key, reg)
	if err == nil {
		L.stack[at] = v
	}
	return err
}

// setTable sets what a register's value has at a key.
func (L *Thread) setTable(ci *frame, i Instruction) error {
	consts, regs := ci.fn.proto.K, (*[registers]Value)(L.stack[ci.base:])
	return L.setIndex(regs[i.a()], *operand(regs, consts, i>>23), *operand(regs, consts, i>>14), i.a())
}

// compareOp is a comparison of all operands. If it holds, the jump that follows
// is made.
func (L *Thread) compareOp(ci *frame, i Instruction, b, c Value) error {
	is, err := L.compare(i.op(), b, c)
	if err != nil {
		return err
	}
	if is != (i.a() != 0) {
		ci.pc++
		return nil
	}
	d := ci.fn.proto.Code[ci.pc].sbx()
	ci.pc += d + 1
	if d < 0 {
		return L.state.step(1)
	}
	return nil
}

// setListOp sets items of a constructor's table t from registers.
func (L *Thread) setListOp(ci *frame, t *Table, i Instruction) error {
	n, c := i.b(), i.c()
	if c == 0 {
		c = int(ci.fn.proto.Code[ci.pc])
		ci.pc++
	}
	from := ci.base + i.a() + 1
	if n == 0 {
		n = L.top - from
	}
	return L.setList(t, L.stack[from:from+n], (c-1)*fieldsPerFlush)
}

// closure makes a closure. The instructions that follow say what its
// upvalues are.
func (L *Thread) closure(ci *frame, i Instruction) error {
	fn := ci.fn
	f := L.state.newClosure(fn.proto.P[i.bx()], fn.env)
	for at, u := range fn.proto.Code[ci.pc : ci.pc+len(f.ups)] {
		if u.op() == OpGetUpval {
			f.ups[at] = fn.ups[u.b()]
		} else {
			f.ups[at] = L.upvalue(ci.base + u.b())
		}
	}
	ci.pc += len(f.ups)
	L.stack[ci.base+i.a()] = FromFunction(f)
	if L.state.room < 0 {
		return L.state.tick()
	}
	return nil
}

// callee returns what is called where that is no function, or where it is to be
// asked first whether the script may go on.
func (L *Thread) callee(at, reg int) (*Function, error) {
	if L.state.fuel < 0 {
		if err := L.state.tick(); err != nil {
			return nil, err
		}
	}
	if f := L.stack[at].Function(); f != nil {
		return f, nil
	}
	return L.callable(at, reg)
}

// tailCall lets a frame begin another function in place of its own. A library
// function is called, and the return that follows hands on its results.
func (L *Thread) tailCall(ci *frame, i Instruction) error {
	at := ci.base + i.a()
	if b := i.b(); b != 0 {
		L.top = at + b
	}
	f := L.stack[at].Function()
	if L.state.fuel--; L.state.fuel < 0 || f == nil {
		var err error
		if f, err = L.callee(at, i.a()); err != nil {
			return err
		}
	}
	if f.proto == nil {
		return L.callGo(f, at, -1)
	}
	if L.open != nil {
		L.closeUpvalues(ci.base)
	}
	if n := L.top - at; n > manyValues {
		L.state.fuel -= n / valuesPerStep
	}
	L.top = ci.at + copy(L.stack[ci.at:], L.stack[at:L.top])
	ci.tails++
	return L.prepare(ci, f, ci.at)
}
