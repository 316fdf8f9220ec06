package lua

// Proto is the code of a function. It is made by Compile, never changed
// afterwards, and may be used by many states at once.
//
// Instructions, registers and constants are those of Lua 5.1's virtual machine,
// because the names of variables in error messages ("attempt to index local
// 't' (a nil value)") are found by going over them.
type Proto struct {
	Source     string // as the caller of Compile named it: "@user_script", "=x" or a text
	Line, Last int    // where the function begins and ends; 0 for a whole chunk
	NumUps     int
	NumParams  int
	IsVararg   bool
	// HasArg says that the register after the parameters is the local variable
	// "arg": functions have it that are declared with "...". It is a table of
	// the other arguments and their number n if NeedsArg is set, and else nil,
	// because the function uses "...".
	HasArg, NeedsArg bool
	MaxStack         int // registers
	Code             []Instruction
	K                []Value  // constants; strings are Shared
	P                []*Proto // functions inside
	Lines            []int32  // the line of each instruction
	Locals           []LocalVar
	UpNames          []string
}

// LocalVar says which instructions a local variable is there for.
type LocalVar struct {
	Name     string
	From, To int32
}

// Instruction is one of Lua 5.1's: six bits of opcode, then A (8), C (9) and
// B (9), or Bx (18) in place of C and B, or sBx, which is Bx less maxSBx.
type Instruction uint32

// Opcode is what an instruction does.
type Opcode uint8

// The opcodes. R(x) is a register, K(x) a constant, RK(x) a constant if x has
// bitRK set and a register otherwise.
const (
	OpMove      Opcode = iota // A B      R(A) := R(B)
	OpLoadK                   // A Bx     R(A) := K(Bx)
	OpLoadBool                // A B C    R(A) := B; if C, skip the next one
	OpLoadNil                 // A B      R(A) to R(B) := nil
	OpGetUpval                // A B      R(A) := upvalue B
	OpGetGlobal               // A Bx     R(A) := globals[K(Bx)]
	OpGetTable                // A B C    R(A) := R(B)[RK(C)]
	OpSetGlobal               // A Bx     globals[K(Bx)] := R(A)
	OpSetUpval                // A B      upvalue B := R(A)
	OpSetTable                // A B C    R(A)[RK(B)] := RK(C)
	OpNewTable                // A B C    R(A) := {}, with room for B items and C fields ("floating point bytes")
	OpSelf                    // A B C    R(A+1) := R(B); R(A) := R(B)[RK(C)]
	OpAdd                     // A B C    R(A) := RK(B) + RK(C); so the next ones
	OpSub
	OpMul
	OpDiv
	OpMod
	OpPow
	OpUnm      // A B      R(A) := -R(B)
	OpNot      // A B      R(A) := not R(B)
	OpLen      // A B      R(A) := #R(B)
	OpConcat   // A B C    R(A) := R(B) .. to .. R(C)
	OpJmp      // sBx      pc += sBx
	OpEq       // A B C    if (RK(B) == RK(C)) ~= A, skip the next one; so the next two
	OpLt       //
	OpLe       //
	OpTest     // A C      if truth of R(A) is not C, skip the next one
	OpTestSet  // A B C    if truth of R(B) is C, R(A) := R(B), else skip the next one
	OpCall     // A B C    R(A) to R(A+C-2) := R(A)(R(A+1) to R(A+B-1)); 0 in B: up to the top, in C: all results
	OpTailCall // A B C    return R(A)(R(A+1) to R(A+B-1))
	OpReturn   // A B      return R(A) to R(A+B-2); 0 in B: up to the top
	OpForLoop  // A sBx    R(A) += R(A+2); if it is not past R(A+1), pc += sBx and R(A+3) := R(A)
	OpForPrep  // A sBx    R(A) -= R(A+2); pc += sBx
	OpTForLoop // A C      R(A+3) to R(A+2+C) := R(A)(R(A+1), R(A+2)); if R(A+3) is not nil, R(A+2) := R(A+3), else skip the next one
	OpSetList  // A B C    R(A)[(C-1)*50+i] := R(A+i), 1 <= i <= B; 0 in B: up to the top; 0 in C: it is the next word
	OpClose    // A        close all upvalues from R(A) on
	OpClosure  // A Bx     R(A) := closure of P[Bx]; a Move or GetUpval for each upvalue follows
	OpVararg   // A B      R(A) to R(A+B-2) := ...; 0 in B: all of them
)

const (
	maxBx     = 1<<18 - 1
	maxSBx    = maxBx >> 1
	maxArgA   = 1<<8 - 1
	maxArgB   = 1<<9 - 1
	maxArgC   = 1<<9 - 1
	bitRK     = 1 << 8
	maxIndexK = bitRK - 1
	noReg     = maxArgA

	fieldsPerFlush = 50 // items that one SetList takes

	maxStackSize = 250   // registers of a function
	maxVars      = 200   // local variables of a function
	maxUpvalues  = 60    // of a function
	maxLocals    = 32767 // local variables of a function, in all of its blocks
	maxCCalls    = 200   // how deep syntax, metamethods, pcall and the like may nest
	maxCalls     = 20000 // how deep calls may nest
	maxCStack    = 8000  // values that a function of the library may return or take
)

func iABC(op Opcode, a, b, c int) Instruction {
	return Instruction(op) | Instruction(a)<<6 | Instruction(c)<<14 | Instruction(b)<<23
}

func iABx(op Opcode, a, bx int) Instruction {
	return Instruction(op) | Instruction(a)<<6 | Instruction(bx)<<14
}

func iAsBx(op Opcode, a, sbx int) Instruction { return iABx(op, a, sbx+maxSBx) }

func (i Instruction) op() Opcode { return Opcode(i & 0x3f) }
func (i Instruction) a() int     { return int(i >> 6 & 0xff) }
func (i Instruction) b() int     { return int(i >> 23) }
func (i Instruction) c() int     { return int(i >> 14 & 0x1ff) }
func (i Instruction) bx() int    { return int(i >> 14) }
func (i Instruction) sbx() int   { return int(i>>14) - maxSBx }

func (i *Instruction) setA(a int)     { *i = *i&^(0xff<<6) | Instruction(a)<<6 }
func (i *Instruction) setB(b int)     { *i = *i&^(0x1ff<<23) | Instruction(b)<<23 }
func (i *Instruction) setC(c int)     { *i = *i&^(0x1ff<<14) | Instruction(c)<<14 }
func (i *Instruction) setSBx(sbx int) { *i = *i&0x3fff | Instruction(sbx+maxSBx)<<14 }

func isK(x int) bool { return x&bitRK != 0 }
