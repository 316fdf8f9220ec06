package conns

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNoTracking resp.Error = "ERR client-side caching is not offered by this server"
	errRedirect   resp.Error = "ERR The client ID you want redirect to does not exist"
	errCaching    resp.Error = "ERR CLIENT CACHING can be called only when the client is in tracking mode " +
		"with OPTIN or OPTOUT mode enabled"
)

// CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
//
// Only OFF is offered: it is what clients send to be sure.
func clientTracking() *command.Spec {
	return own(command.Spec{
		Name: "tracking", Arity: -3, Since: "6.0.0",
		Complexity: "O(1). Some options may introduce additional complexity.",
		Syntax:     "OFF",
		Summary:    "Stop telling this client about keys that it may have cached.",
	}, runTracking)
}

// trackingWords are checked, since the options stand before ON or OFF in Redis's order
// of errors, and say nothing.
var trackingWords = command.Options[*command.Session]{
	{Word: "REDIRECT", Takes: 1, Read: func(s *command.Session, vals command.Args) (*command.Session, error) {
		id, err := vals.Int(0)
		if err == nil && !connected(s, id) {
			err = errRedirect
		}
		return s, err
	}},
	{Word: "PREFIX", Takes: 1}, {Word: "BCAST"}, {Word: "OPTIN"}, {Word: "OPTOUT"}, {Word: "NOLOOP"},
}

func runTracking(s *command.Session, args command.Args) resp.Value {
	if _, err := trackingWords.Parse(args[3:], s); err != nil {
		return resp.FromError(err)
	}
	switch on, ok := onOff(args, 2); {
	case !ok:
		return resp.Err(command.ErrSyntax)
	case on:
		return resp.Err(errNoTracking)
	}
	return resp.OK
}

// connected reports whether there is a client of that id.
func connected(s *command.Session, id int64) (found bool) {
	s.Host.Clients(func(c *command.Session) { found = found || c.ID == id })
	return found
}

// CLIENT TRACKINGINFO
func clientTrackingInfo() *command.Spec {
	return own(command.Spec{
		Name: "trackinginfo", Arity: 2, Since: "6.2.0", Complexity: "O(1)",
		Summary: "Tell how this client's cache is kept true: it is not.",
	}, func(*command.Session, command.Args) resp.Value {
		return resp.Map(
			resp.Bulk("flags"), resp.Set(resp.Bulk("off")),
			resp.Bulk("redirect"), resp.Int(-1),
			resp.Bulk("prefixes"), resp.Array(),
		)
	})
}

// CLIENT GETREDIR
func clientGetRedir() *command.Spec {
	return own(command.Spec{
		Name: "getredir", Arity: 2, Since: "6.0.0", Complexity: "O(1)",
		Summary: "Tell which client gets this one's notices: none, which is -1.",
	}, func(*command.Session, command.Args) resp.Value {
		return resp.Int(-1)
	})
}

// CLIENT CACHING YES | NO
func clientCaching() *command.Spec {
	return own(command.Spec{
		Name: "caching", Arity: 3, Since: "6.0.0", Complexity: "O(1)", Syntax: "YES|NO",
		Summary: "Have the next command's keys tracked or not, which needs tracking.",
	}, func(*command.Session, command.Args) resp.Value {
		return resp.Err(errCaching)
	})
}
