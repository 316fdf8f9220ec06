package lua

import "math"

// exec runs the Lua function that L.ci is the frame of, and those that it
// calls, until the frame that is marked as fresh returns.
//
// It is one function, and repeats itself, for speed: what an instruction needs
// in the usual case is here, without calls; everything else is in methods, which
// may move the stack, so that regs is taken anew after them. Before anything
// that may fail, call or count the memory, ci.pc is set.
func (L *Thread) exec() error {
	s := L.state
frames:
	for {
		ci := L.ci
		fn := ci.fn
		code, consts := fn.proto.Code, fn.proto.K
		base, pc := ci.base, ci.pc
		regs := (*[registers]Value)(L.stack[base:])
		for {
			i := code[pc]
			pc++
			ra := &regs[uint8(i>>6)]
			switch Opcode(i & 0x3f) {
			case OpMove:
				*ra = regs[uint8(i>>23)]

			case OpLoadK:
				*ra = consts[i>>14]

			case OpLoadBool:
				*ra = Bool(i>>23 != 0)
				if i>>14&0x1ff != 0 {
					pc++
				}

			case OpLoadNil:
				for at := int(uint8(i >> 6)); at <= int(uint8(i>>23)); at++ {
					regs[at&0xff] = Value{}
				}

			case OpGetUpval:
				*ra = *fn.ups[i>>23].v

			case OpGetGlobal:
				t := fn.env
				if n := t.findStr((*str)(consts[i>>14].p)); n != nil && n.val.p != nil {
					*ra = n.val
					continue
				}
				if t.meta == nil {
					*ra = Value{}
					continue
				}
				ci.pc = pc
				v, err := L.index(FromTable(t), consts[i>>14], -1)
				if err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				regs[uint8(i>>6)] = v

			case OpGetTable:
				rb, rc := &regs[uint8(i>>23)], operand(regs, consts, i>>14)
				if t := rb.Table(); t != nil {
					if rc.p == numberMark() {
						f := rc.Float()
						if x := int(f); uint(x-1) < uint(len(t.arr)) && float64(x) == f {
							if v := &t.arr[x-1]; v.p != nil {
								*ra = *v
								continue
							}
						}
					} else if rc.IsString() {
						if n := t.findStr((*str)(rc.p)); n != nil && n.val.p != nil {
							*ra = n.val
							continue
						}
						if t.meta == nil {
							*ra = Value{}
							continue
						}
					}
				}
				ci.pc = pc
				v, err := L.index(*rb, *rc, int(uint8(i>>23)))
				if err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				regs[uint8(i>>6)] = v

			case OpSetGlobal:
				ci.pc = pc
				if err := L.setIndex(FromTable(fn.env), consts[i>>14], *ra, -1); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpSetUpval:
				*fn.ups[i>>23].v = *ra

			case OpSetTable:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if t := ra.Table(); t != nil && !t.readOnly {
					if rb.p == numberMark() {
						f := rb.Float()
						if x := int(f); uint(x-1) < uint(len(t.arr)) && float64(x) == f {
							if v := &t.arr[x-1]; v.p != nil || t.meta == nil {
								*v = *rc
								continue
							}
						}
					} else if rb.IsString() {
						if n := t.findStr((*str)(rb.p)); n != nil && (n.val.p != nil || t.meta == nil) {
							n.val, t.absent = *rc, 0
							continue
						}
					}
				}
				ci.pc = pc
				if err := L.setIndex(*ra, *rb, *rc, int(uint8(i>>6))); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpNewTable:
				t := s.NewTable(fieldCount(int(i>>23)), fieldCount(int(i>>14&0x1ff)))
				*ra = FromTable(t)
				if s.room < 0 || s.dead != nil {
					ci.pc = pc
					if err := s.tick(); err != nil {
						return err
					}
				}

			case OpSelf:
				rb, rc := regs[uint8(i>>23)], operand(regs, consts, i>>14)
				regs[uint8(i>>6+1)] = rb
				if t := rb.Table(); t != nil && rc.IsString() {
					if n := t.findStr((*str)(rc.p)); n != nil && n.val.p != nil {
						regs[uint8(i>>6)] = n.val
						continue
					}
				}
				ci.pc = pc
				v, err := L.index(rb, *rc, int(uint8(i>>23)))
				if err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				regs[uint8(i>>6)] = v

			case OpAdd:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() + rc.Float())
					continue
				}
				ci.pc = pc
				if err := L.arithOp(i, rb, rc); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpSub:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() - rc.Float())
					continue
				}
				ci.pc = pc
				if err := L.arithOp(i, rb, rc); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpMul:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() * rc.Float())
					continue
				}
				ci.pc = pc
				if err := L.arithOp(i, rb, rc); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpDiv:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() / rc.Float())
					continue
				}
				ci.pc = pc
				if err := L.arithOp(i, rb, rc); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpMod:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(modulo(rb.Float(), rc.Float()))
					continue
				}
				ci.pc = pc
				if err := L.arithOp(i, rb, rc); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpPow:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				ci.pc = pc
				if err := L.arithOp(i, rb, rc); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpUnm:
				rb := &regs[uint8(i>>23)]
				if rb.p == numberMark() {
					ra.float(-rb.Float())
					continue
				}
				ci.pc = pc
				if err := L.arithOp(i, rb, rb); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpNot:
				*ra = Bool(!regs[uint8(i>>23)].Truth())

			case OpLen:
				ci.pc = pc
				v, err := L.length(regs[uint8(i>>23)], int(uint8(i>>23)))
				if err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				regs[uint8(i>>6)] = v

			case OpConcat:
				ci.pc = pc
				b, c := int(uint8(i>>23)), int(uint8(i>>14))
				if err := L.concat(base+b, base+c, b); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				regs[uint8(i>>6)] = regs[uint8(b)]

			case OpJmp:
				d := int(i>>14) - maxSBx
				pc += d
				if d < 0 {
					if s.fuel--; s.fuel < 0 {
						ci.pc = pc
						if err := s.tick(); err != nil {
							return err
						}
					}
				}

			case OpEq, OpLt, OpLe:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				var is bool
				if rb.p == numberMark() && rc.p == numberMark() {
					switch x, y := rb.Float(), rc.Float(); Opcode(i & 0x3f) {
					case OpEq:
						is = x == y
					case OpLt:
						is = x < y
					default:
						is = x <= y
					}
				} else {
					ci.pc = pc
					var err error
					if is, err = L.compare(Opcode(i&0x3f), *rb, *rc); err != nil {
						return err
					}
					regs = (*[registers]Value)(L.stack[base:])
				}
				if is != (i>>6&0xff != 0) {
					pc++
					continue
				}
				d := int(code[pc]>>14) - maxSBx
				pc += d + 1
				if d < 0 {
					if s.fuel--; s.fuel < 0 {
						ci.pc = pc
						if err := s.tick(); err != nil {
							return err
						}
					}
				}

			case OpTest:
				if ra.Truth() != (i>>14&0x1ff != 0) {
					pc++
					continue
				}
				d := int(code[pc]>>14) - maxSBx
				pc += d + 1
				if d < 0 {
					if s.fuel--; s.fuel < 0 {
						ci.pc = pc
						if err := s.tick(); err != nil {
							return err
						}
					}
				}

			case OpTestSet:
				rb := &regs[uint8(i>>23)]
				if rb.Truth() != (i>>14&0x1ff != 0) {
					pc++
					continue
				}
				*ra = *rb
				d := int(code[pc]>>14) - maxSBx
				pc += d + 1
				if d < 0 {
					if s.fuel--; s.fuel < 0 {
						ci.pc = pc
						if err := s.tick(); err != nil {
							return err
						}
					}
				}

			case OpCall:
				ci.pc = pc
				if s.fuel--; s.fuel < 0 {
					if err := s.tick(); err != nil {
						return err
					}
				}
				at := base + int(uint8(i>>6))
				if b := int(i >> 23); b != 0 {
					L.top = at + b
				}
				f := ra.Function()
				if f == nil {
					var err error
					if f, err = L.callable(at, int(uint8(i>>6))); err != nil {
						return err
					}
				}
				want := int(i>>14&0x1ff) - 1
				if f.proto != nil {
					if _, err := L.enter(f, at, want); err != nil {
						return err
					}
					continue frames
				}
				if err := L.callGo(f, at, want); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])

			case OpTailCall:
				ci.pc = pc
				if s.fuel--; s.fuel < 0 {
					if err := s.tick(); err != nil {
						return err
					}
				}
				at := base + int(uint8(i>>6))
				if b := int(i >> 23); b != 0 {
					L.top = at + b
				}
				f := ra.Function()
				if f == nil {
					var err error
					if f, err = L.callable(at, int(uint8(i>>6))); err != nil {
						return err
					}
				}
				if f.proto == nil {
					if err := L.callGo(f, at, -1); err != nil {
						return err
					}
					regs = (*[registers]Value)(L.stack[base:])
					continue
				}
				if L.open != nil {
					L.closeUpvalues(base)
				}
				if n := L.top - at; n > manyValues {
					s.fuel -= n / valuesPerStep
				}
				L.top = ci.at + copy(L.stack[ci.at:], L.stack[at:L.top])
				ci.tails++
				if err := L.prepare(ci, f, ci.at); err != nil {
					return err
				}
				continue frames

			case OpReturn:
				if L.open != nil {
					L.closeUpvalues(base)
				}
				b := int(i>>23) - 1
				if b == 1 && ci.want == 1 {
					L.stack[ci.at] = *ra
				} else {
					L.leave(ci, base+int(uint8(i>>6)), b)
				}
				L.ci = ci.prev
				L.depth--
				if ci.fresh {
					return nil
				}
				continue frames

			case OpForLoop:
				a := uint8(i >> 6)
				step := regs[a+2].Float()
				x := ra.Float() + step
				limit := regs[a+1].Float()
				if step > 0 {
					if !(x <= limit) {
						continue
					}
				} else if !(limit <= x) {
					continue
				}
				ra.n = math.Float64bits(x)
				regs[a+3].float(x)
				pc += int(i>>14) - maxSBx
				if s.fuel--; s.fuel < 0 {
					ci.pc = pc
					if err := s.tick(); err != nil {
						return err
					}
				}

			case OpForPrep:
				ci.pc = pc
				if err := L.prepareFor(regs, uint8(i>>6)); err != nil {
					return err
				}
				pc += int(i>>14) - maxSBx

			case OpTForLoop:
				a := uint8(i >> 6)
				regs[a+5], regs[a+4], regs[a+3] = regs[a+2], regs[a+1], *ra
				at := base + int(a) + 3
				L.top = at + 3
				ci.pc = pc
				if err := L.call(at, int(i>>14&0x1ff)); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				if regs[a+3].p == nil {
					pc++
					continue
				}
				regs[a+2] = regs[a+3]
				pc += int(code[pc]>>14) - maxSBx + 1

			case OpSetList:
				n, c := int(i>>23), int(i>>14&0x1ff)
				if c == 0 {
					c = int(code[pc])
					pc++
				}
				ci.pc = pc
				a := base + int(uint8(i>>6))
				if n == 0 {
					n = L.top - a - 1
				}
				if err := L.setList(ra.Table(), L.stack[a+1:a+1+n], (c-1)*fieldsPerFlush); err != nil {
					return err
				}

			case OpClose:
				L.closeUpvalues(base + int(uint8(i>>6)))

			case OpClosure:
				p := fn.proto.P[i>>14]
				f := s.newClosure(p, fn.env)
				for at := range f.ups {
					u := code[pc]
					pc++
					if Opcode(u&0x3f) == OpGetUpval {
						f.ups[at] = fn.ups[u>>23]
					} else {
						f.ups[at] = L.upvalue(base + int(u>>23))
					}
				}
				*ra = FromFunction(f)
				if s.room < 0 {
					ci.pc = pc
					if err := s.tick(); err != nil {
						return err
					}
				}

			case OpVararg:
				ci.pc = pc
				if err := L.varargs(ci, base+int(uint8(i>>6)), int(i>>23)-1); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
			}
		}
	}
}

// operand is what RK(x) is, of which the low nine bits count.
func operand(regs *[registers]Value, consts []Value, x Instruction) *Value {
	if x&bitRK != 0 {
		return &consts[x&maxIndexK]
	}
	return &regs[uint8(x)]
}
