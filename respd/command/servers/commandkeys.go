package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errCommand    resp.Error = "ERR Invalid command specified"
	errNoKeyArgs  resp.Error = "ERR The command has no key arguments"
	errArgsNumber resp.Error = "ERR Invalid number of arguments specified for command"
	errArgs       resp.Error = "ERR Invalid arguments specified for command"
)

// COMMAND GETKEYS command [arg [arg ...]]
func commandGetKeys() *command.Spec {
	return describing.Conn(command.Spec{
		Name: "getkeys", Arity: -4, Since: "2.8.13",
		Complexity: "O(N) where N is the number of arguments to the command",
		Syntax:     "<command> [<arg> ...]",
		Summary:    "Tell which of a command's arguments are keys.",
	}, func(s *command.Session, args command.Args) resp.Value {
		return keysIn(s, args[2:], func(key []byte, _ []string) resp.Value {
			return resp.Bytes(key)
		})
	})
}

// COMMAND GETKEYSANDFLAGS command [arg [arg ...]]
func commandGetKeysAndFlags() *command.Spec {
	return describing.Conn(command.Spec{
		Name: "getkeysandflags", Arity: -4, Since: "7.0.0",
		Complexity: "O(N) where N is the number of arguments to the command",
		Syntax:     "<command> [<arg> ...]",
		Summary:    "Tell which of a command's arguments are keys, and what it does to them.",
	}, func(s *command.Session, args command.Args) resp.Value {
		return keysIn(s, args[2:], func(key []byte, flags []string) resp.Value {
			return resp.Array(resp.Bytes(key), statuses(flags, ""))
		})
	})
}

// keysIn shows the keys of a whole command.
func keysIn(s *command.Session, args command.Args,
	show func(key []byte, flags []string) resp.Value) resp.Value {
	spec := s.Host.Table().Lookup(args[0])
	if spec != nil && spec.Subs != nil && len(args) > 1 {
		spec = spec.Sub(args[1])
	}
	switch {
	case spec == nil:
		return resp.Err(errCommand)
	case !spec.HasKeys():
		return resp.Err(errNoKeyArgs)
	case !spec.ArityOK(len(args)):
		return resp.Err(errArgsNumber)
	}
	uses := spec.KeyUses(args)
	if len(uses) == 0 && !spec.Flags.Has(command.NoMandatoryKeys) {
		return resp.Err(errArgs)
	}
	out := make([]resp.Value, len(uses))
	for i, u := range uses {
		out[i] = show(args[u.At], u.Flags)
	}
	return resp.Array(out...)
}
