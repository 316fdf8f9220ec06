package lua

// operator is one of the signs and words between or before operands.
type operator uint8

const (
	opNone operator = iota
	opAdd
	opSub
	opMul
	opDiv
	opMod
	opPow
	opConcat
	opNe
	opEq
	opLt
	opLe
	opGt
	opGe
	opAnd
	opOr
	opMinus
	opNot
	opLen
)

// bindings say how close operators bind what is left and right of them.
var bindings = [...]struct{ left, right int }{
	opAdd: {6, 6}, opSub: {6, 6}, opMul: {7, 7}, opDiv: {7, 7}, opMod: {7, 7},
	opPow: {10, 9}, opConcat: {5, 4},
	opNe: {3, 3}, opEq: {3, 3}, opLt: {3, 3}, opLe: {3, 3}, opGt: {3, 3}, opGe: {3, 3},
	opAnd: {2, 2}, opOr: {1, 1},
}

// unaryBinding is how close the operators before an operand bind it.
const unaryBinding = 8

func unaryOperator(kind int) operator {
	switch kind {
	case tkNot:
		return opNot
	case '-':
		return opMinus
	case '#':
		return opLen
	}
	return opNone
}

var binaries = map[int]operator{
	'+': opAdd, '-': opSub, '*': opMul, '/': opDiv, '%': opMod, '^': opPow,
	tkConcat: opConcat, tkNe: opNe, tkEq: opEq, '<': opLt, tkLe: opLe,
	'>': opGt, tkGe: opGe, tkAnd: opAnd, tkOr: opOr,
}

// goIfTrue goes on if the expression is true and jumps otherwise.
func (f *builder) goIfTrue(e *exp) {
	f.fetch(e)
	out := noJumps
	switch e.kind {
	case expConst, expNumber, expTrue:
	case expJump:
		f.invert(e)
		out = oneJump(e.info)
	default:
		out = oneJump(f.jumpIf(e, 0))
	}
	f.join(&e.no, out)
	f.patchHere(e.yes)
	e.yes = noJumps
}

// goIfFalse goes on if the expression is false and jumps otherwise.
func (f *builder) goIfFalse(e *exp) {
	f.fetch(e)
	out := noJumps
	switch e.kind {
	case expNil, expFalse:
	case expJump:
		out = oneJump(e.info)
	default:
		out = oneJump(f.jumpIf(e, 1))
	}
	f.join(&e.yes, out)
	f.patchHere(e.no)
	e.no = noJumps
}

// invert turns a comparison round.
func (f *builder) invert(e *exp) {
	i := f.test(e.info)
	i.setA(1 - i.a())
}

// jumpIf jumps if the truth of the expression is cond.
func (f *builder) jumpIf(e *exp, cond int) int {
	if e.kind == expFresh {
		if i := *f.code(e); i.op() == OpNot {
			f.dropLast()
			return f.condJump(OpTest, i.b(), 0, 1-cond)
		}
	}
	f.storeAny(e)
	f.releaseExp(e)
	return f.condJump(OpTestSet, noReg, e.info, cond)
}

func (f *builder) not(e *exp) {
	f.fetch(e)
	switch e.kind {
	case expNil, expFalse:
		e.kind = expTrue
	case expConst, expNumber, expTrue:
		e.kind = expFalse
	case expJump:
		f.invert(e)
	case expFresh, expReg:
		f.storeAny(e)
		f.releaseExp(e)
		e.kind, e.info = expFresh, f.emitABC(OpNot, 0, e.info, 0)
	}
	e.yes, e.no = e.no, e.yes
	f.dropValues(e.yes)
	f.dropValues(e.no)
}

// prefix applies an operator to the operand after it.
func (f *builder) prefix(op operator, e *exp) {
	zero := numberExp(0)
	switch op {
	case opMinus:
		if !e.isNumeral() {
			f.toAnyReg(e)
		}
		f.arith(OpUnm, e, &zero)
	case opNot:
		f.not(e)
	case opLen:
		f.toAnyReg(e)
		f.arith(OpLen, e, &zero)
	}
}

// infix is called after the left operand and before the right one.
func (f *builder) infix(op operator, e *exp) {
	switch op {
	case opAnd:
		f.goIfTrue(e)
	case opOr:
		f.goIfFalse(e)
	case opConcat:
		f.toNextReg(e)
	case opAdd, opSub, opMul, opDiv, opMod, opPow:
		if !e.isNumeral() {
			f.toRK(e)
		}
	default:
		f.toRK(e)
	}
}

// postfix applies an operator to both operands, into a.
func (f *builder) postfix(op operator, a, b *exp) {
	switch op {
	case opAnd:
		f.fetch(b)
		f.join(&b.no, a.no)
		*a = *b
	case opOr:
		f.fetch(b)
		f.join(&b.yes, a.yes)
		*a = *b
	case opConcat:
		f.concat(a, b)
	case opEq:
		f.compare(OpEq, 1, a, b)
	case opNe:
		f.compare(OpEq, 0, a, b)
	case opLt:
		f.compare(OpLt, 1, a, b)
	case opLe:
		f.compare(OpLe, 1, a, b)
	case opGt:
		f.compare(OpLt, 0, a, b)
	case opGe:
		f.compare(OpLe, 0, a, b)
	default:
		f.arith(OpAdd+Opcode(op-opAdd), a, b)
	}
}

// concat makes one instruction of a chain of "..".
func (f *builder) concat(a, b *exp) {
	f.toValue(b)
	if b.kind == expFresh && f.code(b).op() == OpConcat {
		f.releaseExp(a)
		f.code(b).setB(a.info)
		a.kind, a.info = expFresh, b.info
		return
	}
	f.toNextReg(b)
	f.arith(OpConcat, a, b)
}

func (f *builder) arith(op Opcode, a, b *exp) {
	if fold(op, a, b) {
		return
	}
	y := 0
	if op != OpUnm && op != OpLen {
		y = f.toRK(b)
	}
	x := f.toRK(a)
	if x > y {
		f.releaseExp(a)
		f.releaseExp(b)
	} else {
		f.releaseExp(b)
		f.releaseExp(a)
	}
	a.kind, a.info = expFresh, f.emitABC(op, 0, x, y)
}

// compare compares; cond 0 turns the order of the operands round, or means "~=".
func (f *builder) compare(op Opcode, cond int, a, b *exp) {
	x := f.toRK(a)
	y := f.toRK(b)
	f.releaseExp(b)
	f.releaseExp(a)
	if cond == 0 && op != OpEq {
		x, y, cond = y, x, 1
	}
	a.kind, a.info = expJump, f.condJump(op, cond, x, y)
}

// fold does arithmetic on two numerals at once, apart from what divides by zero
// or makes no number.
func fold(op Opcode, a, b *exp) bool {
	if !a.isNumeral() || !b.isNumeral() {
		return false
	}
	x, y, r := a.num, b.num, 0.0
	switch op {
	case OpAdd:
		r = x + y
	case OpSub:
		r = x - y
	case OpMul:
		r = x * y
	case OpDiv:
		if y == 0 {
			return false
		}
		r = x / y
	case OpMod:
		if y == 0 {
			return false
		}
		r = modulo(x, y)
	case OpPow:
		r = power(x, y)
	case OpUnm:
		r = -x
	default:
		return false
	}
	if r != r {
		return false
	}
	a.num = r
	return true
}
