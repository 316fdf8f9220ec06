package lua

import "math"

// exec runs the Lua function that L.ci is the frame of, and those that it
// calls, until the frame that is marked as fresh returns.
//
// It is one function, and repeats itself, for speed: what an instruction needs
// in the usual case is here, almost without calls, and ends with continue. A case
// that ends otherwise leaves the instruction to slow, which may move the stack and
// say that another instruction is next, so that regs and pc are taken anew after it.
// The methods that some cases call in place of slow are those in which the way
// there would show. They are given ci and i only: more that has to be kept for them
// costs every instruction a register. Before anything that may fail, call or count
// the memory, ci.pc is set.
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
				continue

			case OpLoadK:
				*ra = consts[i>>14]
				continue

			case OpLoadBool:
				*ra = Bool(i>>23 != 0)
				if i>>14&0x1ff != 0 {
					pc++
				}
				continue

			case OpLoadNil:
				for at := int(uint8(i >> 6)); at <= int(uint8(i>>23)); at++ {
					regs[at&0xff] = Value{}
				}
				continue

			case OpGetUpval:
				*ra = *fn.ups[i>>23].v
				continue

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

			case OpSetUpval:
				*fn.ups[i>>23].v = *ra
				continue

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
				if err := L.setTable(ci, i); err != nil {
					return err
				}
				regs = (*[registers]Value)(L.stack[base:])
				continue

			case OpNewTable:
				*ra = FromTable(s.NewTable(fieldCount(int(i>>23)), fieldCount(int(i>>14&0x1ff))))
				if s.room >= 0 && s.dead == nil {
					continue
				}

			case OpSelf:
				rb, rc := regs[uint8(i>>23)], operand(regs, consts, i>>14)
				if t := rb.Table(); t != nil && rc.IsString() {
					if n := t.findStr((*str)(rc.p)); n != nil && n.val.p != nil {
						regs[uint8(i>>6+1)] = rb
						*ra = n.val
						continue
					}
				}

			case OpAdd:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() + rc.Float())
					continue
				}

			case OpSub:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() - rc.Float())
					continue
				}

			case OpMul:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() * rc.Float())
					continue
				}

			case OpDiv:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(rb.Float() / rc.Float())
					continue
				}

			case OpMod:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					ra.float(modulo(rb.Float(), rc.Float()))
					continue
				}

			case OpUnm:
				if rb := &regs[uint8(i>>23)]; rb.p == numberMark() {
					ra.float(-rb.Float())
					continue
				}

			case OpNot:
				*ra = Bool(!regs[uint8(i>>23)].Truth())
				continue

			case OpLen:
				if t := regs[uint8(i>>23)].Table(); t != nil {
					*ra = Int(t.Len())
					continue
				}

			case OpJmp:
				goto jump

			case OpEq, OpLt, OpLe:
				rb, rc := operand(regs, consts, i>>23), operand(regs, consts, i>>14)
				if rb.p == numberMark() && rc.p == numberMark() {
					var is bool
					switch x, y := rb.Float(), rc.Float(); Opcode(i & 0x3f) {
					case OpEq:
						is = x == y
					case OpLt:
						is = x < y
					default:
						is = x <= y
					}
					if is != (i>>6&0xff != 0) {
						pc++
						continue
					}
					goto held
				}

			case OpTest:
				if ra.Truth() != (i>>14&0x1ff != 0) {
					pc++
					continue
				}
				goto held

			case OpTestSet:
				rb := &regs[uint8(i>>23)]
				if rb.Truth() != (i>>14&0x1ff != 0) {
					pc++
					continue
				}
				*ra = *rb
				goto held

			case OpCall:
				ci.pc = pc
				at := base + int(uint8(i>>6))
				if b := int(i >> 23); b != 0 {
					L.top = at + b
				}
				f := ra.Function()
				if s.fuel--; s.fuel < 0 || f == nil {
					var err error
					if f, err = L.callee(at, int(uint8(i>>6))); err != nil {
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
				continue

			case OpTailCall:
				ci.pc = pc
				if err := L.tailCall(ci, i); err != nil {
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
				goto jump

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
				continue

			case OpClosure:
				ci.pc = pc
				if err := L.closure(ci, i); err != nil {
					return err
				}
				pc = ci.pc
				continue

			case OpClose:
				L.closeUpvalues(base + int(uint8(i>>6)))
				continue
			}
			ci.pc = pc
			if err := L.slow(ci, i); err != nil {
				return err
			}
			pc, regs = ci.pc, (*[registers]Value)(L.stack[base:])
			continue

		held: // A test has come true, and the jump after it is made at once.
			i = code[pc]
			pc++
		jump:
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
