package scripts

import (
	"bytes"

	"ledge/respd/command"
	"ledge/respd/resp"
)

var (
	tipsAllNodes = []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	tipsShards   = []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	tipsKill     = []string{"request_policy:all_shards", "response_policy:one_succeeded"}
)

const errNotBusy resp.Error = "NOTBUSY No scripts in execution right now."

// SCRIPT <subcommand> [argument ...]
func (e *Engine) script() *command.Spec {
	return family.Container(command.Spec{
		Name: "script", Since: "2.6.0",
		Summary: "Look after the script cache, and end a script.",
	}, e.scriptDebug(), e.scriptExists(), e.scriptFlush(), family.Help("5.0.0"), e.scriptKill(), e.scriptLoad())
}

// sub returns the row of a subcommand that changes nothing in the state.
func sub(s command.Spec, run func(command.Args) resp.Value) *command.Spec {
	s.Flags |= command.NoScript | command.Inline
	return family.Conn(s, func(_ *command.Session, args command.Args) resp.Value { return run(args) })
}

// SCRIPT LOAD script
func (e *Engine) scriptLoad() *command.Spec {
	return sub(command.Spec{Name: "load", Arity: 3, Since: "2.6.0", Flags: command.Stale,
		Complexity: "O(N) with N being the length in bytes of the script body.",
		Summary:    "Put a script into the cache.", Syntax: "<script>", Tips: tipsAllNodes,
	}, func(args command.Args) resp.Value {
		s, err := e.cache.get(args[2], true)
		if err != nil {
			return resp.FromError(err)
		}
		return resp.Bulk(s.sha)
	})
}

// SCRIPT EXISTS sha1 [sha1 ...]
func (e *Engine) scriptExists() *command.Spec {
	return sub(command.Spec{Name: "exists", Arity: -3, Since: "2.6.0",
		Complexity: "O(N) with N being the number of scripts to check",
		Summary:    "Tell which scripts are in the cache.", Syntax: "<sha1> [<sha1> ...]",
		Tips: []string{"request_policy:all_shards", "response_policy:agg_logical_and"},
	}, func(args command.Args) resp.Value {
		var out []resp.Value
		for _, sha := range args[2:] {
			n := int64(0)
			if e.cache.find(bytes.ToLower(sha)) != nil {
				n = 1
			}
			out = append(out, resp.Int(n))
		}
		return resp.Array(out...)
	})
}

// SCRIPT FLUSH [ASYNC | SYNC]
func (e *Engine) scriptFlush() *command.Spec {
	return sub(command.Spec{Name: "flush", Arity: -2, Since: "2.6.0",
		Complexity: "O(N) with N being the number of scripts in cache",
		Summary:    "Empty the script cache.", Syntax: "[ASYNC|SYNC]", Tips: tipsAllNodes,
	}, func(args command.Args) resp.Value {
		if !asyncOrNot(args) {
			return resp.Errf("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
		}
		e.cache.flush()
		return resp.OK
	})
}

// asyncOrNot reports whether nothing but ASYNC or SYNC follows.
func asyncOrNot(args command.Args) bool {
	return len(args) == 2 || len(args) == 3 && (args.Is(2, "ASYNC") || args.Is(2, "SYNC"))
}

// SCRIPT KILL
func (e *Engine) scriptKill() *command.Spec {
	return sub(command.Spec{Name: "kill", Arity: 2, Since: "2.6.0", Flags: command.AllowBusy,
		Complexity: "O(1)", Summary: "End the script that runs; nothing that it did stays.", Tips: tipsKill,
	}, func(command.Args) resp.Value { return e.kill(false) })
}

// kill ends the script or function that runs. Since its effects are nothing
// but a draft so far, it may be ended after it has written, too.
func (e *Engine) kill(function bool) resp.Value {
	r := e.running.Load()
	switch {
	case r == nil:
		return resp.Err(errNotBusy)
	case r.function && !function:
		return resp.Err(errBusyFunction)
	case !r.function && function:
		return resp.Err(ErrBusy)
	}
	r.killed.Store(true)
	return resp.OK
}

// SCRIPT DEBUG YES | SYNC | NO
func (e *Engine) scriptDebug() *command.Spec {
	return sub(command.Spec{Name: "debug", Arity: 3, Since: "3.2.0", Complexity: "O(1)",
		Summary: "Refused: there is no debugger.", Syntax: "YES|SYNC|NO",
	}, func(args command.Args) resp.Value {
		switch {
		case args.Is(2, "NO"):
			return resp.OK
		case args.Is(2, "YES"), args.Is(2, "SYNC"):
			return resp.Errf("ERR the Lua debugger is not supported")
		}
		return resp.Errf("ERR Use SCRIPT DEBUG YES/SYNC/NO")
	})
}
