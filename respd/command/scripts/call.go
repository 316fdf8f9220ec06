package scripts

import (
	"math"
	"strconv"
	"time"

	lua "github.com/yuin/gopher-lua"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
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
// are good until the next call. Otherwise it returns what is wrong.
func (s *state) commandArgs(L *lua.LState) (command.Args, string) {
	n := L.GetTop()
	if n == 0 {
		return nil, errNoArgs
	}
	s.args, s.arena = s.args[:0], s.arena[:0]
	size := 0
	for i := 1; i <= n; i++ {
		if str, ok := L.Get(i).(lua.LString); ok {
			size += len(str)
		} else {
			size += 32
		}
	}
	if cap(s.arena) < size { // growing it later would leave arguments behind
		s.arena = make([]byte, 0, 2*size)
	}
	for i := 1; i <= n; i++ {
		at := len(s.arena)
		switch v := L.Get(i).(type) {
		case lua.LString:
			s.arena = append(s.arena, v...)
		case lua.LNumber:
			s.arena = appendArg(s.arena, float64(v))
		default:
			return nil, errArgTypes
		}
		s.args = append(s.args, s.arena[at:len(s.arena):len(s.arena)])
	}
	return s.args, ""
}

// appendArg prints a number as an argument: "%.17g".
func appendArg(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 && (f != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return appendG(b, f, 17)
}

func (s *state) redisCall(L *lua.LState) int  { return s.callCommand(L, true) }
func (s *state) redisPCall(L *lua.LState) int { return s.callCommand(L, false) }

// callCommand is redis.call and redis.pcall.
func (s *state) callCommand(L *lua.LState, raising bool) int {
	if s.run == nil || s.run.loading {
		return raiseTable(L, "ERR redis.call/pcall can only be called inside a script invocation")
	}
	s.w.left -= callCost
	args, problem := s.commandArgs(L)
	if problem != "" {
		t := errorTable(L, problem)
		if raising {
			L.Error(t, 0)
		}
		L.Push(t)
		return 1
	}
	val, problem := s.runCommand(args)
	if problem != "" {
		val = resp.Err(resp.Error(problem))
	}
	s.w.made += len(val.Str())
	if val.IsError() {
		t := errorTable(L, val.ErrorText())
		t.RawSetString("ignore_error_stats_update", lua.LTrue)
		if raising {
			L.Error(t, 0)
		}
		L.Push(t)
		return 1
	}
	L.Push(s.fromReply(val))
	return 1
}

// runCommand runs a command, or says why it may not run.
func (s *state) runCommand(args command.Args) (val resp.Value, refusal string) {
	if s.e.table == nil {
		return resp.Value{}, errNotAllowed // nobody serves this engine
	}
	spec, err := s.e.table.Resolve(args)
	if spec == nil {
		return resp.Value{}, errUnknown
	}
	if err != nil {
		return resp.Value{}, errArity
	}
	if problem := s.forbidden(spec); problem != "" {
		return resp.Value{}, problem
	}
	r := s.run
	var m replay.Mark
	writing := false
	defer func() {
		if p := recover(); p != nil {
			val, refusal = s.panicked(spec, p, m, writing), ""
		}
	}()
	switch {
	case spec.Read != nil && r.beside && s.long(spec, args):
		s.w.stop(errLater)
		return resp.Nil, ""
	case spec.Read != nil:
		return spec.Read(r.view, args), ""
	case spec.Write != nil:
		r.dirty, writing = true, true
		m = r.draft.Mark()
		val, err := spec.Write(r.draft, args)
		if err != nil {
			r.draft.Undo(m)
			if err != command.ErrWait { // in a script nobody waits
				val = resp.FromError(err)
			}
		}
		return val, ""
	case spec.Name == "select":
		return s.selectDB(args), ""
	case spec.Name == "publish" && s.e.host != nil:
		return s.say(replay.Message, command.Channel, args), ""
	case spec.Name == "spublish" && s.e.host != nil:
		return s.say(replay.ShardMessage, command.ShardChannel, args), ""
	}
	return s.runConn(spec, args)
}

// panicked is what a command that has panicked is answered with. The interpreter
// must not see the panic: it would make an error of it that a script can catch,
// and half of what the command did would stay. If that can't be taken back, the
// draft takes nothing more, whatever the script does.
func (s *state) panicked(spec *command.Spec, p any, m replay.Mark, writing bool) resp.Value {
	if s.e.host != nil {
		s.e.host.Panicked(spec, p)
	}
	if s.run.draft != nil && (s.run.draft.Torn() || writing && !s.run.draft.Abandon(m)) {
		panic(p)
	}
	return resp.Err("ERR internal error: the command has failed; the node's log says more")
}

// say sends a message when the script has come to its end and stands. It
// answers how many it will reach as things are.
func (s *state) say(class replay.EventClass, t command.Topic, args command.Args) resp.Value {
	channel := args.Str(1)
	s.run.draft.Say(class, channel, args.Str(2))
	return resp.Int(int64(s.e.host.Hub().Reach(t, channel)))
}

// bigRead is how much a command may have to read on the event loop.
const bigRead = 8192

// long reports whether a read may take so long that the event loop is not the
// place for it.
func (s *state) long(spec *command.Spec, args command.Args) bool {
	if spec.Flags.Has(command.Slow) {
		return true
	}
	n := 0
	if spec.Flags.Has(command.Big) {
		for _, i := range spec.KeysOf(args) {
			n += s.run.view.Weight(args[i])
		}
	}
	return n > bigRead
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
func (s *state) selectDB(args command.Args) resp.Value {
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

// runConn runs a command that is about the connection or the server, for a
// session that the script alone has. Those that need the state unlocked can't
// be run while a script has it.
func (s *state) runConn(spec *command.Spec, args command.Args) (resp.Value, string) {
	if spec.Conn == nil || !spec.Flags.Has(command.Inline) || s.e.host == nil {
		return resp.Value{}, errNotAllowed
	}
	if s.session == nil {
		s.session = &command.Session{Host: s.e.host, Authed: true, Created: time.Now()}
	}
	s.session.SetProto(s.run.proto)
	s.session.Select(s.run.view.DB())
	val := spec.Conn(s.session, args)
	s.session.Quit = false
	return val, ""
}
