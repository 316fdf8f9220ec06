package scripts

import (
	"context"
	"log/slog"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// redisAPI makes the table "redis".
func (s *state) redisAPI() *lua.LTable {
	t := s.L.NewTable()
	s.addCommon(t)
	for name, n := range map[string]lua.LNumber{
		"REPL_NONE": 0, "REPL_AOF": 1, "REPL_SLAVE": 2, "REPL_REPLICA": 2, "REPL_ALL": 3,
	} {
		t.RawSetString(name, n)
	}
	s.addAll(t, map[string]lua.LGFunction{
		"call": s.redisCall, "pcall": s.redisPCall,
		"error_reply": errorReply, "status_reply": statusReply,
		"sha1hex": sha1Hex, "setresp": s.setResp, "set_repl": setRepl,
		"acl_check_cmd":      s.aclCheckCmd,
		"replicate_commands": func(L *lua.LState) int { L.Push(lua.LTrue); return 1 },
		// There is no debugger.
		"breakpoint": func(L *lua.LState) int { L.Push(lua.LFalse); return 1 },
		"debug":      func(*lua.LState) int { return 0 },
	})
	return t
}

// loadAPI makes the table "redis" that a library has while it is loaded.
func (s *state) loadAPI() *lua.LTable {
	t := s.L.NewTable()
	s.addCommon(t)
	s.addAll(t, map[string]lua.LGFunction{"register_function": s.registerFunction})
	s.missing(t)
	return t
}

// addCommon adds what both have.
func (s *state) addCommon(t *lua.LTable) {
	for name, n := range map[string]lua.LNumber{"LOG_DEBUG": 0, "LOG_VERBOSE": 1, "LOG_NOTICE": 2,
		"LOG_WARNING": 3, "REDIS_VERSION_NUM": 0x7000f} {
		t.RawSetString(name, n)
	}
	t.RawSetString("REDIS_VERSION", lua.LString(command.CompatVersion))
	s.addAll(t, map[string]lua.LGFunction{"log": s.log})
}

func errorReply(L *lua.LState) int {
	text, ok := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !ok {
		L.Push(errorTable(L, "ERR wrong number or type of arguments"))
		return 1
	}
	msg := strings.TrimPrefix(string(text), "-")
	if !strings.Contains(msg, " ") {
		msg = "ERR " + msg
	}
	L.Push(errorTable(L, msg))
	return 1
}

func statusReply(L *lua.LState) int {
	text, ok := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !ok {
		L.Push(errorTable(L, "ERR wrong number or type of arguments"))
		return 1
	}
	t := L.NewTable()
	t.RawSetString("ok", text)
	L.Push(t)
	return 1
}

func sha1Hex(L *lua.LState) int {
	if L.GetTop() != 1 {
		return raiseTable(L, "ERR wrong number of arguments")
	}
	text := ""
	if lua.LVCanConvToString(L.Get(1)) {
		text = toText(L.Get(1))
	}
	L.Push(lua.LString(sha1hex(text)))
	return 1
}

// setResp chooses how replies are turned into Lua.
func (s *state) setResp(L *lua.LState) int {
	if L.GetTop() != 1 {
		return raiseTable(L, "ERR redis.setresp() requires one argument.")
	}
	n := int(L.ToNumber(1))
	if n != resp.RESP2 && n != resp.RESP3 {
		return raiseTable(L, "ERR RESP version must be 2 or 3.")
	}
	s.run.proto = n
	return 0
}

// setRepl checks its argument and does nothing: effects are journaled, and all
// of them.
func setRepl(L *lua.LState) int {
	if L.GetTop() != 1 {
		return raiseTable(L, "ERR redis.set_repl() requires two arguments.")
	}
	if int(L.ToNumber(1))&^3 != 0 {
		return raiseTable(L, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	return 0
}

// aclCheckCmd tells whether the user may call a command. There is one user,
// who may call all.
func (s *state) aclCheckCmd(L *lua.LState) int {
	args, problem := s.commandArgs(L)
	if problem != "" {
		return raiseTable(L, problem)
	}
	if spec, _ := s.e.table.Resolve(args); spec == nil {
		return raiseTable(L, "ERR Invalid command passed to redis.acl_check_cmd()")
	}
	L.Push(lua.LTrue)
	return 1
}

// levels are slog's for Redis's.
var levels = []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}

func (s *state) log(L *lua.LState) int {
	n := L.GetTop()
	if n < 2 {
		return raiseTable(L, "ERR redis.log() requires two arguments or more.")
	}
	if _, ok := L.Get(1).(lua.LNumber); !ok {
		if str, ok := L.Get(1).(lua.LString); !ok || lua.LVAsNumber(str) == 0 && str != "0" {
			return raiseTable(L, "ERR First argument must be a number (log level).")
		}
	}
	level := int(L.ToNumber(1))
	if level < 0 || level >= len(levels) {
		return raiseTable(L, "ERR Invalid debug level.")
	}
	var words []string
	for i := 2; i <= n; i++ {
		if v := L.Get(i); lua.LVCanConvToString(v) {
			words = append(words, toText(v))
		}
	}
	name := ""
	if s.run != nil {
		name = s.run.name
	}
	s.e.cfg.Logger.Log(context.Background(), levels[level], strings.Join(words, " "), "script", name)
	return 0
}
