package lua

import "fmt"

func (f *frame) isLua() bool { return f.fn != nil && f.fn.proto != nil }

// current returns the index of the instruction that a frame of Lua code is at.
func (f *frame) current() int { return f.pc - 1 }

// line returns the line that a frame of Lua code is at.
func (f *frame) line() int {
	lines := f.fn.proto.Lines
	if pc := f.current(); uint(pc) < uint(len(lines)) {
		return int(lines[pc])
	}
	return 0
}

// level returns the frame at a level: 0 is what runs, 1 what called it. lost is
// set if its place was taken by a tail call; ok is not set past the first call.
func (L *Thread) level(n int) (f *frame, lost, ok bool) {
	f = L.ci
	for ; n > 0 && f != &L.root; f = f.prev {
		n--
		if f.isLua() {
			n -= f.tails
		}
	}
	switch {
	case n < 0:
		return nil, true, true
	case f == &L.root:
		return nil, false, false
	}
	return f, false, true
}

// Where returns "name:line: " for the function at a level, or "".
func (L *Thread) Where(level int) string {
	if f, _, _ := L.level(level); f != nil && f.isLua() {
		if line := f.line(); line > 0 {
			return fmt.Sprintf("%s:%d: ", ChunkID(f.fn.proto.Source), line)
		}
	}
	return ""
}

// Place returns chunk name and line of the function at a level, if it is Lua
// code. For one that is lost to a tail call they are "=(tail call)" and -1.
func (L *Thread) Place(level int) (source string, line int, ok bool) {
	f, lost, _ := L.level(level)
	switch {
	case lost:
		return "=(tail call)", -1, true
	case f == nil || !f.isLua():
		return "", 0, false
	}
	return f.fn.proto.Source, f.line(), true
}

// FunctionAt returns the function at a level. It is nil for one that is lost to
// a tail call; ok is not set if there is no such level.
func (L *Thread) FunctionAt(level int) (f *Function, ok bool) {
	at, lost, ok := L.level(level)
	if !ok || lost {
		return nil, ok
	}
	return at.fn, true
}

// calledAs returns what a frame was called as, if Lua code called it and it is
// known: "global", "local", "method", "field" or "upvalue", and the name.
func (L *Thread) calledAs(f *frame) (kind, name string) {
	if f == &L.root || f.isLua() && f.tails > 0 || !f.prev.isLua() {
		return "", ""
	}
	f = f.prev
	switch i := f.fn.proto.Code[f.current()]; i.op() {
	case OpCall, OpTailCall, OpTForLoop:
		return f.variable(i.a())
	}
	return "", ""
}

// variable returns what a register of a frame holds: the kind of variable and
// its name; "" if that is not known.
func (f *frame) variable(reg int) (kind, name string) {
	p, pc := f.fn.proto, f.current()
	for {
		if name := p.localName(reg, pc); name != "" {
			return "local", name
		}
		switch i := p.lastChange(pc, reg); i.op() {
		case OpGetGlobal:
			return "global", p.K[i.bx()].Str()
		case OpMove:
			if i.b() < i.a() {
				reg = i.b()
				continue
			}
		case OpGetTable:
			return "field", p.constantName(i.c())
		case OpSelf:
			return "method", p.constantName(i.c())
		case OpGetUpval:
			if b := i.b(); b < len(p.UpNames) {
				return "upvalue", p.UpNames[b]
			}
			return "upvalue", "?"
		}
		return "", ""
	}
}

func (p *Proto) constantName(c int) string {
	if isK(c) && p.K[c&maxIndexK].IsString() {
		return p.K[c&maxIndexK].Str()
	}
	return "?"
}

// localName returns the name of the local variable in a register, or "".
func (p *Proto) localName(reg, pc int) string {
	for _, v := range p.Locals {
		if int(v.From) > pc {
			break
		}
		if pc < int(v.To) {
			if reg == 0 {
				return v.Name
			}
			reg--
		}
	}
	return ""
}

// setsA has the opcodes that change register A.
const setsA = 1<<OpMove | 1<<OpLoadK | 1<<OpLoadBool | 1<<OpLoadNil | 1<<OpGetUpval |
	1<<OpGetGlobal | 1<<OpGetTable | 1<<OpNewTable | 1<<OpSelf | 1<<OpAdd | 1<<OpSub |
	1<<OpMul | 1<<OpDiv | 1<<OpMod | 1<<OpPow | 1<<OpUnm | 1<<OpNot | 1<<OpLen |
	1<<OpConcat | 1<<OpTest | 1<<OpTestSet | 1<<OpCall | 1<<OpTailCall | 1<<OpForLoop |
	1<<OpForPrep | 1<<OpClosure | 1<<OpVararg

// lastChange returns the instruction before end that changed a register last,
// as far as can be told by going over the code once: jumps ahead that don't go
// past end are followed.
func (p *Proto) lastChange(end, reg int) Instruction {
	last := len(p.Code) - 1 // a return, which changes nothing
	for pc := 0; pc < end; pc++ {
		i := p.Code[pc]
		op, a := i.op(), i.a()
		if uint64(setsA)>>op&1 != 0 && a == reg {
			last = pc
		}
		switch op {
		case OpLoadNil:
			if a <= reg && reg <= i.b() {
				last = pc
			}
		case OpTForLoop:
			if reg >= a+2 {
				last = pc
			}
		case OpSelf:
			if reg == a+1 {
				last = pc
			}
		case OpCall, OpTailCall:
			if reg >= a {
				last = pc
			}
		case OpForLoop, OpForPrep, OpJmp:
			if to := pc + 1 + i.sbx(); pc < to && to <= end {
				pc = to - 1
			}
		case OpSetList:
			if i.c() == 0 {
				pc++
			}
		case OpClosure:
			pc += p.P[i.bx()].NumUps
		}
	}
	return p.Code[last]
}
