// Package scripts has the commands that run Lua: EVAL and its kin, SCRIPT,
// FUNCTION and FCALL.
//
// A script is one journal entry. It runs on the draft, on the writer's
// goroutine, and the commands that it calls do to the draft what they do
// outside; what it did is undone if it raises an error, is killed or takes too
// long. Scripts that only read run where other reads run, and go on to the
// writer if they take long, so that neither the event loop nor a batch that
// waits to be applied is held up by them.
package scripts

import (
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// Config is what an Engine needs of the server around it. Zero fields do
// nothing.
type Config struct {
	// OutOfMemory reports whether commands that need memory are refused.
	OutOfMemory func() bool
	// Growing is called when a script has begun to allocate much. It may let it
	// have so many bytes; done is called when it has ended. nil means that nobody
	// minds.
	Growing func(bytes int64) (done func())
	// Refusal returns why the journal takes no writes at present, or nil. frees
	// says that the write is one that frees room.
	Refusal func(frees bool) error
	// Busy is told when a script has run for so long that others' writes are
	// turned away from now on. It must not wait.
	Busy   func()
	Logger *slog.Logger
}

// Limits of what scripts may take.
const (
	defaultBusyAfter = 5000   // ms
	defaultMaxTime   = 30_000 // ms
	// defaultMaxMemory is how many bytes a script may have, and memoryShare is the part
	// of what bounds the process that they may be at most, unless somebody has said
	// how many. leastMemory is what each may have.
	defaultMaxMemory = 256 << 20
	memoryShare      = 8
	leastMemory      = 1 << 20
	// keepStates is how many idle Lua states are kept: the writer's, the event
	// loop's, and two for times when those are not enough.
	keepStates = 4
)

// Engine runs the scripts of one server: it has the script cache, the Lua
// states, and the script that runs at the moment. It may be used by any
// goroutine.
type Engine struct {
	cfg   Config
	host  command.Host
	table *command.Table
	cache *cache
	libs  protos // compiled function libraries, by their code

	mu   sync.Mutex
	idle []*state // mu

	// running is the script on the writer's goroutine. There is one at most.
	running atomic.Pointer[run]
	stopped atomic.Bool
	alarm   *alarm
	giving  atomic.Bool // memory is being returned to the system

	busyAfter, maxTime atomic.Int64
	// maxMemory is what somebody has said that a script may have, 0 for as much as
	// bound lets it: what the process may take, 0 for any.
	maxMemory, bound atomic.Int64
}

// New returns an Engine. Serve must be called before a script runs.
func New(cfg Config) *Engine {
	if cfg.OutOfMemory == nil {
		cfg.OutOfMemory = func() bool { return false }
	}
	if cfg.Refusal == nil {
		cfg.Refusal = func(bool) error { return nil }
	}
	if cfg.Busy == nil {
		cfg.Busy = func() {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, cache: newCache()}
	e.busyAfter.Store(defaultBusyAfter)
	e.maxTime.Store(defaultMaxTime)
	e.alarm = newAlarm(e)
	return e
}

// SetBound says what the process may take, in bytes; 0 is any. Scripts that begin from
// then on may have a share of that.
func (e *Engine) SetBound(bytes int64) {
	e.bound.Store(bytes)
	most := int64(maxScriptBytes)
	if bytes > 0 {
		most = min(most, max(bytes/memoryShare, leastMemory)/cacheShare)
	}
	e.cache.most.Store(most)
}

// memory is how many bytes a script may have.
func (e *Engine) memory() int64 {
	if set := e.maxMemory.Load(); set > 0 {
		return set
	}
	if bound := e.bound.Load(); bound > 0 {
		return min(defaultMaxMemory, max(bound/memoryShare, leastMemory))
	}
	return defaultMaxMemory
}

// Serve says which commands scripts may call, and on which server. The host
// may be nil: then scripts have no commands that are about the server.
func (e *Engine) Serve(t *command.Table, h command.Host) { e.table, e.host = t, h }

// family is what all rows here have in common.
var family = command.Family{Group: "scripting", Cats: []string{"scripting"}}

// Table returns the family's commands.
func (e *Engine) Table() []*command.Spec {
	return []*command.Spec{
		e.eval(), e.evalRO(), e.evalSHA(), e.evalSHARO(), e.fcall(), e.fcallRO(),
		e.script(), e.function(),
	}
}

// ErrBusy turns writes away while a script runs that takes long.
const ErrBusy resp.Error = "BUSY Redis is busy running a script. " +
	"You can only call SCRIPT KILL or SHUTDOWN NOSAVE."

const errBusyFunction resp.Error = "BUSY Redis is busy running a script. " +
	"You can only call FUNCTION KILL or SHUTDOWN NOSAVE."

// Busy returns why writes have to be turned away, or nil.
func (e *Engine) Busy() error {
	r := e.running.Load()
	switch {
	case r == nil || !r.busy.Load():
		return nil
	case r.function:
		return errBusyFunction
	}
	return ErrBusy
}

// Runs reports whether a script is being carried out.
func (e *Engine) Runs() bool { return e.running.Load() != nil }

// Stop ends the script that runs, if any, and lets no other begin.
func (e *Engine) Stop() { e.stopped.Store(true); e.alarm.timer.Stop() }

// Params are the parameters of CONFIG that concern scripts.
func (e *Engine) Params() []command.Param {
	const busy = "busy-reply-threshold"
	old := command.NumberParam("lua-time-limit", &e.busyAfter, atLeast(0), e.alarm.changed)
	old.Owner = busy
	return []command.Param{
		old,
		command.NumberParam(busy, &e.busyAfter, atLeast(0), e.alarm.changed),
		command.NumberParam("script-max-time", &e.maxTime, atLeast(1), nil),
		e.memoryParam(),
	}
}

// memoryParam is the parameter that says how much memory a script may have. Setting it
// to 0, as resetting it does, has it follow what bounds the process again.
func (e *Engine) memoryParam() command.Param {
	check := func(x int64, whole bool) error {
		if whole && x == 0 {
			return nil
		}
		return atLeast(leastMemory)(x, whole)
	}
	p := command.NumberParam("script-max-memory", &e.maxMemory, check, nil)
	p.Get, p.AtFirst = func() string { return strconv.FormatInt(e.memory(), 10) }, "0"
	return p
}

// atLeast says why a number can't be taken.
func atLeast(least int64) func(x int64, whole bool) error {
	return func(x int64, whole bool) error {
		if !whole || x < least {
			return resp.Error("argument must be a number of at least " + strconv.FormatInt(least, 10))
		}
		return nil
	}
}

// acquire returns a Lua state for one run.
func (e *Engine) acquire() *state {
	e.mu.Lock()
	if n := len(e.idle); n > 0 {
		s := e.idle[n-1]
		e.idle = e.idle[:n-1]
		e.mu.Unlock()
		return s
	}
	e.mu.Unlock()
	return newState(e)
}

// release takes a Lua state back.
func (e *Engine) release(s *state) {
	if s.broken {
		return
	}
	s.end()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.idle) < keepStates {
		e.idle = append(e.idle, s)
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
