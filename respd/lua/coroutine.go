package lua

// status is what a coroutine does.
type status uint8

const (
	fresh     status = iota // was never resumed, or is the main thread
	runs                    // runs, or has resumed one that does
	suspended               // has yielded
	dead                    // has returned, or raised an error
)

// NewThread returns a coroutine that will run f.
func (L *Thread) NewThread(f *Function) *Thread {
	co := L.state.newThread()
	co.stack[0], co.top = FromFunction(f), 1
	return co
}

// Status is "running", "suspended", "normal" or "dead", as L sees co.
func (L *Thread) Status(co *Thread) string {
	switch {
	case co == L:
		return "running"
	case co.status == runs || co == L.state.main:
		return "normal"
	case co.status == dead:
		return "dead"
	}
	return "suspended"
}

// IsMain reports whether L is the main thread.
func (L *Thread) IsMain() bool { return L == L.state.main }

// Resume goes on with co. What it yields or returns is pushed on L: n values. caught
// is what it raised, also for one that is dead or running ("cannot resume dead
// coroutine").
func (L *Thread) Resume(co *Thread, args ...Value) (n int, caught *Error, err error) {
	if s := L.Status(co); s != "suspended" {
		return 0, L.textError("cannot resume " + s + " coroutine"), nil
	}
	if err := L.state.step(1); err != nil {
		return 0, nil, err
	}
	if L.nested >= maxCCalls {
		return 0, L.textError("C stack overflow"), nil
	}
	if err := co.reach(co.top + len(args)); err != nil {
		return 0, nil, err
	}
	co.top += copy(co.stack[co.top:], args)
	err = L.switchTo(co, len(args))
	if err != nil && err != errYield {
		co.status = dead
		co.closeUpvalues(0)
		caught, ok := err.(*Error)
		if ok {
			err = nil
		}
		return 0, caught, err
	}
	n = co.yielded
	if err := L.reach(L.top + n); err != nil {
		return 0, nil, err
	}
	from := co.top - n
	L.top += copy(L.stack[L.top:], co.stack[from:co.top])
	co.top = from
	return n, nil, nil
}

// switchTo lets co run until it yields or ends; what it hands out is the last
// co.yielded values up to its top.
func (L *Thread) switchTo(co *Thread, args int) error {
	begins := co.status == fresh
	co.resumer, co.status, co.nested = L, runs, L.nested+1
	co.above = co.nested
	L.state.running = co
	err := co.proceed(begins, args)
	L.state.running = L
	co.resumer = nil
	switch err {
	case nil:
		co.status = dead
		co.yielded = co.top
	case errYield:
		co.status = suspended
	}
	return err
}

// proceed begins or goes on.
func (L *Thread) proceed(begins bool, args int) error {
	if begins {
		f := (*Function)(L.stack[0].p)
		if f.proto == nil {
			return L.callGo(f, 0, -1)
		}
		ci, err := L.enter(f, 0, -1)
		if err != nil {
			return err
		}
		ci.fresh = true
		return L.exec()
	}
	// The arguments are what the call that has yielded returns.
	L.finish(L.ci, args)
	if L.ci == &L.root {
		return nil
	}
	return L.exec()
}

// Yield is what coroutine.yield returns: n results that have been pushed go to
// whoever resumed L. It is an *Error across calls of library functions and
// metamethods ("attempt to yield across metamethod/C-call boundary").
func (L *Thread) Yield(n int) (int, error) {
	if L.nested > L.above || L.IsMain() {
		return 0, L.runError("attempt to yield across metamethod/C-call boundary")
	}
	return n, errYield
}
