package conns

import (
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errNoClient resp.Error = "ERR No such client"
	errClientID resp.Error = "ERR client-id should be greater than 0"
)

// CLIENT KILL ip:port
//
// CLIENT KILL [ID client-id] [TYPE type] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME YES | NO]
func clientKill() *command.Spec {
	return others(command.Spec{
		Name: "kill", Arity: -3, Since: "2.4.0",
		Complexity: "O(N) where N is the number of client connections",
		Syntax: "<ip:port> | [ID <id>] [TYPE NORMAL|MASTER|REPLICA|PUBSUB] [USER <name>] " +
			"[ADDR <ip:port>] [LADDR <ip:port>] [SKIPME YES|NO]",
		Summary: "Close connections: the one with that address, or all that fit every option.",
	}, runKill)
}

func runKill(s *command.Session, args command.Args) resp.Value {
	if len(args) == 3 {
		if kill(s, &killFilter{addr: args.Str(2)}) == 0 {
			return resp.Err(errNoClient)
		}
		return resp.OK
	}
	g, err := killWords.Parse(args[2:], killFilter{skipMe: true})
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Int(kill(s, &g.Value))
}

// killFilter says whom to close. Empty fields fit everybody.
type killFilter struct {
	id                      int64
	typ, user, addr, listen string
	skipMe                  bool
}

var killWords = command.Options[killFilter]{
	{Word: "ID", Takes: 1, Read: func(f killFilter, vals command.Args) (killFilter, error) {
		var ok bool
		if f.id, ok = number.ParseInt(vals[0]); !ok || f.id < 1 {
			return f, errClientID
		}
		return f, nil
	}},
	{Word: "TYPE", Takes: 1, Read: func(f killFilter, vals command.Args) (_ killFilter, err error) {
		f.typ, err = readType(vals, 0)
		return f, err
	}},
	{Word: "ADDR", Takes: 1, Read: func(f killFilter, vals command.Args) (killFilter, error) {
		f.addr = vals.Str(0)
		return f, nil
	}},
	{Word: "LADDR", Takes: 1, Read: func(f killFilter, vals command.Args) (killFilter, error) {
		f.listen = vals.Str(0)
		return f, nil
	}},
	{Word: "USER", Takes: 1, Read: func(f killFilter, vals command.Args) (killFilter, error) {
		if f.user = vals.Str(0); f.user != defaultUser {
			return f, resp.Error("ERR No such user '" + f.user + "'")
		}
		return f, nil
	}},
	{Word: "SKIPME", Takes: 1, Read: func(f killFilter, vals command.Args) (killFilter, error) {
		if f.skipMe = vals.Is(0, "YES"); !f.skipMe && !vals.Is(0, "NO") {
			return f, command.ErrSyntax
		}
		return f, nil
	}},
}

// fits reports whether c is to be closed.
func (f *killFilter) fits(c *command.Session) bool {
	return (f.id == 0 || f.id == c.ID) &&
		(f.typ == "" || f.typ == typeOf(c)) &&
		(f.addr == "" || f.addr == c.Addr) &&
		(f.listen == "" || f.listen == c.LAddr) &&
		(f.user == "" || f.user == c.Facts().User)
}

// kill closes the clients that fit and returns how many those are. The caller
// itself still gets its reply.
func kill(s *command.Session, f *killFilter) int64 {
	var n int64
	s.Host.Clients(func(c *command.Session) {
		switch {
		case !f.fits(c) || c == s && f.skipMe:
			return
		case c == s:
			s.Quit = true
		default:
			c.Conn.Kill()
		}
		n++
	})
	return n
}
