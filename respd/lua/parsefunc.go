package lua

// variable is a local variable that can be seen.
type variable struct {
	fn     *builder
	reg    int
	shadow *variable // the one of the same name around it
}

// block is a part of a function that has local variables of its own, or that a
// break leaves.
type block struct {
	parent   *block
	live     int // how many local variables there are around it
	isLoop   bool
	captured bool  // whether one of its variables is an upvalue of a function
	breaks   jumps // those of its break statements
}

func (p *parser) openFunction(line int) *builder {
	p.fn = &builder{
		p: p, parent: p.fn, waiting: noJumps, target: -1,
		proto: &Proto{Source: p.name, Line: line, MaxStack: 2},
	}
	return p.fn
}

func (p *parser) closeFunction() {
	f := p.fn
	f.forget(0)
	f.emitReturn(0, 0)
	f.proto.NumUps = len(f.ups)
	p.fn = f.parent
}

// function reads a function from its parameters on, and returns its closure.
func (p *parser) function(isMethod bool, line int) exp {
	f := p.openFunction(line)
	p.expect('(')
	if isMethod {
		f.declare("self")
		f.activate(1)
	}
	p.parameters()
	p.expect(')')
	p.chunk()
	f.proto.Last = p.line
	p.match(tkEnd, tkFunction, line)
	p.closeFunction()
	return p.fn.closure(f)
}

func (p *parser) parameters() {
	f := p.fn
	n := 0
	for more := p.tok.kind != ')'; more; more = !f.proto.IsVararg && p.skip(',') {
		switch p.tok.kind {
		case tkName:
			f.declare(p.identifier().Str())
			n++
		case tkDots:
			p.next()
			f.declare("arg")
			n++
			f.proto.IsVararg, f.proto.HasArg, f.proto.NeedsArg = true, true, true
		default:
			p.syntaxError("<name> or '...' expected")
		}
	}
	f.activate(n)
	f.proto.NumParams = f.live
	if f.proto.IsVararg {
		f.proto.NumParams--
	}
	f.reserve(f.live)
}

// closure makes a function that has been read an expression.
func (f *builder) closure(inner *builder) exp {
	if len(f.proto.P) >= maxBx {
		f.p.failPlain("constant table overflow")
	}
	f.proto.P = append(f.proto.P, inner.proto)
	e := newExp(expFresh, f.emitABx(OpClosure, 0, len(f.proto.P)-1))
	for _, up := range inner.ups {
		if up.local {
			f.emitABC(OpMove, 0, up.index, 0)
		} else {
			f.emitABC(OpGetUpval, 0, up.index, 0)
		}
	}
	return e
}

// ----- blocks

func (f *builder) openBlock(b *block, isLoop bool) {
	*b = block{parent: f.block, live: f.live, isLoop: isLoop, breaks: noJumps}
	f.block = b
}

func (f *builder) closeBlock() {
	b := f.block
	f.block = b.parent
	f.forget(b.live)
	if b.captured {
		f.emitABC(OpClose, b.live, 0, 0)
	}
	f.free = f.live
	f.patchHere(b.breaks)
}

// ----- variables

// declare names a local variable, which can be seen from activate on.
func (f *builder) declare(name string) {
	f.limit(len(f.active)+1, maxVars, "local variables")
	if len(f.proto.Locals) >= maxLocals {
		f.p.failPlain("too many local variables")
	}
	f.proto.Locals = append(f.proto.Locals, LocalVar{Name: name})
	f.active = append(f.active, len(f.proto.Locals)-1)
}

// activate lets the next n declared variables be seen.
func (f *builder) activate(n int) {
	for range n {
		local := &f.proto.Locals[f.active[f.live]]
		local.From = int32(f.pc())
		f.p.vars[local.Name] = &variable{fn: f, reg: f.live, shadow: f.p.vars[local.Name]}
		f.live++
	}
}

// forget ends all local variables but the first live.
func (f *builder) forget(live int) {
	for f.live > live {
		f.live--
		local := &f.proto.Locals[f.active[f.live]]
		local.To = int32(f.pc())
		if shadow := f.p.vars[local.Name].shadow; shadow != nil {
			f.p.vars[local.Name] = shadow
		} else {
			delete(f.p.vars, local.Name)
		}
	}
	f.active = f.active[:live]
}

// variable reads a name and finds what it is.
func (p *parser) variable() exp {
	name := p.identifier()
	v := p.vars[name.Str()]
	switch {
	case v == nil:
		return newExp(expGlobal, p.fn.constant(name))
	case v.fn == p.fn:
		return newExp(expLocal, v.reg)
	}
	return newExp(expUpvalue, p.fn.upvalue(v, name.Str()))
}

// upvalue returns the index of a variable of a function around this one, and
// makes it an upvalue of all functions between.
func (f *builder) upvalue(v *variable, name string) int {
	if i, ok := f.upOf[v]; ok {
		return i
	}
	up := upvalue{index: v.reg, local: true}
	if f.parent == v.fn {
		v.fn.capture(v.reg)
	} else {
		up = upvalue{index: f.parent.upvalue(v, name)}
	}
	f.limit(len(f.ups)+1, maxUpvalues, "upvalues")
	if f.upOf == nil {
		f.upOf = map[*variable]int{}
	}
	f.upOf[v] = len(f.ups)
	f.ups = append(f.ups, up)
	f.proto.UpNames = append(f.proto.UpNames, name)
	return f.upOf[v]
}

// capture notes that the variable in a register is an upvalue of a function.
func (f *builder) capture(reg int) {
	b := f.block
	for b != nil && b.live > reg {
		b = b.parent
	}
	if b != nil {
		b.captured = true
	}
}
