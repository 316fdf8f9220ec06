package conns

import (
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errProtoNumber resp.Error = "ERR Protocol version is not an integer or out of range"
	errProto       resp.Error = "NOPROTO unsupported protocol version"
	errHelloAuth   resp.Error = "NOAUTH HELLO must be called with the client already authenticated, " +
		"otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client " +
		"and select the RESP protocol version at the same time"
)

// HELLO [protover [AUTH username password] [SETNAME clientname]]
func hello() *command.Spec {
	return family.Conn(command.Spec{
		Name: "hello", Arity: -1, Flags: handshake,
		Since: "6.0.0", Complexity: "O(1)",
		Summary: "Choose the protocol, and ask what the server is.",
		Secrets: command.SecretsBehind(1, map[string]int{"AUTH": 2}),
	}, runHello)
}

var helloWords = command.Options[*command.Session]{
	{Word: "AUTH", Takes: 2, Read: func(s *command.Session, vals command.Args) (*command.Session, error) {
		return s, authenticate(s, vals.Str(0), vals.Str(1))
	}},
	{Word: "SETNAME", Takes: 1, Read: func(s *command.Session, vals command.Args) (*command.Session, error) {
		return s, setName(s, vals[0])
	}},
}

// runHello does its options one by one, as Redis does: a name stays even when
// the password after it is wrong.
func runHello(s *command.Session, args command.Args) resp.Value {
	var proto int64
	if len(args) > 1 {
		var ok bool
		if proto, ok = number.ParseInt(args[1]); !ok {
			return resp.Err(errProtoNumber)
		}
		if proto != resp.RESP2 && proto != resp.RESP3 {
			return resp.Err(errProto)
		}
	}
	g := command.Given[*command.Session]{Value: s}
	for i := 2; i < len(args); {
		n, err := helloWords.Take(args, i, &g)
		switch {
		case err != nil:
			return resp.FromError(err)
		case n == 0:
			return resp.Errf("ERR Syntax error in HELLO option '%s'", args.Printed(i))
		}
		i += n
	}
	if !s.Authed {
		return resp.Err(errHelloAuth)
	}
	if proto != 0 {
		s.SetProto(int(proto))
	}
	return greeting(s)
}

// greeting says what the server is.
func greeting(s *command.Session) resp.Value {
	role := command.Role(s.Host)
	if role == "slave" {
		role = "replica"
	}
	return resp.Map(
		resp.Bulk("server"), resp.Bulk("redis"),
		resp.Bulk("version"), resp.Bulk(command.CompatVersion),
		resp.Bulk("proto"), resp.Int(int64(s.Proto)),
		resp.Bulk("id"), resp.Int(s.ID),
		resp.Bulk("mode"), resp.Bulk(command.Mode(s.Host)),
		resp.Bulk("role"), resp.Bulk(role),
		resp.Bulk("modules"), resp.Array(),
	)
}
