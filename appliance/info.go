package appliance

import (
	"net"
	"strconv"

	"ledge/respd/command"
)

// params are the parameters of CONFIG that the node has. Those that say when it
// is tried to resume can be changed while it runs.
func (n *Node) params() []command.Param {
	fixed := func(name, value string) command.Param {
		return command.Param{Name: name, Get: func() string { return value }}
	}
	fsync := map[string]string{SyncAlways: "always", SyncInterval: "everysec", SyncOff: "no"}
	port := func(addr string) string { // Validate has looked at it
		_, p, _ := net.SplitHostPort(addr)
		return orDefault(p, "0")
	}
	return append(append(n.resumeParams(), n.tuningParams()...),
		fixed("dir", n.dir.path),
		fixed("port", port(n.cfg.Listen)),
		fixed("tls-port", port(n.cfg.TLSListen)),
		fixed("tls-auth-clients", n.cfg.tlsAuth()),
		fixed("appendonly", "yes"),
		fixed("appendfsync", fsync[n.cfg.Sync]),
		fixed("save", ""),
		fixed("maxmemory", strconv.FormatInt(n.cfg.MaxMemory, 10)),
		fixed("maxmemory-policy", "noeviction"),
		fixed("ledge-node", n.dir.node),
		fixed("ledge-sync", n.cfg.Sync),
		fixed("ledge-max-value", strconv.FormatInt(n.cfg.MaxValue, 10)),
	)
}
