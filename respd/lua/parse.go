package lua

import "fmt"

// parser reads statements and expressions and lets builders make code of them.
type parser struct {
	scanner
	fn    *builder // of the function that is being read
	depth int      // how deep syntax nests, and calls before it
	// vars are the local variables that can be seen, of all functions that are
	// being read.
	vars map[string]*variable
}

// enter goes a level of syntax deeper.
func (p *parser) enter() {
	p.depth++
	if p.depth > maxCCalls {
		p.fail("chunk has too many syntax levels", 0)
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) skip(kind int) bool {
	if p.tok.kind != kind {
		return false
	}
	p.next()
	return true
}

func (p *parser) check(kind int) {
	if p.tok.kind != kind {
		p.expected(kind)
	}
}

func (p *parser) expected(kind int) {
	p.syntaxError("'" + tokenName(kind) + "' expected")
}

func (p *parser) expect(kind int) {
	p.check(kind)
	p.next()
}

// match expects what ends a structure that began with open in a line.
func (p *parser) match(kind, open, line int) {
	switch {
	case p.skip(kind):
	case line == p.line:
		p.expected(kind)
	default:
		p.syntaxError(fmt.Sprintf("'%s' expected (to close '%s' at line %d)",
			tokenName(kind), tokenName(open), line))
	}
}

// identifier reads a name.
func (p *parser) identifier() Value {
	p.check(tkName)
	name := p.tok.str
	p.next()
	return name
}

// nameExp reads a name as a constant.
func (p *parser) nameExp() exp {
	return newExp(expConst, p.fn.constant(p.identifier()))
}

// ----- statements

// ends reports whether a token ends a block.
func ends(kind int) bool {
	switch kind {
	case tkElse, tkElseif, tkEnd, tkUntil, tkEOS:
		return true
	}
	return false
}

// chunk reads statements.
func (p *parser) chunk() {
	p.enter()
	for last := false; !last && !ends(p.tok.kind); {
		last = p.statement()
		p.skip(';')
		p.fn.free = p.fn.live
	}
	p.leave()
}

// scope reads statements that have local variables of their own.
func (p *parser) scope() {
	var b block
	p.fn.openBlock(&b, false)
	p.chunk()
	p.fn.closeBlock()
}

// statement reports whether no other may follow.
func (p *parser) statement() bool {
	line := p.line // for messages, and of some instructions
	switch p.tok.kind {
	case tkIf:
		p.ifStatement(line)
	case tkWhile:
		p.whileStatement(line)
	case tkDo:
		p.next()
		p.scope()
		p.match(tkEnd, tkDo, line)
	case tkFor:
		p.forStatement(line)
	case tkRepeat:
		p.repeatStatement(line)
	case tkFunction:
		p.functionStatement(line)
	case tkLocal:
		p.next()
		if p.skip(tkFunction) {
			p.localFunction()
		} else {
			p.localStatement()
		}
	case tkReturn:
		p.returnStatement()
		return true
	case tkBreak:
		p.next()
		p.breakStatement()
		return true
	default:
		p.expStatement()
	}
	return false
}

func (p *parser) ifStatement(line int) {
	f := p.fn
	escape := noJumps
	otherwise := p.thenBlock()
	for p.tok.kind == tkElseif {
		f.join(&escape, f.jump())
		f.patchHere(otherwise)
		otherwise = p.thenBlock()
	}
	if p.tok.kind == tkElse {
		f.join(&escape, f.jump())
		f.patchHere(otherwise)
		p.next()
		p.scope()
	} else {
		f.join(&escape, otherwise)
	}
	f.patchHere(escape)
	p.match(tkEnd, tkIf, line)
}

// thenBlock reads a condition and what is to be done if it holds. It returns
// the jumps to be taken otherwise.
func (p *parser) thenBlock() jumps {
	p.next()
	otherwise := p.condition()
	p.expect(tkThen)
	p.scope()
	return otherwise
}

// condition reads a condition and returns the jumps that are taken if it does not
// hold.
func (p *parser) condition() jumps {
	e := p.expression()
	if e.kind == expNil {
		e.kind = expFalse
	}
	p.fn.goIfTrue(&e)
	return e.no
}

func (p *parser) functionStatement(line int) {
	p.next()
	v, isMethod := p.functionName()
	body := p.function(isMethod, line)
	p.fn.assign(&v, &body)
	p.fn.fixLine(line)
}

func (p *parser) functionName() (v exp, isMethod bool) {
	v = p.variable()
	for p.tok.kind == '.' {
		p.field(&v)
	}
	if p.tok.kind == ':' {
		p.field(&v)
		return v, true
	}
	return v, false
}

func (p *parser) localFunction() {
	f := p.fn
	f.declare(p.identifier().Str())
	v := newExp(expLocal, f.free)
	f.reserve(1)
	f.activate(1)
	body := p.function(false, p.line)
	f.assign(&v, &body)
	// Its place is known to debuggers from here on only.
	f.proto.Locals[f.active[f.live-1]].From = int32(f.pc())
}

func (p *parser) localStatement() {
	n := 0
	for {
		p.fn.declare(p.identifier().Str())
		n++
		if !p.skip(',') {
			break
		}
	}
	e, values := newExp(expVoid, 0), 0
	if p.skip('=') {
		e, values = p.expressions()
	}
	p.fn.adjust(n, values, &e)
	p.fn.activate(n)
}

func (p *parser) returnStatement() {
	f := p.fn
	p.next()
	if ends(p.tok.kind) || p.tok.kind == ';' {
		f.emitReturn(0, 0)
		return
	}
	e, n := p.expressions()
	switch {
	case e.many():
		f.setResults(&e, multiple)
		if e.kind == expCall && n == 1 {
			i := f.code(&e)
			*i = *i&^0x3f | Instruction(OpTailCall)
		}
		f.emitReturn(f.live, multiple)
	case n == 1:
		f.emitReturn(f.toAnyReg(&e), 1)
	default:
		f.toNextReg(&e)
		f.emitReturn(f.live, n)
	}
}

// expStatement reads a call or an assignment.
func (p *parser) expStatement() {
	v := target{exp: p.suffixed()}
	if v.kind == expCall {
		p.fn.code(&v.exp).setC(1)
		return
	}
	p.assignment(&v, 1)
}

// target is one of the variables that an assignment has on its left side.
type target struct {
	exp
	before *target
}

// assignment reads on from the n-th variable.
func (p *parser) assignment(v *target, n int) {
	f := p.fn
	if v.kind < expLocal || v.kind > expIndexed {
		p.syntaxError("syntax error")
		return
	}
	if p.skip(',') {
		next := target{exp: p.suffixed(), before: v}
		if next.kind == expLocal {
			f.avoidConflict(v, &next.exp)
		}
		f.limit(n, maxCCalls-p.depth, "variables in assignment")
		p.assignment(&next, n+1)
	} else {
		p.expect('=')
		e, values := p.expressions()
		if values == n {
			f.setOne(&e)
			f.assign(&v.exp, &e)
			return
		}
		f.adjust(n, values, &e)
		if values > n {
			f.free -= values - n
		}
	}
	e := newExp(expReg, f.free-1)
	f.assign(&v.exp, &e)
}

// avoidConflict copies a local variable that is assigned to and is used by
// variables before it as their table or key.
func (f *builder) avoidConflict(v *target, local *exp) {
	found := false
	for ; v != nil; v = v.before {
		if v.kind != expIndexed {
			continue
		}
		if v.info == local.info {
			found, v.info = true, f.free
		}
		if v.aux == local.info {
			found, v.aux = true, f.free
		}
	}
	if found {
		f.emitABC(OpMove, f.free, local.info, 0)
		f.reserve(1)
	}
}

// adjust brings the values of an assignment to the number of variables. e is
// the last value.
func (f *builder) adjust(variables, values int, e *exp) {
	extra := variables - values
	if e.many() {
		extra = max(extra+1, 0)
		f.setResults(e, extra)
		if extra > 1 {
			f.reserve(extra - 1)
		}
		return
	}
	if e.kind != expVoid {
		f.toNextReg(e)
	}
	if extra > 0 {
		reg := f.free
		f.reserve(extra)
		f.emitNil(reg, extra)
	}
}
