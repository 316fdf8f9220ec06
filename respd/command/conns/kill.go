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
	f, err := readKillFilter(s, args)
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Int(kill(s, f))
}

// killFilter says whom to close. Empty fields fit everybody.
type killFilter struct {
	id                      int64
	typ, user, addr, listen string
	skipMe                  bool
}

func readKillFilter(s *command.Session, args command.Args) (*killFilter, error) {
	f := &killFilter{skipMe: true}
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			return nil, command.ErrSyntax
		}
		if err := f.option(s, args, i); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// option reads the option at argument i and its value.
func (f *killFilter) option(s *command.Session, args command.Args, i int) (err error) {
	switch {
	case args.Is(i, "ID"):
		id, ok := number.ParseInt(args[i+1])
		if !ok || id < 1 {
			return errClientID
		}
		f.id = id
	case args.Is(i, "TYPE"):
		f.typ, err = readType(args, i+1)
	case args.Is(i, "ADDR"):
		f.addr = args.Str(i + 1)
	case args.Is(i, "LADDR"):
		f.listen = args.Str(i + 1)
	case args.Is(i, "USER"):
		if f.user = args.Str(i + 1); f.user != defaultUser {
			return resp.Error("ERR No such user '" + f.user + "'")
		}
	case args.Is(i, "SKIPME") && args.Is(i+1, "YES"):
		f.skipMe = true
	case args.Is(i, "SKIPME") && args.Is(i+1, "NO"):
		f.skipMe = false
	default:
		return command.ErrSyntax
	}
	return err
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
