package conns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// PING [message]
func ping() *command.Spec {
	return family.Conn(command.Spec{
		Name: "ping", Arity: -1, Flags: command.Fast | command.Inline | command.Listening,
		Since: "1.0.0", Complexity: "O(1)",
		Summary: "Answer PONG, or the message.",
		Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	}, runPing)
}

func runPing(s *command.Session, args command.Args) resp.Value {
	if len(args) > 2 {
		return resp.Errf("ERR wrong number of arguments for 'ping' command")
	}
	if s.Proto == resp.RESP2 && s.Subscribed() {
		// Replies among messages must look like messages.
		text := ""
		if len(args) == 2 {
			text = args.Str(1)
		}
		return resp.Strings("pong", text)
	}
	if len(args) == 2 {
		return resp.Bytes(args[1])
	}
	return resp.Pong
}

// ECHO message
func echo() *command.Spec {
	return family.Conn(command.Spec{
		Name: "echo", Arity: 2,
		Flags: command.Loading | command.Stale | command.Fast | command.Inline,
		Since: "1.0.0", Complexity: "O(1)",
		Summary: "Answer the message.",
	}, func(_ *command.Session, args command.Args) resp.Value {
		return resp.Bytes(args[1])
	})
}
