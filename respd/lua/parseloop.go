package lua

func (p *parser) whileStatement(line int) {
	f := p.fn
	p.next()
	start := f.label()
	out := p.condition()
	var b block
	f.openBlock(&b, true)
	p.expect(tkDo)
	p.scope()
	f.patchTo(f.jump(), start)
	p.match(tkEnd, tkWhile, line)
	f.closeBlock()
	f.patchHere(out)
}

func (p *parser) repeatStatement(line int) {
	f := p.fn
	start := f.label()
	var loop, scope block
	f.openBlock(&loop, true)
	f.openBlock(&scope, false)
	p.next()
	p.chunk()
	p.match(tkUntil, tkRepeat, line)
	again := p.condition()
	if !scope.captured {
		f.closeBlock()
		f.patchTo(again, start)
	} else {
		// Upvalues must be closed whichever way the loop goes.
		p.breakStatement()
		f.patchHere(again)
		f.closeBlock()
		f.patchTo(f.jump(), start)
	}
	f.closeBlock()
}

func (p *parser) breakStatement() {
	f := p.fn
	b, captured := f.block, false
	for b != nil && !b.isLoop {
		captured = captured || b.captured
		b = b.parent
	}
	if b == nil {
		p.syntaxError("no loop to break")
		return
	}
	if captured {
		f.emitABC(OpClose, b.live, 0, 0)
	}
	f.join(&b.breaks, f.jump())
}

func (p *parser) forStatement(line int) {
	var b block
	p.fn.openBlock(&b, true)
	p.next()
	name := p.identifier().Str()
	switch p.tok.kind {
	case '=':
		p.forNumbers(name, line)
	case ',', tkIn:
		p.forIterator(name)
	default:
		p.syntaxError("'=' or 'in' expected")
	}
	p.match(tkEnd, tkFor, line)
	p.fn.closeBlock()
}

func (p *parser) forNumbers(name string, line int) {
	f := p.fn
	base := f.free
	for _, hidden := range []string{"(for index)", "(for limit)", "(for step)"} {
		f.declare(hidden)
	}
	f.declare(name)
	p.expect('=')
	p.nextRegExpression()
	p.expect(',')
	p.nextRegExpression()
	if p.skip(',') {
		p.nextRegExpression()
	} else {
		f.emitABx(OpLoadK, f.free, f.constant(Number(1)))
		f.reserve(1)
	}
	p.loopBody(base, line, 1, true)
}

func (p *parser) nextRegExpression() {
	e := p.expression()
	p.fn.toNextReg(&e)
}

func (p *parser) forIterator(name string) {
	f := p.fn
	base := f.free
	for _, hidden := range []string{"(for generator)", "(for state)", "(for control)"} {
		f.declare(hidden)
	}
	f.declare(name)
	n := 1
	for p.skip(',') {
		f.declare(p.identifier().Str())
		n++
	}
	p.expect(tkIn)
	line := p.line
	e, values := p.expressions()
	f.adjust(3, values, &e)
	f.room(3) // for the call of the iterator
	p.loopBody(base, line, n, false)
}

// loopBody reads a for loop from "do" on.
func (p *parser) loopBody(base, line, variables int, numbers bool) {
	f := p.fn
	f.activate(3)
	p.expect(tkDo)
	var start jumps
	if numbers {
		start = oneJump(f.emit(iAsBx(OpForPrep, base, noJump)))
	} else {
		start = f.jump()
	}
	var b block
	f.openBlock(&b, false)
	f.activate(variables)
	f.reserve(variables)
	p.scope()
	f.closeBlock()
	f.patchHere(start)
	var again jumps
	if numbers {
		again = oneJump(f.emit(iAsBx(OpForLoop, base, noJump)))
		f.fixLine(line)
	} else {
		f.emitABC(OpTForLoop, base, 0, variables)
		f.fixLine(line)
		again = f.jump()
	}
	f.patchTo(again, start.first+1)
}
