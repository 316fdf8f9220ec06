package lua

import "math"

// Thread is a coroutine, or the main thread: a stack of calls.
//
// The values of all calls are in one slice, which moves when it grows. What a
// function sees as registers are the 256 values from its base on; so the slice
// always reaches that far, and no index of an instruction can be past it.
type Thread struct {
	stack []Value
	// top is the end of a library function's arguments and of what it has
	// pushed. While Lua code runs it matters only from an instruction with an
	// open number of results to the one that takes them.
	top   int
	ci    *frame
	root  frame // is below all calls
	depth int   // calls that run
	// nested counts calls that recurse in Go: through metamethods, pcall, sort
	// and the like. above is what it was when the thread was resumed.
	nested, above int
	open          *upval // variables on the stack that closures use, topmost first
	state         *State
	resumer       *Thread // whoever resumed it, while it runs
	status        status
	handler       Value // of errors, which the innermost protected call has
	over          bool  // an error about too many calls is being dealt with
	yielded       int   // how many values it yields, from top down
	made          int   // frames that there are, to be used again
	id            uint32
	seen          uint32 // the survey that has counted it last
}

// frame is a call.
type frame struct {
	fn         *Function
	prev, next *frame // next is one to be used for the next call, if there is one
	at         int    // where the function is on the stack, and its results go
	base       int    // the first register or argument
	pc         int    // the next instruction, when another call runs
	want       int    // results wanted; -1 for all
	tails      int    // tail calls whose frames were lost to this one
	held       int64  // bytes that a library function has reserved
	fresh      bool   // exec returns when this call does
}

const (
	registers  = 256     // values that a function can reach from its base
	smallStack = 64      // values that a stack begins with, besides
	slack      = 40      // values that a library function may push without asking
	maxValues  = 1 << 23 // values of a stack
	smallMade  = 64      // frames that the main thread keeps
)

func (s *State) newThread() *Thread {
	L := &Thread{state: s, stack: make([]Value, registers+smallStack), id: s.serial()}
	s.charge(threadBytes + int64(len(L.stack))*valueBytes)
	L.ci = &L.root
	return L
}

// State returns whose thread it is.
func (L *Thread) State() *State { return L.state }

// reset makes the thread as it was at first.
func (L *Thread) reset() {
	L.closeUpvalues(0)
	if len(L.stack) > 1024+registers {
		L.stack = make([]Value, registers+smallStack)
	} else {
		clear(L.stack)
	}
	if L.made > smallMade {
		L.root.next, L.made = nil, 0
	}
	for f := &L.root; f != nil; f = f.next {
		f.fn, f.held = nil, 0
	}
	L.ci, L.top, L.depth, L.nested, L.above, L.over = &L.root, 0, 0, 0, 0, false
}

// used returns how much of the stack is in use.
func (L *Thread) used() int {
	top := L.top
	if f := L.ci.fn; f != nil && f.proto != nil {
		top = max(top, L.ci.base+f.proto.MaxStack)
	}
	return min(top, len(L.stack))
}

// reach makes sure that the stack has an index and the registers from there on.
func (L *Thread) reach(index int) error {
	if index+registers <= len(L.stack) {
		return nil
	}
	if index > maxValues {
		return L.runError("stack overflow")
	}
	size := max(2*len(L.stack), index+registers)
	if err := L.state.grow(int64(size) * valueBytes); err != nil {
		return err
	}
	L.moveStack(size)
	return nil
}

func (L *Thread) moveStack(size int) {
	stack := make([]Value, size)
	copy(stack, L.stack)
	L.stack = stack
	for u := L.open; u != nil; u = u.next {
		u.v = &stack[u.at]
	}
}

// moreFrames makes frames for calls from here on, and returns the first.
func (L *Thread) moreFrames() *frame {
	n := min(max(4, L.made), 256)
	fs := make([]frame, n)
	L.made += n
	L.state.charge(int64(n) * frameBytes)
	for i := range fs {
		if i > 0 {
			fs[i].prev = &fs[i-1]
		}
		if i+1 < n {
			fs[i].next = &fs[i+1]
		}
	}
	fs[0].prev = L.ci
	L.ci.next = &fs[0]
	return &fs[0]
}

// Top returns the number of arguments, and of what has been pushed since.
func (L *Thread) Top() int { return L.top - L.ci.base }

// SetTop cuts arguments off, or adds nils.
func (L *Thread) SetTop(n int) {
	top := L.ci.base + n
	if top <= L.top {
		L.top = top
		return
	}
	if L.ensure(n - L.Top()) {
		clear(L.stack[L.top:top])
		L.top = top
	}
}

// Arg returns argument i, from 1 on; Nil if there is none.
func (L *Thread) Arg(i int) Value {
	if at := L.ci.base + i - 1; at < L.top {
		return L.stack[at]
	}
	return Nil
}

// SetArg changes it.
func (L *Thread) SetArg(i int, v Value) {
	if at := L.ci.base + i - 1; at < L.top {
		L.stack[at] = v
	}
}

// ensure makes room for n values from the top on. It reports false if there is
// none; then the script ends at its next step.
func (L *Thread) ensure(n int) bool {
	if L.top+n <= len(L.stack) {
		return true
	}
	return L.reach(L.top+n) == nil
}

// Push adds a result. At most maxCStack may be pushed: ask Room for many.
func (L *Thread) Push(v ...Value) {
	if L.ensure(len(v)) {
		L.top += copy(L.stack[L.top:], v)
	}
}

// PushString pushes a string, which is charged to the script.
func (L *Thread) PushString(s string) { L.Push(L.String(s)) }

// Room makes room for n results or arguments. It reports false if that is more
// than a function of the library may have ("too many results to unpack").
func (L *Thread) Room(n int) bool {
	return n >= 0 && n <= maxCStack && L.Top()+n <= maxCStack && L.ensure(n)
}

// String returns a string of this state, which is charged to the script. s must
// not share memory with a much larger string: cut with strings.Clone.
func (L *Thread) String(s string) Value { return L.state.newString(s) }

// Bytes is String for bytes, which are copied.
func (L *Thread) Bytes(b []byte) Value { return L.state.newString(string(b)) }

// NewTable is State.NewTable.
func (L *Thread) NewTable(items, fields int) *Table { return L.state.NewTable(items, fields) }

// float sets a register to a number, without touching the pointer if it was one.
func (v *Value) float(f float64) {
	v.n = math.Float64bits(f)
	if v.p != numberMark() {
		v.p = numberMark()
	}
}
