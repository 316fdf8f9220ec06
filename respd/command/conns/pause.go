package conns

import (
	"math"
	"time"

	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errTimeout         resp.Error = "ERR timeout is not an integer or out of range"
	errTimeoutNegative resp.Error = "ERR timeout is negative"
	errTimeoutRange    resp.Error = "ERR timeout is out of range"
	errPauseMode       resp.Error = "ERR CLIENT PAUSE mode must be WRITE or ALL"
	errUnblockReason   resp.Error = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
)

// CLIENT PAUSE timeout [WRITE | ALL]
func clientPause() *command.Spec {
	return others(command.Spec{
		Name: "pause", Arity: -3, Since: "2.9.50", Complexity: "O(1)",
		Syntax:  "<milliseconds> [WRITE|ALL]",
		Summary: "Hold back commands of all clients, or only writes, for a while.",
	}, runPause)
}

func runPause(s *command.Session, args command.Args) resp.Value {
	all := true
	switch {
	case len(args) > 4:
		return command.BadSubcommand(args)
	case len(args) == 4 && args.Is(3, "WRITE"):
		all = false
	case len(args) == 4 && !args.Is(3, "ALL"):
		return resp.Err(errPauseMode)
	}
	ms, ok := number.ParseInt(args[2])
	now := time.Now()
	switch {
	case !ok:
		return resp.Err(errTimeout)
	case ms < 0:
		return resp.Err(errTimeoutNegative)
	case ms > math.MaxInt64-now.UnixMilli():
		return resp.Err(errTimeoutRange)
	case ms > maxPause.Milliseconds():
		ms = maxPause.Milliseconds()
	}
	s.Host.Pause(now.Add(time.Duration(ms)*time.Millisecond), all)
	return resp.OK
}

// maxPause is as good as for ever, and fits a time.Duration.
const maxPause = 100 * 365 * 24 * time.Hour

// CLIENT UNPAUSE
func clientUnpause() *command.Spec {
	return others(command.Spec{
		Name: "unpause", Arity: 2, Since: "6.2.0",
		Complexity: "O(N) Where N is the number of paused clients",
		Summary:    "End a pause.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		s.Host.Pause(time.Time{}, false)
		return resp.OK
	})
}

// CLIENT UNBLOCK client-id [TIMEOUT | ERROR]
func clientUnblock() *command.Spec {
	return others(command.Spec{
		Name: "unblock", Arity: -3, Since: "5.0.0",
		Complexity: "O(log N) where N is the number of client connections",
		Syntax:     "<id> [TIMEOUT|ERROR]",
		Summary:    "Wake a client that waits in a blocking command.",
	}, func(s *command.Session, args command.Args) resp.Value {
		if len(args) > 4 {
			return command.BadSubcommand(args)
		}
		if len(args) == 4 && !args.Is(3, "TIMEOUT") && !args.Is(3, "ERROR") {
			return resp.Err(errUnblockReason)
		}
		id, ok := number.ParseInt(args[2])
		if !ok {
			return resp.Err(command.ErrNotInt)
		}
		woken := int64(0)
		s.Host.Clients(func(c *command.Session) {
			if c.ID == id && c.Conn.Unblock(len(args) == 4 && args.Is(3, "ERROR")) {
				woken = 1
			}
		})
		return resp.Int(woken)
	})
}
