package servers

import (
	"net"
	"net/url"
	"strconv"

	"ledge/replay/standing"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// ROLE
func role() *command.Spec {
	return family.Conn(command.Spec{
		Name: "role", Arity: 1,
		Flags: command.NoScript | command.Loading | command.Stale | command.Fast,
		Cats:  []string{"admin", "dangerous"},
		Since: "2.8.12", Complexity: "O(1)",
		Summary: "Tell whether this is a leader or a replica, and how far it is.",
	}, runRole)
}

// roleStates are what Redis calls the states of a link.
var roleStates = map[standing.LinkState]string{
	standing.LinkConnecting: "connect", standing.LinkHandshake: "connecting", standing.LinkFullSync: "sync",
	standing.LinkStreaming: "connected", standing.LinkStalled: "connect", standing.LinkFailed: "connect",
}

// runRole answers with the journal's number for the offset.
func runRole(s *command.Session, _ command.Args) resp.Value {
	seq := resp.Int(int64(s.Host.State().Pos().Seq))
	l := s.Host.Node().Link()
	if l.State == standing.LinkNone {
		replicas := []resp.Value{}
		for _, r := range s.Host.Node().Replicas() {
			host, port, _ := net.SplitHostPort(r.Redis)
			replicas = append(replicas, resp.Array(resp.Bulk(host), resp.Bulk(port),
				resp.Bulk(strconv.FormatUint(uint64(r.Applied), 10))))
		}
		return resp.Array(resp.Bulk("master"), seq, resp.Array(replicas...))
	}
	u, err := url.Parse(l.Leader)
	if err != nil {
		u = &url.URL{Host: l.Leader}
	}
	port, _ := number.ParseInt([]byte(u.Port()))
	return resp.Array(resp.Bulk("slave"), resp.Bulk(u.Hostname()), resp.Int(port),
		resp.Bulk(roleStates[l.State]), seq)
}
