package scripts

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"log/slog"
	"strings"

	"ledge/respd/command"
	"ledge/respd/lua"
	"ledge/respd/resp"
)

// constant is a number in a library.
type constant struct {
	name string
	n    int
}

func addNumbers(t *lua.Table, numbers []constant) {
	for _, c := range numbers {
		t.SetString(c.name, lua.Int(c.n))
	}
}

// redisAPI makes the table "redis".
func (s *state) redisAPI() *lua.Table {
	t := s.lua.NewTable(0, 0)
	s.addAll(t, []entry{{"call", s.redisCall}, {"pcall", s.redisPCall}})
	s.addCommon(t)
	s.addAll(t, []entry{
		{"setresp", s.setResp}, {"error_reply", errorReply}, {"status_reply", statusReply},
		{"sha1hex", sha1Hex}, {"set_repl", setRepl},
	})
	addNumbers(t, []constant{{"REPL_NONE", 0}, {"REPL_AOF", 1}, {"REPL_SLAVE", 2},
		{"REPL_REPLICA", 2}, {"REPL_ALL", 3}})
	s.addAll(t, []entry{
		{"acl_check_cmd", s.aclCheckCmd},
		// There is no debugger.
		{"breakpoint", func(L *lua.Thread) (int, error) { L.Push(lua.False); return 1, nil }},
		{"debug", func(*lua.Thread) (int, error) { return 0, nil }},
		{"replicate_commands", func(L *lua.Thread) (int, error) { L.Push(lua.True); return 1, nil }},
	})
	return t
}

// loadAPI makes the table "redis" that a library has while it is loaded.
func (s *state) loadAPI() *lua.Table {
	t := s.lua.NewTable(0, 0)
	s.addAll(t, []entry{{"register_function", s.registerFunction}})
	s.addCommon(t)
	s.missing(t)
	return t
}

// addCommon adds what both have.
func (s *state) addCommon(t *lua.Table) {
	s.addAll(t, []entry{{"log", s.log}})
	addNumbers(t, []constant{{"LOG_DEBUG", 0}, {"LOG_VERBOSE", 1}, {"LOG_NOTICE", 2}, {"LOG_WARNING", 3},
		{"REDIS_VERSION_NUM", 0x7000f}})
	t.SetString("REDIS_VERSION", lua.Shared(command.CompatVersion))
}

func errorReply(L *lua.Thread) (int, error) {
	text := L.Arg(1)
	if L.Top() != 1 || !text.IsString() {
		L.Push(errorTable(L, "ERR wrong number or type of arguments"))
		return 1, nil
	}
	msg := strings.TrimPrefix(text.Str(), "-")
	if !strings.Contains(msg, " ") {
		msg = "ERR " + msg
	}
	L.Push(errorTable(L, msg))
	return 1, nil
}

func statusReply(L *lua.Thread) (int, error) {
	text := L.Arg(1)
	if L.Top() != 1 || !text.IsString() {
		L.Push(errorTable(L, "ERR wrong number or type of arguments"))
		return 1, nil
	}
	t := L.NewTable(0, 1)
	t.SetString("ok", text)
	L.Push(lua.FromTable(t))
	return 1, nil
}

func sha1Hex(L *lua.Thread) (int, error) {
	if L.Top() != 1 {
		return raiseTable(L, "ERR wrong number of arguments")
	}
	text, _ := lua.ToText(L.Arg(1))
	sum := sha1.New()
	var part [shaPart]byte // a string would be copied to memory that nobody counts
	for len(text) > 0 {
		n := copy(part[:], text)
		if err := L.Step(n / shaStep); err != nil {
			return 0, err
		}
		_, _ = sum.Write(part[:n])
		text = text[n:]
	}
	L.PushString(hex.EncodeToString(sum.Sum(nil)))
	return 1, nil
}

// How many bytes are hashed in a step, and between two looks at the steps.
const (
	shaStep = 64
	shaPart = 4 << 10
)

// setResp chooses how replies are turned into Lua.
func (s *state) setResp(L *lua.Thread) (int, error) {
	if L.Top() != 1 {
		return raiseTable(L, "ERR redis.setresp() requires one argument.")
	}
	n := integer(L.Arg(1))
	if n != resp.RESP2 && n != resp.RESP3 {
		return raiseTable(L, "ERR RESP version must be 2 or 3.")
	}
	s.run.proto = n
	return 0, nil
}

// setRepl checks its argument and does nothing: effects are journaled, and all
// of them.
func setRepl(L *lua.Thread) (int, error) {
	if L.Top() != 1 {
		return raiseTable(L, "ERR redis.set_repl() requires two arguments.")
	}
	if integer(L.Arg(1))&^3 != 0 {
		return raiseTable(L, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	return 0, nil
}

// integer is a number as C casts it to an int, and 0 for what is none.
func integer(v lua.Value) int {
	f, _ := lua.ToNumber(v)
	return int(int32(lua.Truncate(f)))
}

// aclCheckCmd tells whether the user may call a command. There is one user,
// who may call all.
func (s *state) aclCheckCmd(L *lua.Thread) (int, error) {
	args, problem, err := s.commandArgs(L)
	if err != nil {
		return 0, err
	}
	if problem != "" {
		return raiseTable(L, problem)
	}
	if spec, _ := s.e.table.Resolve(args); spec == nil {
		return raiseTable(L, "ERR Invalid command passed to redis.acl_check_cmd()")
	}
	L.Push(lua.True)
	return 1, nil
}

// maxLog is how long a script's line in the log may be, as in Redis.
const maxLog = 1024

// levels are slog's for Redis's.
var levels = []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}

func (s *state) log(L *lua.Thread) (int, error) {
	n := L.Top()
	if n < 2 {
		return raiseTable(L, "ERR redis.log() requires two arguments or more.")
	}
	if _, ok := lua.ToNumber(L.Arg(1)); !ok {
		return raiseTable(L, "ERR First argument must be a number (log level).")
	}
	level := integer(L.Arg(1))
	if level < 0 || level >= len(levels) {
		return raiseTable(L, "ERR Invalid debug level.")
	}
	var b strings.Builder
	for i := 2; i <= n && b.Len() < maxLog; i++ {
		text, ok := lua.ToText(L.Arg(i))
		if !ok {
			continue
		}
		if i > 2 {
			b.WriteByte(' ')
		}
		b.WriteString(text[:min(len(text), maxLog-b.Len())])
	}
	name := ""
	if s.run != nil {
		name = s.run.name
	}
	s.e.cfg.Logger.Log(context.Background(), levels[level], b.String(), "script", name)
	return 0, nil
}
