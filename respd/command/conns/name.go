package conns

import (
	"bytes"

	"ledge/respd/command"
	"ledge/respd/resp"
)

const errName resp.Error = "ERR Client names cannot contain spaces, newlines or special characters."

// plain reports whether text can stand in a line of CLIENT LIST.
func plain(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' })
}

// setName names the client; an empty name is none.
func setName(s *command.Session, name []byte) error {
	if !plain(name) {
		return errName
	}
	s.SetFacts(func(f *command.Facts) { f.Name = string(name) })
	return nil
}

// CLIENT SETNAME connection-name
func clientSetName() *command.Spec {
	return own(command.Spec{
		Name: "setname", Arity: 3, Since: "2.6.9", Complexity: "O(1)", Syntax: "<name>",
		Summary: "Name this connection.",
	}, func(s *command.Session, args command.Args) resp.Value {
		return result(setName(s, args[2]))
	})
}

// CLIENT GETNAME
func clientGetName() *command.Spec {
	return own(command.Spec{
		Name: "getname", Arity: 2, Flags: command.Inline, Since: "2.6.9", Complexity: "O(1)",
		Summary: "Tell the name of this connection.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		if name := s.Facts().Name; name != "" {
			return resp.Bulk(name)
		}
		return resp.Nil
	})
}

// CLIENT SETINFO LIB-NAME libname | LIB-VER libver
//
// It is of 7.2, but client libraries of today send it to every server.
func clientSetInfo() *command.Spec {
	return own(command.Spec{
		Name: "setinfo", Arity: 4, Since: "7.2.0", Complexity: "O(1)",
		Syntax:  "LIB-NAME|LIB-VER <value>",
		Summary: "Tell the client library's name or version.",
	}, runSetInfo)
}

func runSetInfo(s *command.Session, args command.Args) resp.Value {
	isName := args.Is(2, "LIB-NAME")
	if !isName && !args.Is(2, "LIB-VER") {
		return resp.Errf("ERR Unrecognized option '%s'", args.Printed(2))
	}
	if !plain(args[3]) {
		return resp.Errf("ERR %s cannot contain spaces, newlines or special characters.", args[2])
	}
	s.SetFacts(func(f *command.Facts) {
		if isName {
			f.LibName = args.Str(3)
		} else {
			f.LibVer = args.Str(3)
		}
	})
	return resp.OK
}
