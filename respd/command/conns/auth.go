package conns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// defaultUser is the only user there is.
const defaultUser = "default"

const (
	errNoPassword resp.Error = "ERR AUTH <password> called without any password configured " +
		"for the default user. Are you sure your configuration is correct?"
	errWrongPass resp.Error = "WRONGPASS invalid username-password pair or user is disabled."
)

// handshake are the flags of commands that a client may need before anything
// else works.
const handshake = command.NoScript | command.Loading | command.Stale | command.Fast |
	command.NoAuth | command.AllowBusy

// AUTH [username] password
func auth() *command.Spec {
	return family.Conn(command.Spec{
		Name: "auth", Arity: -2, Flags: handshake,
		Since: "1.0.0", Complexity: "O(N) where N is the number of passwords defined for the user",
		Summary: "Say who the client is.",
		Secrets: command.SecretsFrom(1),
	}, runAuth)
}

func runAuth(s *command.Session, args command.Args) resp.Value {
	if len(args) > 3 {
		return resp.Err(command.ErrSyntax)
	}
	user, password := defaultUser, args.Str(len(args)-1)
	if len(args) == 3 {
		user = args.Str(1)
	} else if _, required := s.Host.Authenticate(user, ""); !required {
		return resp.Err(errNoPassword)
	}
	return result(authenticate(s, user, password))
}

// authenticate makes the client that user, or leaves it who it was.
func authenticate(s *command.Session, user, password string) error {
	if ok, _ := s.Host.Authenticate(user, password); !ok {
		s.Host.Denied(s)
		return errWrongPass
	}
	s.Authed = true
	s.SetFacts(func(f *command.Facts) { f.User = user })
	return nil
}

// result is OK, or err.
func result(err error) resp.Value {
	if err != nil {
		return resp.FromError(err)
	}
	return resp.OK
}
