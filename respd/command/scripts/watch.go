package scripts

import (
	"errors"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"ledge/respd/command"
	"ledge/respd/lua"
	"ledge/respd/resp"
)

const (
	errKilled  resp.Error = "ERR Script killed by user with SCRIPT KILL..."
	errMaxTime resp.Error = "ERR Script ran for longer than script-max-time and was killed"
	errMemory  resp.Error = "ERR Script took more memory than script-max-memory and was killed"
	errStopped resp.Error = "ERR Script killed: the server is stopping"
	errLoad    resp.Error = "ERR FUNCTION LOAD timeout"
)

// A script is asked whether it may go on each so many steps, which is each 50 µs
// or so. A command counts as some steps.
const (
	checkEvery   = 1024
	callCost     = 64
	loadTime     = 500 * time.Millisecond
	readerBudget = 2 * time.Millisecond // of a script beside others' reads
	muchMemory   = 16 << 20             // allocated by a script, after which Config.Growing is called
)

// check decides whether the script that runs may go on. It yields to other
// goroutines, since the process may have one processor.
func (s *state) check() error {
	r := s.run
	if r == nil {
		return nil
	}
	took := time.Since(r.began)
	switch {
	case r.killed.Load():
		return errKilled
	case s.e.stopped.Load():
		return errStopped
	case r.loading && took > loadTime:
		return errLoad
	case r.beside && !r.loading && took > readerBudget:
		return command.ErrLater
	case took > milliseconds(s.e.maxTime.Load()):
		return errMaxTime
	}
	if r.beside {
		return nil
	}
	written := int64(r.written())
	if written > r.memory {
		return lua.ErrMemory
	}
	if _, allocated := s.lua.Used(); allocated+written > min(muchMemory, r.memory) && r.calm == nil && s.e.cfg.Growing != nil {
		r.calm = s.e.cfg.Growing(r.memory)
	}
	runtime.Gosched()
	return nil
}

// alarm says that a script runs for long, whatever it does. One timer serves all
// scripts: while they are short it fires now and then and finds none that has
// run for long enough, so that they need not set and stop it.
type alarm struct {
	e     *Engine
	armed atomic.Bool
	timer *time.Timer
}

func newAlarm(e *Engine) *alarm {
	a := &alarm{e: e}
	a.timer = time.AfterFunc(time.Hour, a.ring)
	a.timer.Stop()
	return a
}

// watch is called when a script has begun.
func (a *alarm) watch() {
	after := a.e.busyAfter.Load()
	if after > 0 && !a.armed.Load() && a.armed.CompareAndSwap(false, true) {
		a.timer.Reset(milliseconds(after))
	}
}

// changed is called when scripts count as long after another time.
func (a *alarm) changed() {
	a.armed.Store(true)
	a.timer.Reset(0)
}

func (a *alarm) ring() {
	// Whatever begins from here on arms it again.
	a.armed.Store(false)
	r, after := a.e.running.Load(), milliseconds(a.e.busyAfter.Load())
	if r == nil || after <= 0 || r.busy.Load() {
		return
	}
	took := time.Since(r.began)
	if took < after {
		if a.armed.CompareAndSwap(false, true) {
			a.timer.Reset(after - took)
		}
		return
	}
	if r.busy.CompareAndSwap(false, true) {
		a.e.cfg.Logger.Warn("slow script: writes of others are turned away until it ends",
			"script", r.name, "after", took)
		a.e.cfg.Busy()
	}
}

// giveBack returns memory to the system after a script that took much. It takes
// a while, so it is done beside whoever waits for the script's reply.
func (e *Engine) giveBack() {
	if e.giving.CompareAndSwap(false, true) {
		time.AfterFunc(0, func() {
			debug.FreeOSMemory()
			e.giving.Store(false)
		})
	}
}

// tookMuch reports whether a run was ended because of its memory.
func tookMuch(err error) bool { return errors.Is(err, lua.ErrMemory) }
