package scripts

import (
	"errors"
	"math"
	"strconv"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/lua"
	"ledge/respd/resp"
)

// Redis's texts for commands that a script may not call.
const (
	errNoArgs     = "ERR Please specify at least one argument for this redis lib call"
	errArgTypes   = "ERR Lua redis lib command arguments must be strings or integers"
	errUnknown    = "ERR Unknown Redis command called from script"
	errArity      = "ERR Wrong number of args calling Redis command from script"
	errNotAllowed = "ERR This Redis command is not allowed from script"
	errNoWrites   = "ERR Write commands are not allowed from read-only scripts."
	errOOM        = "OOM command not allowed when used memory > 'maxmemory'."
	errLater      = command.ErrLater
)

// commandArgs takes the arguments of a function as those of a command. They
// are good until the next call. Otherwise it returns what is wrong, or the error
// that ends the script.
func (s *state) commandArgs(L *lua.Thread) (args command.Args, problem string, err error) {
	n := L.Top()
	if n == 0 {
		return nil, errNoArgs, nil
	}
	s.args, s.arena = s.args[:0], s.arena[:0]
	size := 0
	for i := 1; i <= n; i++ {
		if v := L.Arg(i); v.IsString() {
			size += len(v.Str())
		} else {
			size += 32
		}
	}
	if err := L.Step(callCost + size/copyStep); err != nil {
		return nil, "", err
	}
	if cap(s.arena) < size { // growing it later would leave arguments behind
		if err := L.Reserve(2 * size); err != nil {
			return nil, "", err
		}
		s.arena = make([]byte, 0, 2*size)
	}
	for i := 1; i <= n; i++ {
		at := len(s.arena)
		switch v := L.Arg(i); {
		case v.IsString():
			s.arena = append(s.arena, v.Str()...)
		case v.IsNumber():
			s.arena = appendArg(s.arena, v.Float())
		default:
			return nil, errArgTypes, nil
		}
		s.args = append(s.args, s.arena[at:len(s.arena):len(s.arena)])
	}
	return s.args, "", nil
}

// copyStep is how many bytes are copied in a step.
const copyStep = 256

