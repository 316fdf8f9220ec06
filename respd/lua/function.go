package lua

// GoFunction is a function of the library. Its arguments are L.Arg(1) to
// L.Arg(L.Top()). It pushes its results and returns how many. The error is an
// *Error, which pcall catches, or one that ends the script.
type GoFunction func(L *Thread) (results int, err error)

// Function is a closure of Lua code, or a function of the library.
type Function struct {
	proto *Proto // nil for one of the library
	ups   []*upval
	env   *Table
	fn    GoFunction
	id    uint32 // stands for the address of Lua 5.1
	seen  uint32 // the survey that has counted it last
}

// upval is a variable of a function outside. While that function runs, the
// variable is on its stack.
type upval struct {
	v    *Value // where the variable is
	own  Value  // it is here after its function has left it
	next *upval // of those that are on the stack, the next one further down
	at   int    // the index on the stack
	seen uint32 // the survey that has counted it last
}

// NewFunction returns a function of the library.
func (s *State) NewFunction(fn GoFunction) *Function {
	s.charge(functionBytes)
	return &Function{fn: fn, id: s.serial()}
}

// Load returns the function that a chunk is, with its globals.
func (s *State) Load(p *Proto, globals *Table) *Function {
	f := s.newClosure(p, globals)
	for i := range f.ups {
		u := &upval{}
		u.v = &u.own
		f.ups[i] = u
	}
	return f
}

func (s *State) newClosure(p *Proto, env *Table) *Function {
	s.charge(functionBytes + int64(p.NumUps)*8)
	f := &Function{proto: p, env: env, id: s.serial()}
	if p.NumUps > 0 {
		f.ups = make([]*upval, p.NumUps)
	}
	return f
}

// IsGo reports whether f is a function of the library.
func (f *Function) IsGo() bool { return f.proto == nil }

// Globals returns the table that f's globals are in.
func (f *Function) Globals() *Table { return f.env }

// SetGlobals changes it.
func (f *Function) SetGlobals(t *Table) { f.env = t }

// upvalue returns the variable at an index of the stack, for a closure that
// uses it.
func (L *Thread) upvalue(at int) *upval {
	p := &L.open
	for *p != nil && (*p).at > at {
		p = &(*p).next
	}
	if *p != nil && (*p).at == at {
		return *p
	}
	L.state.charge(upvalBytes)
	u := &upval{v: &L.stack[at], at: at, next: *p}
	*p = u
	return u
}

// closeUpvalues lets the variables from an index on leave the stack.
func (L *Thread) closeUpvalues(from int) {
	for L.open != nil && L.open.at >= from {
		u := L.open
		L.open, u.next = u.next, nil
		u.own = *u.v
		u.v = &u.own
	}
}
