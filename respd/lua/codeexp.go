package lua

// expKind is where the value of an expression is.
type expKind uint8

const (
	expVoid    expKind = iota // there is none
	expNil                    //
	expTrue                   //
	expFalse                  //
	expConst                  // info: index of the constant
	expNumber                 // num: the number, which is no constant yet
	expLocal                  // info: register
	expUpvalue                // info: index of the upvalue
	expGlobal                 // info: index of the constant that is its name
	expIndexed                // info: register of the table; aux: key, as RK
	expJump                   // info: the jump that follows the comparison
	expFresh                  // info: the instruction, whose register is open
	expReg                    // info: register
	expCall                   // info: the instruction
	expVararg                 // info: the instruction
)

// multiple stands for all results there are.
const multiple = -1

// exp is an expression that has been read and whose value is still where it
// came from.
type exp struct {
	kind      expKind
	info, aux int
	num       float64
	// Jumps out of the expression when it is true and when it is false.
	yes, no jumps
}

func newExp(kind expKind, info int) exp {
	return exp{kind: kind, info: info, yes: noJumps, no: noJumps}
}

func numberExp(n float64) exp {
	e := newExp(expNumber, 0)
	e.num = n
	return e
}

// Empty lists compare equal, and others never are equal: no jump is in two.
func (e *exp) hasJumps() bool { return e.yes != e.no }

func (e *exp) isNumeral() bool { return e.kind == expNumber && !e.hasJumps() }

// many reports whether the expression has any number of values.
func (e *exp) many() bool { return e.kind == expCall || e.kind == expVararg }

func (f *builder) code(e *exp) *Instruction { return &f.proto.Code[e.info] }

// setResults says how many values a call or "..." is to have.
func (f *builder) setResults(e *exp, n int) {
	switch e.kind {
	case expCall:
		f.code(e).setC(n + 1)
	case expVararg:
		f.code(e).setB(n + 1)
		f.code(e).setA(f.free)
		f.reserve(1)
	}
}

// setOne makes an expression of any number of values one of one value.
func (f *builder) setOne(e *exp) {
	switch e.kind {
	case expCall:
		e.kind, e.info = expReg, f.code(e).a()
	case expVararg:
		f.code(e).setB(2)
		e.kind = expFresh
	}
}

// fetch reads a variable.
func (f *builder) fetch(e *exp) {
	switch e.kind {
	case expLocal:
		e.kind = expReg
	case expUpvalue:
		e.kind, e.info = expFresh, f.emitABC(OpGetUpval, 0, e.info, 0)
	case expGlobal:
		e.kind, e.info = expFresh, f.emitABx(OpGetGlobal, 0, e.info)
	case expIndexed:
		f.release(e.aux)
		f.release(e.info)
		e.kind, e.info = expFresh, f.emitABC(OpGetTable, 0, e.info, e.aux)
	case expCall, expVararg:
		f.setOne(e)
	}
}

// store puts the value in a register, apart from what jumps leave there.
func (f *builder) store(e *exp, reg int) {
	f.fetch(e)
	switch e.kind {
	case expNil:
		f.emitNil(reg, 1)
	case expTrue:
		f.emitABC(OpLoadBool, reg, 1, 0)
	case expFalse:
		f.emitABC(OpLoadBool, reg, 0, 0)
	case expConst:
		f.emitABx(OpLoadK, reg, e.info)
	case expNumber:
		f.emitABx(OpLoadK, reg, f.constant(number(e.num)))
	case expFresh:
		f.code(e).setA(reg)
	case expReg:
		if reg != e.info {
			f.emitABC(OpMove, reg, e.info, 0)
		}
	default:
		return
	}
	e.kind, e.info = expReg, reg
}

// storeAny is store to whatever register.
func (f *builder) storeAny(e *exp) {
	if e.kind != expReg {
		f.reserve(1)
		f.store(e, f.free-1)
	}
}

// toReg puts the value in a register, whichever way it comes.
func (f *builder) toReg(e *exp, reg int) {
	f.store(e, reg)
	if e.kind == expJump {
		f.join(&e.yes, oneJump(e.info))
	}
	if e.hasJumps() {
		ifFalse, ifTrue := noJump, noJump
		if f.needsValue(e.yes) || f.needsValue(e.no) {
			skip := noJumps
			if e.kind != expJump {
				skip = f.jump()
			}
			f.label()
			ifFalse = f.emitABC(OpLoadBool, reg, 0, 1)
			f.label()
			ifTrue = f.emitABC(OpLoadBool, reg, 1, 0)
			f.patchHere(skip)
		}
		end := f.label()
		f.patch(e.no, end, reg, ifFalse)
		f.patch(e.yes, end, reg, ifTrue)
	}
	e.yes, e.no = noJumps, noJumps
	e.kind, e.info = expReg, reg
}

// toNextReg puts the value in the first free register.
func (f *builder) toNextReg(e *exp) {
	f.fetch(e)
	f.releaseExp(e)
	f.reserve(1)
	f.toReg(e, f.free-1)
}

// toAnyReg puts the value in a register if it is in none.
func (f *builder) toAnyReg(e *exp) int {
	f.fetch(e)
	if e.kind == expReg {
		if !e.hasJumps() {
			return e.info
		}
		if e.info >= f.live {
			f.toReg(e, e.info)
			return e.info
		}
	}
	f.toNextReg(e)
	return e.info
}

// toValue sees to it that no jumps and no variable are left to do.
func (f *builder) toValue(e *exp) {
	if e.hasJumps() {
		f.toAnyReg(e)
	} else {
		f.fetch(e)
	}
}

// toRK puts the value in a register, or among the constants that instructions
// may name.
func (f *builder) toRK(e *exp) int {
	f.toValue(e)
	switch e.kind {
	case expNumber, expTrue, expFalse, expNil:
		if len(f.proto.K) > maxIndexK {
			break
		}
		e.info = f.constant(e.value())
		e.kind = expConst
		return e.info | bitRK
	case expConst:
		if e.info <= maxIndexK {
			return e.info | bitRK
		}
	}
	return f.toAnyReg(e)
}

// value is the constant that an expression is.
func (e *exp) value() Value {
	switch e.kind {
	case expNumber:
		return number(e.num)
	case expTrue:
		return True
	case expFalse:
		return False
	}
	return Nil
}

// assign stores an expression in a variable.
func (f *builder) assign(variable, e *exp) {
	switch variable.kind {
	case expLocal:
		f.releaseExp(e)
		f.toReg(e, variable.info)
		return
	case expUpvalue:
		f.emitABC(OpSetUpval, f.toAnyReg(e), variable.info, 0)
	case expGlobal:
		f.emitABx(OpSetGlobal, f.toAnyReg(e), variable.info)
	case expIndexed:
		f.emitABC(OpSetTable, variable.info, variable.aux, f.toRK(e))
	}
	f.releaseExp(e)
}

// method prepares the call of a method: the function, and the object after it.
func (f *builder) method(e, key *exp) {
	f.toAnyReg(e)
	f.releaseExp(e)
	reg := f.free
	f.reserve(2)
	f.emitABC(OpSelf, reg, e.info, f.toRK(key))
	f.releaseExp(key)
	e.kind, e.info = expReg, reg
}

// index makes t the variable t[key].
func (f *builder) index(t, key *exp) {
	t.aux = f.toRK(key)
	t.kind = expIndexed
}
