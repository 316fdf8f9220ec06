package scripts

import (
	"context"
	"runtime"
	"runtime/metrics"
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errKilled  resp.Error = "ERR Script killed by user with SCRIPT KILL..."
	errMaxTime resp.Error = "ERR Script ran for longer than script-max-time and was killed"
	errMemory  resp.Error = "ERR Script took more memory than script-max-memory and was killed"
	errStopped resp.Error = "ERR Script killed: the server is stopping"
	errLoad    resp.Error = "ERR FUNCTION LOAD timeout"
)

// How often a watch looks around, in instructions; a command counts as many.
// An instruction of a loop takes some 50 ns, so they look each 50 µs or so.
const (
	lookEvery    = 1024
	callCost     = 64
	sampleEvery  = 32       // looks between two samples of the memory in use
	sampleBytes  = 32 << 20 // made by a script between two samples
	loadTime     = 500 * time.Millisecond
	readerBudget = 2 * time.Millisecond // of a script beside others' reads
)

// watch is the context of a Lua state. Lua asks it before each instruction
// whether to go on, which is where a script's time is counted: it yields to
// other goroutines, since the process may have one processor, and stops the
// script when its time is up. Asking could not be told from the noise beside
// what an instruction costs.
type watch struct {
	context.Context // never ends by itself
	e               *Engine
	r               *run
	left            int // instructions until the next look
	looks           int
	made            int // bytes of strings since the last sample
	base            uint64
	sampled         bool
	cause           error // set when the script has to end
	sample          [1]metrics.Sample
}

var ended = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done returns nil as long as the script may run.
func (w *watch) Done() <-chan struct{} {
	if w.left--; w.left > 0 {
		return nil
	}
	return w.look()
}

// Err returns why the script has to end.
func (w *watch) Err() error { return w.cause }

// begin starts the clock for a run.
func (w *watch) begin(r *run) {
	w.r, w.left, w.looks, w.made, w.sampled, w.cause = r, lookEvery, 0, 0, false, nil
}

// stop makes every further instruction fail, so that no pcall can go on.
func (w *watch) stop(cause error) {
	w.cause, w.left = cause, 0
}

// grew is told that the script has made a string of n bytes.
func (w *watch) grew(n int) {
	if w.made += n; w.made > sampleBytes {
		w.left = 0
	}
}

func (w *watch) look() <-chan struct{} {
	if w.cause == nil {
		w.judge()
	}
	if w.cause != nil {
		w.left = 0
		return ended
	}
	w.left = lookEvery
	return nil
}

// judge decides whether the script goes on.
func (w *watch) judge() {
	r := w.r
	if r == nil {
		return
	}
	took := time.Since(r.began)
	switch {
	case r.killed.Load():
		w.cause = errKilled
	case w.e.stopped.Load():
		w.cause = errStopped
	case r.loading && took > loadTime:
		w.cause = errLoad
	case r.beside && !r.loading && took > readerBudget:
		w.cause = command.ErrLater
	case took > milliseconds(w.e.maxTime.Load()):
		w.cause = errMaxTime
	case !r.beside && !r.busy.Load() && took > milliseconds(w.e.busyAfter.Load()) && w.e.busyAfter.Load() > 0:
		r.busy.Store(true)
		w.e.cfg.Logger.Warn("slow script: writes of others are turned away until it ends",
			"script", r.name, "after", took)
		w.e.cfg.Busy()
	}
	if w.looks++; w.looks%sampleEvery == 0 || w.made > sampleBytes {
		w.weigh()
	}
	if !r.beside {
		runtime.Gosched()
	}
}

// weigh compares the memory in use with what it was when it was first looked
// at. Lua's memory is Go's, so what others take counts too; garbage doesn't.
func (w *watch) weigh() {
	w.made = 0
	inUse := w.inUse()
	if !w.sampled {
		w.base, w.sampled = inUse, true
	}
	limit := uint64(w.e.maxMemory.Load())
	if w.cause != nil || inUse < w.base+limit {
		return
	}
	runtime.GC()
	if w.inUse() > w.base+limit {
		w.cause = errMemory
	}
}

func (w *watch) inUse() uint64 {
	w.sample[0].Name = "/memory/classes/heap/objects:bytes"
	metrics.Read(w.sample[:])
	return w.sample[0].Value.Uint64()
}
