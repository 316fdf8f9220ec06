package keys

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// What is answered in place of a time.
const (
	noKey      = -2
	noDeadline = -1
)

// TTL key
func ttl() *command.Spec {
	return timeRow(command.Spec{
		Name: "ttl", Since: "1.0.0", Tips: []string{unpredictable},
		Summary: "Return the seconds until a key expires.",
	}, true, true)
}

// PTTL key
func pttl() *command.Spec {
	return timeRow(command.Spec{
		Name: "pttl", Since: "2.6.0", Tips: []string{unpredictable},
		Summary: "Return the milliseconds until a key expires.",
	}, false, true)
}

// EXPIRETIME key
func expiretime() *command.Spec {
	return timeRow(command.Spec{
		Name: "expiretime", Since: "7.0.0",
		Summary: "Return the Unix time at which a key expires.",
	}, true, false)
}

// PEXPIRETIME key
func pexpiretime() *command.Spec {
	return timeRow(command.Spec{
		Name: "pexpiretime", Since: "7.0.0",
		Summary: "Return the Unix time in milliseconds at which a key expires.",
	}, false, false)
}

// timeRow returns the row of a command that tells a key's deadline, in seconds
// or milliseconds, and from now on or since 1970.
func timeRow(s command.Spec, seconds, relative bool) *command.Spec {
	s.Arity, s.Flags, s.Keys, s.Syntax = 2, command.Fast, command.OneKey, "<key>"
	return family.Read(s, func(v *replay.View, args command.Args) resp.Value {
		at, ok := v.Deadline(args[1])
		switch {
		case !ok:
			return resp.Int(noKey)
		case at == 0:
			return resp.Int(noDeadline)
		}
		if relative {
			at -= v.Now()
		}
		if seconds {
			at = int64((uint64(at) + 500) / 1000) // the latest deadline must not wrap
		}
		return resp.Int(at)
	})
}