// appendArg prints a number as an argument: "%.17g".
func appendArg(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 && (f != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return lua.AppendNumber(b, f, 17)
}

func (s *state) redisCall(L *lua.Thread) (int, error)  { return s.callCommand(L, true) }
func (s *state) redisPCall(L *lua.Thread) (int, error) { return s.callCommand(L, false) }

// callCommand is redis.call and redis.pcall.
func (s *state) callCommand(L *lua.Thread, raising bool) (int, error) {
	if s.run == nil || s.run.loading {
		return raiseTable(L, "ERR redis.call/pcall can only be called inside a script invocation")
	}
	args, problem, err := s.commandArgs(L)
	if err != nil {
		return 0, err
	}
	val, answered := resp.Value{}, problem == ""
	if answered {
		val, problem, err = s.runCommand(args)
		if err == nil {
			err = s.lookAround(L)
		}
		if err != nil {
			return 0, err
		}
	}
	if problem != "" {
		val = resp.Err(resp.Error(problem))
	}
	if !val.IsError() {
		v, err := s.fromReply(L, val)
		L.Push(v)
		return 1, err
	}
	t := errorTable(L, val.ErrorText())
	if answered {
		t.Table().SetString("ignore_error_stats_update", lua.True)
	}
	if raising {
		return 0, &lua.Error{Value: t}
	}
	L.Push(t)
	return 1, nil
}

// longCommand is how long a command may take that counts as no more than callCost.
const longCommand = 5 * time.Millisecond

// lookAround has the script asked whether it may go on when its commands have taken
// long: a few steps can be seconds of them.
func (s *state) lookAround(L *lua.Thread) error {
	r := s.run
	took := time.Since(r.began)
	if took-r.looked < longCommand {
		return nil
	}
	r.looked = took
	return L.Step(checkEvery)
}

// runCommand runs a command, or says why it may not run. err ends the script.
func (s *state) runCommand(args command.Args) (val resp.Value, problem string, err error) {
	if s.e.table == nil {
		return resp.Value{}, errNotAllowed, nil // nobody serves this engine
	}
	spec, bad := s.e.table.Resolve(args)
	if spec == nil {
		return resp.Value{}, absent(args), nil
	}
	if bad != nil {
		return resp.Value{}, errArity, nil
	}
	if problem := s.forbidden(spec); problem != "" {
		return resp.Value{}, problem, nil
	}
	if s.moving(spec, args) {
		return resp.Value{}, "", command.ErrMoving
	}
	if problem := s.elsewhere(spec, args); problem != "" {
		return resp.Value{}, problem, nil
	}
	r := s.run
	var m replay.Mark // zero until it writes
	defer func() {
		if p := recover(); p != nil {
			val, problem, err = resp.Value{}, "", s.panicked(spec, p, m)
		}
	}()
	switch {
	case spec.Read != nil && r.beside && s.long(spec, args):
		return resp.Value{}, "", errLater
	case spec.Read != nil:
		return spec.Read(r.view, args), "", nil
	case spec.Write != nil:
		r.dirty = true
		m = r.draft.Mark()
		val, err := spec.Write(r.draft, args)
		if err != nil {
			r.draft.Undo(m)
			if errors.Is(err, replay.ErrHeld) && s.holds() {
				return resp.Value{}, "", command.ErrMoving
			}
			if err != command.ErrWait { // in a script nobody waits
				val = resp.FromError(err)
			}
		}
		return val, "", nil
	case spec.Name == "select":
		return s.selectDB(spec, args), "", nil
	case spec.Name == "publish" && s.e.host != nil:
		return s.say(events.Message, hub.Channel, args), "", nil
	case spec.Name == "spublish" && s.e.host != nil:
		return s.say(events.ShardMessage, hub.ShardChannel, args), "", nil
	}
	return s.runConn(spec, args)
}

// panicked ends the script whose command has panicked: no pcall of the script
// catches what it returns. If the draft can't be trusted any more, the panic goes
// on, and the draft takes nothing more, whatever comes after the script.
func (s *state) panicked(spec *command.Spec, p any, m replay.Mark) error {
	if s.run.draft != nil && !s.run.draft.Abandon(m) {
		panic(p)
	}
	if s.e.host != nil {
		s.e.host.Panicked(spec, p)
	}
	return s.internal(s.run, p)
}

// say sends a message when the script has come to its end and stands. It
// answers how many it will reach as things are.
func (s *state) say(class events.Class, t hub.Topic, args command.Args) resp.Value {
	channel := args.Str(1)
	s.run.draft.Say(class, channel, args.Str(2))
	return resp.Int(int64(s.e.host.Hub().Reach(t, channel)))
}

// long reports whether a read may take so long that the event loop is not the
// place for it.
func (s *state) long(spec *command.Spec, args command.Args) bool {
	return spec.Flags.Has(command.Slow) || spec.Looks(s.run.view, args) > command.BigRead
}

// forbidden says why a script may not call a command, in Redis's order.
func (s *state) forbidden(spec *command.Spec) string {
	f, r := spec.Flags, s.run
	switch {
	case f.Has(command.NoScript):
		return errNotAllowed
	case r.readOnly && (f.Has(command.Write) || f.Has(command.MayReplicate)):
		return errNoWrites
	case !f.Has(command.Write) || r.dirty:
		return ""
	}
	if err := s.e.cfg.Refusal(!f.Has(command.DenyOOM)); err != nil {
		return resp.FromError(err).ErrorText()
	}
	if r.oom && f.Has(command.DenyOOM) {
		return errOOM
	}
	return ""
}

// selectDB selects a database for the rest of the script.
func (s *state) selectDB(spec *command.Spec, args command.Args) resp.Value {
	if s.e.cluster() != nil {
		if err := spec.Clustered(args); err != nil {
			return resp.FromError(err)
		}
	}
	n, err := args.Int32(1)
	if err != nil {
		return resp.FromError(err)
	}
	if n < 0 || int(n) >= s.run.view.Databases() {
		return resp.Errf("ERR DB index is out of range")
	}
	s.run.choose(journal.DB(n))
	return resp.OK
}

// runConn runs a command that is about the server, for a session that the
// script alone has. Those that look at the server need a view of their own,
// which a script has to be on the writer's goroutine for.
func (s *state) runConn(spec *command.Spec, args command.Args) (val resp.Value, problem string, err error) {
	switch {
	case spec.Conn == nil || s.e.host == nil:
		return resp.Value{}, errNotAllowed, nil
	case s.run.beside && !spec.Flags.Has(command.Inline):
		return resp.Value{}, "", errLater
	}
	if s.session == nil {
		s.session = &command.Session{Host: s.e.host, Authed: true, Created: time.Now()}
	}
	s.session.SetProto(s.run.proto)
	s.session.Select(s.run.view.DB())
	val = spec.Conn(s.session, args)
	s.session.Quit = false
	return val, "", nil
}
