package lua

// enter makes the frame of a Lua function that is on the stack, followed by its
// arguments up to the top.
func (L *Thread) enter(f *Function, at, want int) (*frame, error) {
	if L.depth >= maxCalls-1 {
		if err := L.tooDeep(); err != nil {
			return nil, err
		}
	}
	ci := L.ci.next
	if ci == nil {
		ci = L.moreFrames()
	}
	ci.want, ci.tails, ci.held, ci.fresh = want, 0, 0, false
	if err := L.prepare(ci, f, at); err != nil {
		return nil, err
	}
	L.ci = ci
	L.depth++
	return ci, nil
}

// prepare lets a frame begin a Lua function, whose registers it sets up.
func (L *Thread) prepare(ci *frame, f *Function, at int) error {
	p := f.proto
	base, top := at+1, L.top
	if p.IsVararg {
		base += max(top-base, p.NumParams)
	}
	if base+registers > len(L.stack) {
		if err := L.reach(base); err != nil {
			return err
		}
	}
	switch {
	case p.IsVararg:
		top = L.shiftArgs(p, at+1, base)
	case top > base+p.NumParams:
		top = base + p.NumParams
	}
	// What the code has not set it expects to be nil.
	if end := base + p.MaxStack; top < end {
		regs := L.stack[top:end]
		for i := range regs {
			regs[i] = Value{}
		}
	}
	ci.fn, ci.at, ci.base, ci.pc = f, at, base, 0
	return nil
}

// shiftArgs copies the parameters that have names past all arguments, to base,
// where the function's registers begin. It returns the end of what it set.
func (L *Thread) shiftArgs(p *Proto, from, base int) int {
	arg := Nil
	if p.NeedsArg {
		// Before anything is past the top, because what is there is cleared
		// when memory is counted.
		extra := L.stack[min(from+p.NumParams, L.top):L.top]
		t := L.state.NewTable(len(extra), 1)
		for i, v := range extra {
			t.SetInt(i+1, v)
		}
		t.SetString("n", Int(len(extra)))
		arg = FromTable(t)
	}
	n := copy(L.stack[base:base+p.NumParams], L.stack[from:L.top])
	clear(L.stack[base+n : base+p.NumParams])
	clear(L.stack[from : from+n])
	top := base + p.NumParams
	if p.NeedsArg {
		L.stack[top] = arg
		top++
	}
	return top
}

// tooDeep is asked when there are as many calls as there may be. Handlers of
// the error may go on for some more.
func (L *Thread) tooDeep() error {
	switch {
	case !L.over:
		L.over = true
		return L.runError("stack overflow")
	case L.depth >= maxCalls+maxCalls/8:
		return L.handlerError()
	}
	return nil
}

// callGo calls a library function that is on the stack, and puts its results
// in its place.
func (L *Thread) callGo(f *Function, at, want int) error {
	if L.depth >= maxCalls-1 {
		if err := L.tooDeep(); err != nil {
			return err
		}
	}
	ci := L.ci.next
	if ci == nil {
		ci = L.moreFrames()
	}
	if L.top+slack > len(L.stack) {
		if err := L.reach(L.top); err != nil {
			return err
		}
	}
	ci.fn, ci.at, ci.base, ci.want = f, at, at+1, want
	ci.tails, ci.held, ci.fresh = 0, 0, false
	L.ci = ci
	L.depth++
	n, err := f.fn(L)
	if err != nil {
		if err == errYield {
			L.yielded = n
		}
		return err
	}
	L.finish(ci, n)
	return nil
}

// finish ends the frame of a library function that has pushed n results.
func (L *Thread) finish(ci *frame, n int) {
	at, from := ci.at, max(L.top-n, ci.base)
	if n > manyValues {
		L.state.fuel -= n / valuesPerStep
	}
	L.ci = ci.prev
	L.depth--
	switch {
	case ci.want == 1:
		if n > 0 {
			L.stack[at] = L.stack[from]
		} else {
			L.stack[at] = Nil
		}
	case ci.want < 0:
		L.top = at + copy(L.stack[at:], L.stack[from:L.top])
	default:
		n = copy(L.stack[at:at+ci.want], L.stack[from:L.top])
		clear(L.stack[at+n : at+ci.want])
	}
}

// call calls what is on the stack, followed by its arguments up to the top, from
// Go. Its results take its place; with want < 0, the top ends them.
func (L *Thread) call(at, want int) error {
	if err := L.state.step(1); err != nil {
		return err
	}
	if L.nested++; L.nested >= maxCCalls {
		switch {
		case L.nested == maxCCalls:
			return L.runError("C stack overflow")
		case L.nested >= maxCCalls+maxCCalls/8:
			return L.handlerError()
		}
	}
	f := L.stack[at].Function()
	if f == nil {
		var err error
		if f, err = L.callable(at, -1); err != nil {
			return err
		}
	}
	if f.proto == nil {
		if err := L.callGo(f, at, want); err != nil {
			return err
		}
	} else {
		ci, err := L.enter(f, at, want)
		if err != nil {
			return err
		}
		ci.fresh = true
		if err := L.exec(); err != nil {
			return err
		}
	}
	L.nested--
	return nil
}

