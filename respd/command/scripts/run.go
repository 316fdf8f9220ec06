package scripts

import (
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/lua"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// run is one run of a script or function.
type run struct {
	name     string // the script's SHA-1, or the function's name
	function bool
	loading  bool     // a library registers its functions
	words    []string // the command that called a function, for FUNCTION STATS
	began    time.Time

	view     *replay.View
	draft    *replay.Draft // nil when nothing may be written
	readOnly bool
	beside   bool          // not on the writer's goroutine: it must be short
	oom      bool          // memory was short when it began, and the script minds
	proto    int           // as which replies are turned into Lua
	dirty    bool          // a command that writes was called
	looked   time.Duration // since began, at the last look after a command
	anySlots bool          // its keys may be of several hash slots
	slot     int           // of its keys so far; less than 0 is none
	memory   int64         // how many bytes it may have
	held     int           // what the draft held when the run began
	calm     func()        // says that the run, which has allocated much, has ended; or nil

	killed, busy atomic.Bool // for everybody
}

// keyCount reads the number of keys at argument 2 and checks it.
func keyCount(args command.Args, notInt resp.Error) (int, error) {
	n, ok := number.ParseInt(args[2])
	switch {
	case !ok:
		return 0, notInt
	case n > int64(len(args)-3):
		return 0, resp.Error("ERR Number of keys can't be greater than number of args")
	case n < 0:
		return 0, resp.Error("ERR Number of keys can't be negative")
	}
	return int(n), nil
}

// newRun returns a run on the draft, or on the view when there is no draft.
func newRun(v *replay.View, d *replay.Draft) *run {
	r := &run{view: v, draft: d, readOnly: d == nil, beside: !v.Drafting(),
		proto: resp.RESP2, began: time.Now(), slot: -1}
	if d != nil {
		r.held = d.Held()
	}
	return r
}

// written is how much memory the run's changes take so far.
func (r *run) written() int {
	if r.draft == nil {
		return 0
	}
	return r.draft.Held() - r.held
}

// permit judges what a script says of itself, before it runs. ro is set for the
// commands that only read.
func (e *Engine) permit(r *run, flags scriptFlags, ro bool) error {
	r.anySlots = flags&(compat|allowCrossSlot) != 0
	if flags&noCluster != 0 && e.cluster() != nil {
		return resp.Error("ERR Can not run script on cluster, 'no-cluster' flag is set.")
	}
	if flags&compat != 0 {
		r.oom = !ro && e.cfg.OutOfMemory()
		return nil
	}
	if flags&noWrites != 0 {
		r.readOnly = true
		return nil
	}
	if ro {
		return resp.Error("ERR Can not execute a script with write flag using *_ro command.")
	}
	frees := flags&allowOOM != 0
	if err := e.cfg.Refusal(frees); err != nil {
		return err
	}
	if !frees && e.cfg.OutOfMemory() {
		return resp.Error("OOM allow-oom flag is not set on the script, " +
			"can not run it when used memory > 'maxmemory'")
	}
	return nil
}

// exec calls a function and returns its reply. What it did is not undone here
// when it fails. The state's run has begun.
func (e *Engine) exec(s *state, r *run, fn *lua.Function, args ...lua.Value) (val resp.Value, err error) {
	if e.stopped.Load() {
		return resp.Value{}, errStopped
	}
	if !r.beside {
		e.running.Store(r)
		defer e.running.Store(nil)
		e.alarm.watch()
	}
	db := r.view.DB()
	r.view.Scripted = true
	defer func() {
		if r.calm != nil {
			r.calm()
		}
		r.view.Scripted = false
		if cause := recover(); cause != nil {
			val, err = resp.Value{}, s.internal(r, cause)
		}
		r.choose(db)
	}()
	ret, err := s.lua.Main().Run(fn, s.handler, args...)
	if err == nil {
		val, err = s.reply(ret)
	}
	if err == nil {
		return val, nil
	}
	if tookMuch(err) {
		s.broken = true
		e.giveBack()
	}
	return resp.Value{}, s.failure(r, err)
}

// choose selects a database for the commands that follow.
func (r *run) choose(db journal.DB) {
	r.view.Select(db)
	if r.draft != nil {
		r.draft.Select(db)
	}
}

// evaluate runs a script. v is d's view if there is a draft.
func (e *Engine) evaluate(v *replay.View, d *replay.Draft, c *script, args command.Args) (resp.Value, error) {
	keys, err := keyCount(args, command.ErrNotInt)
	if err != nil {
		return resp.Value{}, err
	}
	r := newRun(v, d)
	r.name = c.sha
	if err := e.permit(r, c.flags, d == nil); err != nil {
		return resp.Value{}, err
	}
	r.slot = e.declared(args[3 : 3+keys])
	s := e.acquire()
	defer e.release(s)
	fn := s.closure(c.proto)
	s.begin(r)
	s.scriptGlobals.SetString("KEYS", s.strings(args[3:3+keys]))
	s.scriptGlobals.SetString("ARGV", s.strings(args[3+keys:]))
	return e.exec(s, r, fn)
}

// call runs a function of a library.
func (e *Engine) call(v *replay.View, d *replay.Draft, args command.Args) (resp.Value, error) {
	s := e.acquire()
	defer e.release(s)
	if err := s.sync(v.Functions()); err != nil {
		return resp.Value{}, err
	}
	f := s.find(args.Str(1))
	if f == nil {
		return resp.Value{}, resp.Error("ERR Function not found")
	}
	keys, err := keyCount(args, "ERR Bad number of keys provided")
	if err != nil {
		return resp.Value{}, err
	}
	r := newRun(v, d)
	r.name, r.function = f.name, true
	if !r.beside { // others may ask for it
		shown := args
		if e.table != nil {
			shown = e.table.Shown(args)
		}
		for _, a := range shown {
			r.words = append(r.words, string(a))
		}
	}
	if err := e.permit(r, f.flags, d == nil); err != nil {
		return resp.Value{}, err
	}
	r.slot = e.declared(args[3 : 3+keys])
	s.begin(r)
	return e.exec(s, r, f.fn, s.strings(args[3:3+keys]), s.strings(args[3+keys:]))
}

// newLoad returns the run of a library that registers its functions. It may
// call no commands.
func newLoad(name string) *run {
	return &run{name: name, loading: true, beside: true, readOnly: true, began: time.Now()}
}
