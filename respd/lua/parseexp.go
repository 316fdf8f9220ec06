package lua

// expressions reads one or more expressions. All but the last, which is returned,
// are in registers.
func (p *parser) expressions() (last exp, n int) {
	last, n = p.expression(), 1
	for p.skip(',') {
		p.fn.toNextReg(&last)
		last = p.expression()
		n++
	}
	return last, n
}

func (p *parser) expression() exp {
	e, _ := p.operation(0)
	return e
}

// operation reads operands as long as the operators between them bind closer
// than limit. It returns the first operator that does not.
func (p *parser) operation(limit int) (exp, operator) {
	p.enter()
	var e exp
	if op := unaryOperator(p.tok.kind); op != opNone {
		p.next()
		e, _ = p.operation(unaryBinding)
		p.fn.prefix(op, &e)
	} else {
		e = p.operand()
	}
	op := binaries[p.tok.kind]
	for op != opNone && bindings[op].left > limit {
		p.next()
		p.fn.infix(op, &e)
		right, next := p.operation(bindings[op].right)
		p.fn.postfix(op, &e, &right)
		op = next
	}
	p.leave()
	return e, op
}

func (p *parser) operand() exp {
	var e exp
	switch p.tok.kind {
	case tkNumber:
		e = numberExp(p.tok.num)
	case tkString:
		e = newExp(expConst, p.fn.constant(p.tok.str))
	case tkNil:
		e = newExp(expNil, 0)
	case tkTrue:
		e = newExp(expTrue, 0)
	case tkFalse:
		e = newExp(expFalse, 0)
	case tkDots:
		if !p.fn.proto.IsVararg {
			p.syntaxError("cannot use '...' outside a vararg function")
		}
		p.fn.proto.NeedsArg = false
		e = newExp(expVararg, p.fn.emitABC(OpVararg, 0, 1, 0))
	case '{':
		return p.constructor()
	case tkFunction:
		p.next()
		return p.function(false, p.line)
	default:
		return p.suffixed()
	}
	p.next()
	return e
}

// suffixed reads a variable or a call: what has fields, keys and arguments after
// it.
func (p *parser) suffixed() exp {
	f := p.fn
	e := p.primary()
	for {
		switch p.tok.kind {
		case '.':
			p.field(&e)
		case '[':
			f.toAnyReg(&e)
			key := p.bracketed()
			f.index(&e, &key)
		case ':':
			p.next()
			name := p.nameExp()
			f.method(&e, &name)
			p.arguments(&e)
		case '(', tkString, '{':
			f.toNextReg(&e)
			p.arguments(&e)
		default:
			return e
		}
	}
}

func (p *parser) primary() exp {
	switch p.tok.kind {
	case tkName:
		return p.variable()
	case '(':
		line := p.line
		p.next()
		e := p.expression()
		p.match(')', '(', line)
		p.fn.fetch(&e)
		return e
	}
	p.syntaxError("unexpected symbol")
	return newExp(expVoid, 0)
}

// field reads a dot or colon and a name, and makes e that field of it.
func (p *parser) field(e *exp) {
	p.fn.toAnyReg(e)
	p.next()
	key := p.nameExp()
	p.fn.index(e, &key)
}

// bracketed reads a key in brackets.
func (p *parser) bracketed() exp {
	p.next()
	e := p.expression()
	p.fn.toValue(&e)
	p.expect(']')
	return e
}

// arguments reads the arguments of a call of e, and makes e the call.
func (p *parser) arguments(e *exp) {
	f := p.fn
	line := p.line
	args := newExp(expVoid, 0)
	switch p.tok.kind {
	case '(':
		if line != p.lastLine {
			p.syntaxError("ambiguous syntax (function call x new statement)")
		}
		p.next()
		if p.tok.kind != ')' {
			args, _ = p.expressions()
			f.setResults(&args, multiple)
		}
		p.match(')', '(', line)
	case '{':
		args = p.constructor()
	case tkString:
		args = newExp(expConst, f.constant(p.tok.str))
		p.next()
	default:
		p.syntaxError("function arguments expected")
		return
	}
	base, n := e.info, multiple
	if !args.many() {
		if args.kind != expVoid {
			f.toNextReg(&args)
		}
		n = f.free - (base + 1)
	}
	*e = newExp(expCall, f.emitABC(OpCall, base, n+1, 2))
	f.fixLine(line)
	f.free = base + 1 // the call takes function and arguments away
}

// ----- tables

// items is a table constructor that is being read.
type items struct {
	table exp
	last  exp // the last item, which is not in a register yet
	// array and hash are how many items and fields there are, waiting how many
	// of the items are in registers.
	array, hash, waiting int
}

func (p *parser) constructor() exp {
	f := p.fn
	line := p.line
	pc := f.emitABC(OpNewTable, 0, 0, 0)
	t := items{table: newExp(expFresh, pc), last: newExp(expVoid, 0)}
	f.toNextReg(&t.table)
	p.expect('{')
	for p.tok.kind != '}' {
		f.flush(&t)
		if p.tok.kind == '[' || p.tok.kind == tkName && p.look() == '=' {
			p.pair(&t)
		} else {
			t.last = p.expression()
			t.array++
			t.waiting++
		}
		if !p.skip(',') && !p.skip(';') {
			break
		}
	}
	p.match('}', '{', line)
	f.flushLast(&t)
	f.proto.Code[pc].setB(floatingByte(t.array))
	f.proto.Code[pc].setC(floatingByte(t.hash))
	return t.table
}

// pair reads a field: a name or a key in brackets, and its value.
func (p *parser) pair(t *items) {
	f := p.fn
	free := f.free
	var key exp
	if p.tok.kind == tkName {
		key = p.nameExp()
	} else {
		key = p.bracketed()
	}
	t.hash++
	p.expect('=')
	k := f.toRK(&key)
	value := p.expression()
	f.emitABC(OpSetTable, t.table.info, k, f.toRK(&value))
	f.free = free
}

// flush puts the last item in a register, and those in registers in the table
// when there are enough.
func (f *builder) flush(t *items) {
	if t.last.kind == expVoid {
		return
	}
	f.toNextReg(&t.last)
	t.last.kind = expVoid
	if t.waiting == fieldsPerFlush {
		f.emitSetList(t.table.info, t.array, t.waiting)
		t.waiting = 0
	}
}

func (f *builder) flushLast(t *items) {
	if t.waiting == 0 {
		return
	}
	if t.last.many() {
		f.setResults(&t.last, multiple)
		f.emitSetList(t.table.info, t.array, multiple)
		t.array-- // how many it has is not known
		return
	}
	if t.last.kind != expVoid {
		f.toNextReg(&t.last)
	}
	f.emitSetList(t.table.info, t.array, t.waiting)
}

// floatingByte is n rounded up to eight bits: five of exponent, three of
// mantissa with a leading one that is not stored.
func floatingByte(n int) int {
	e := 0
	for n >= 16 {
		n = (n + 1) >> 1
		e++
	}
	if n < 8 {
		return n
	}
	return (e+1)<<3 | (n - 8)
}