// callable makes room for the __call metamethod of what is on the stack, and
// returns it.
func (L *Thread) callable(at, reg int) (*Function, error) {
	v := L.stack[at]
	f := L.metamethod(v, eventCall).Function()
	if f == nil {
		return nil, L.typeError(v, "call", reg)
	}
	if err := L.reach(L.top + 1); err != nil {
		return nil, err
	}
	copy(L.stack[at+1:L.top+1], L.stack[at:L.top])
	L.stack[at] = FromFunction(f)
	L.top++
	return f, nil
}

// scratch returns where to put a function and its arguments to call it from
// Go. There is room for some.
func (L *Thread) scratch() (int, error) {
	at := L.top
	if f := L.ci.fn; f != nil && f.proto != nil {
		at = L.ci.base + f.proto.MaxStack
	}
	return at, L.reach(at + slack)
}

// push puts a function and its arguments on the stack, and returns where the
// function is.
func (L *Thread) push(f Value, args []Value) (int, error) {
	at := L.top
	if err := L.reach(at + len(args) + 1); err != nil {
		return 0, err
	}
	L.stack[at] = f
	copy(L.stack[at+1:], args)
	L.top = at + 1 + len(args)
	return at, nil
}

// Call calls f with args from within a library function and leaves its results
// pushed: want of them, or all if want < 0. It returns how many. The error may be
// handed on as it is.
func (L *Thread) Call(f Value, want int, args ...Value) (int, error) {
	at, err := L.push(f, args)
	if err != nil {
		return 0, err
	}
	if err := L.call(at, want); err != nil {
		return 0, err
	}
	if want >= 0 {
		L.top = at + want
	}
	return L.top - at, nil
}

// Call1 is Call for one result, which it returns.
func (L *Thread) Call1(f Value, args ...Value) (Value, error) {
	at, err := L.push(f, args)
	if err == nil {
		err = L.call(at, 1)
	}
	if err != nil {
		return Nil, err
	}
	L.top = at
	return L.stack[at], nil
}

// PCall is Call that catches an *Error, after which the stack is as before the
// call. handler is nil or is called where the error was raised. caught is what
// was raised; err is an error that ends the script.
func (L *Thread) PCall(f Value, handler Value, args ...Value) (n int, caught *Error, err error) {
	at, err := L.push(f, args)
	if err != nil {
		return 0, nil, err
	}
	caught, err = L.protect(at, handler)
	return L.top - at, caught, err
}

// PCallArgs is PCall for a function that is argument i and has the arguments
// that follow. Its results take their place.
func (L *Thread) PCallArgs(i int, handler Value) (n int, caught *Error, err error) {
	at := L.ci.base + i - 1
	if at >= L.top {
		return 0, nil, L.ArgError(i, "value expected")
	}
	caught, err = L.protect(at, handler)
	return L.top - at, caught, err
}

// protect is call for all results that catches errors.
func (L *Thread) protect(at int, handler Value) (*Error, error) {
	ci, depth, nested, outer := L.ci, L.depth, L.nested, L.handler
	L.handler = handler
	err := L.call(at, -1)
	L.handler = outer
	if err == nil {
		return nil, nil
	}
	e, ok := err.(*Error)
	if ok && !handler.IsNil() {
		e, err = L.handle(e, handler)
		ok = err == nil
	}
	if !ok {
		L.state.ending(L)
	}
	L.closeUpvalues(at)
	L.ci, L.depth, L.nested, L.top = ci, depth, nested, at
	if L.depth < maxCalls-1 {
		L.over = false
	}
	if !ok {
		return nil, err
	}
	return e, nil
}

// handle calls a handler for an error, before the calls that led to it are let
// go of. An error in the handler is handled in turn, until that nests too deep.
func (L *Thread) handle(e *Error, handler Value) (*Error, error) {
	for !e.final {
		var err error
		if !handler.IsFunction() {
			err = L.handlerError()
		} else if at, full := L.scratch(); full != nil {
			err = full
		} else {
			L.stack[at], L.stack[at+1], L.top = handler, e.Value, at+2
			if err = L.call(at, 1); err == nil {
				return &Error{Value: L.stack[at]}, nil
			}
		}
		inner, ok := err.(*Error)
		if !ok {
			return nil, err
		}
		e = inner
	}
	return e, nil
}

// Run calls a function from outside, on a thread that runs nothing, and
// returns its first result. handler, if there is one, is called with what was
// raised, where it was raised, and its result is the *Error's value.
func (L *Thread) Run(f, handler *Function, args ...Value) (Value, error) {
	at, err := L.push(FromFunction(f), args)
	if err != nil {
		return Nil, err
	}
	caught, err := L.protect(at, FromFunction(handler))
	if caught != nil {
		err = caught
	}
	v := Nil
	if err == nil && L.top > at {
		v = L.stack[at]
	}
	L.top = at
	return v, err
}
