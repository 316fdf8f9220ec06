package lua

import "fmt"

// builder makes the code of one function while the parser goes over its text.
// Values are put where Lua 5.1 puts them, and with the instructions that it uses.
type builder struct {
	p      *parser
	proto  *Proto
	parent *builder // of the function around this one
	block  *block   // the innermost one

	// active are the local variables as indexes into proto.Locals: the first
	// live of them can be seen, the others have been named only.
	active []int
	live   int
	free   int // the first register that is free

	ups  []upvalue
	upOf map[*variable]int

	consts map[Value]int

	// waiting are jumps to the next instruction, which is not there yet.
	waiting jumps
	// target is the last place that is jumped to: instructions on both sides
	// of it can't be made one.
	target int
}

// upvalue is a variable of a function around this one: a register of the
// function next to it if local is set, or one of that function's upvalues.
type upvalue struct {
	local bool
	index int
}

func (f *builder) pc() int { return len(f.proto.Code) }

// emit adds an instruction, which belongs to the line of the last token that
// was taken.
func (f *builder) emit(i Instruction) int {
	waiting := f.waiting
	f.waiting = noJumps
	f.patch(waiting, f.pc(), noReg, f.pc())
	f.proto.Code = append(f.proto.Code, i)
	f.proto.Lines = append(f.proto.Lines, int32(f.p.lastLine))
	return f.pc() - 1
}

func (f *builder) emitABC(op Opcode, a, b, c int) int { return f.emit(iABC(op, a, b, c)) }
func (f *builder) emitABx(op Opcode, a, bx int) int   { return f.emit(iABx(op, a, bx)) }

// dropLast takes the last instruction back.
func (f *builder) dropLast() {
	f.proto.Code = f.proto.Code[:f.pc()-1]
	f.proto.Lines = f.proto.Lines[:len(f.proto.Code)]
}

// fixLine says that the last instruction belongs to a line.
func (f *builder) fixLine(line int) { f.proto.Lines[f.pc()-1] = int32(line) }

// ----- registers

// room sees to it that n registers from the first free one on may be used.
func (f *builder) room(n int) {
	size := f.free + n
	if size <= f.proto.MaxStack {
		return
	}
	if size >= maxStackSize {
		f.p.syntaxError("function or expression too complex")
		return
	}
	f.proto.MaxStack = size
}

// reserve takes n registers.
func (f *builder) reserve(n int) {
	f.room(n)
	f.free += n
}

// release gives a register back that holds no local variable.
func (f *builder) release(reg int) {
	if !isK(reg) && reg >= f.live {
		f.free--
	}
}

func (f *builder) releaseExp(e *exp) {
	if e.kind == expReg {
		f.release(e.info)
	}
}

// emitNil sets n registers to nil, which is not needed at the function's
// beginning, where they are nil anyway, and can be done by the instruction before.
func (f *builder) emitNil(from, n int) {
	if f.pc() > f.target {
		if f.pc() == 0 {
			if from >= f.live {
				return
			}
		} else if last := &f.proto.Code[f.pc()-1]; last.op() == OpLoadNil {
			if last.a() <= from && from <= last.b()+1 {
				if from+n-1 > last.b() {
					last.setB(from + n - 1)
				}
				return
			}
		}
	}
	f.emitABC(OpLoadNil, from, from+n-1, 0)
}

// emitReturn returns n values, or all up to the top if n is multiple.
func (f *builder) emitReturn(first, n int) { f.emitABC(OpReturn, first, n+1, 0) }

// emitSetList stores items that are in registers in a table: n of them (or
// multiple), the last of which has the index last.
func (f *builder) emitSetList(table, last, n int) {
	flush := (last-1)/fieldsPerFlush + 1
	if n == multiple {
		n = 0
	}
	if flush <= maxArgC {
		f.emitABC(OpSetList, table, n, flush)
	} else {
		f.emitABC(OpSetList, table, n, 0)
		f.emit(Instruction(flush))
	}
	f.free = table + 1
}

// ----- constants

// constant returns the index of a constant.
func (f *builder) constant(v Value) int {
	key := v
	if v.IsNumber() && v.Float() == 0 {
		key = Number(0) // -0 is the same constant, as in Lua
	}
	if i, ok := f.consts[key]; ok {
		return i
	}
	if len(f.proto.K) >= maxBx {
		f.p.failPlain("constant table overflow")
		return 0
	}
	if f.consts == nil {
		f.consts = map[Value]int{}
	}
	f.proto.K = append(f.proto.K, v)
	f.consts[key] = len(f.proto.K) - 1
	return f.consts[key]
}

// ----- limits

// limit reports that a function has too much of something.
func (f *builder) limit(n, most int, what string) {
	switch {
	case n <= most:
	case f.proto.Line == 0:
		f.p.fail(fmt.Sprintf("main function has more than %d %s", most, what), 0)
	default:
		f.p.fail(fmt.Sprintf("function at line %d has more than %d %s", f.proto.Line, most, what), 0)
	}
}
