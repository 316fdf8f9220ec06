package lua

// jumps is a list of jumps that go to the same place, which is not known yet:
// the places of the first and of the last one. Each jump holds the way to the
// next one in place of its own.
type jumps struct{ first, last int }

const noJump = -1

var noJumps = jumps{noJump, noJump}

func (l jumps) empty() bool { return l.first == noJump }

func oneJump(pc int) jumps { return jumps{pc, pc} }

// join adds the jumps of another list.
func (f *builder) join(l *jumps, more jumps) {
	switch {
	case more.empty():
	case l.empty():
		*l = more
	default:
		f.setJump(l.last, more.first)
		l.last = more.last
	}
}

// jump emits a jump. Jumps that come here are let go where it goes.
func (f *builder) jump() jumps {
	waiting := f.waiting
	f.waiting = noJumps
	l := oneJump(f.emit(iAsBx(OpJmp, 0, noJump)))
	f.join(&l, waiting)
	return l
}

// condJump emits a comparison or test and the jump that follows it.
func (f *builder) condJump(op Opcode, a, b, c int) int {
	f.emitABC(op, a, b, c)
	return f.jump().first
}

// label says that the next instruction is jumped to.
func (f *builder) label() int {
	f.target = f.pc()
	return f.target
}

func (f *builder) setJump(pc, to int) {
	way := to - (pc + 1)
	if way > maxSBx || way < -maxSBx {
		f.p.syntaxError("control structure too long")
		return
	}
	f.proto.Code[pc].setSBx(way)
}

// after returns the jump that follows one in its list.
func (f *builder) after(pc int) int {
	way := f.proto.Code[pc].sbx()
	if way == noJump {
		return noJump
	}
	return pc + 1 + way
}

// test returns the instruction that decides whether a jump is taken, which is
// the jump itself if it always is.
func (f *builder) test(pc int) *Instruction {
	if pc >= 1 {
		switch i := &f.proto.Code[pc-1]; i.op() {
		case OpEq, OpLt, OpLe, OpTest, OpTestSet, OpTForLoop:
			return i
		}
	}
	return &f.proto.Code[pc]
}

// needsValue reports whether one of the jumps leaves no value in a register.
func (f *builder) needsValue(l jumps) bool {
	for pc := l.first; pc != noJump; pc = f.after(pc) {
		if f.test(pc).op() != OpTestSet {
			return true
		}
	}
	return false
}

// patchTest lets a jump leave its value in a register, or nowhere (noReg). It
// reports false if the jump has no value.
func (f *builder) patchTest(pc, reg int) bool {
	i := f.test(pc)
	if i.op() != OpTestSet {
		return false
	}
	if reg != noReg && reg != i.b() {
		i.setA(reg)
	} else {
		*i = iABC(OpTest, i.b(), 0, i.c())
	}
	return true
}

func (f *builder) dropValues(l jumps) {
	for pc := l.first; pc != noJump; pc = f.after(pc) {
		f.patchTest(pc, noReg)
	}
}

// patch lets jumps that leave a value in reg go to withValue, and the others to
// without.
func (f *builder) patch(l jumps, withValue, reg, without int) {
	for pc := l.first; pc != noJump; {
		next := f.after(pc)
		if f.patchTest(pc, reg) {
			f.setJump(pc, withValue)
		} else {
			f.setJump(pc, without)
		}
		pc = next
	}
}

// patchTo lets jumps go to a place.
func (f *builder) patchTo(l jumps, to int) {
	if to == f.pc() {
		f.patchHere(l)
		return
	}
	f.patch(l, to, noReg, to)
}

// patchHere lets jumps go to the next instruction.
func (f *builder) patchHere(l jumps) {
	f.label()
	f.join(&f.waiting, l)
}
