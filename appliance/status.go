package appliance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
)

// Status is what a node is and where, for people.
type Status struct {
	Node, Dir, Sync string
	// Listen is the address for Redis clients, TLSListen the one with TLS, and
	// NATS the URL for NATS clients, each empty if there is none; Credentials is
	// the file with the admin's password.
	Listen, TLSListen, NATS, Credentials string
	// Metrics is the URL for Prometheus, and Page the one for people; empty is none.
	// PageNeeds is what is missing for anybody to see the page, which has no URL then.
	Metrics, Page, PageNeeds string
	// Recovered says how far the node has recovered, and why it takes no writes if it
	// doesn't.
	Recovered string
}

// Status returns what the node is and where.
func (n *Node) Status() Status {
	live := liveNow(n)
	s := Status{
		Node: n.dir.node, Dir: n.dir.path, Sync: live.Sync,
		NATS:        n.natsURL(),
		Credentials: n.dir.adminPath(),
	}
	if r := n.recovered.Load(); r != nil {
		s.Recovered = r.words()
	}
	if h := n.report.OperatorsHealth(); h.State == admin.StateSuspended {
		s.Recovered += "; it takes no writes, ledge health says more: " + h.Cause
	}
	if a := n.MetricsAddr(); a != nil {
		s.Page = "http://" + a.String() + "/"
		s.Metrics = s.Page + "metrics"
		if !n.cfg.HTTPLocal() && *n.pageFile.Load() == "" {
			s.Page, s.PageNeeds = "", "--http-password-file FILE, since other machines reach this address"
		}
	}
	if a := n.server.TLSAddr(); a != nil {
		s.TLSListen = a.String()
	}
	if n.cfg.Listen != Off {
		s.Listen = n.server.Addr().String()
	}
	if s.Sync == SyncInterval {
		s.Sync = fmt.Sprintf("every %s", live.SyncInterval)
	}
	return s
}

// eventsLooked is how many of the last events are looked through for replicas.
const eventsLooked = 1000

// Leads returns whom a node is about to follow, "" for nobody, and what a node that
// leads knows of others that may: a promotion of its own, and the replicas that it has
// had. Whether one of those was promoted is known to nobody but that replica. It is
// called before Run, during which that may change.
func Leads(n *Node) (leader, knows string) {
	leader, promoted := n.dir.id.follows(n.cfg.Follow)
	switch {
	case promoted:
		return "", "leads, since it was promoted; follow " + options.ShownURL(leader) + " is ignored; ledge follow URL has this node follow it"
	case leader != "":
		return options.ShownURL(leader), ""
	}
	return "", replicasBefore(n.events.latest(eventsLooked))
}

// replicasBefore says which replicas a node has had that leads, by its last events, the
// newest first; "" is none. A replica of before the node last took or lost its lead
// followed somebody else's.
func replicasBefore(list []admin.Event) string {
	heard := make(map[string]string)
	for _, ev := range list {
		if ev.Kind == admin.EventRole {
			break
		}
		if r := ev.Replica; r != nil && heard[r.Node] == "" {
			word := "came"
			if ev.Cause != "" {
				word = "was heard of last"
			}
			heard[r.Node] = r.Node + " " + word + " at " + r.Heard.UTC().Format(time.RFC3339)
		}
	}
	if len(heard) == 0 {
		return ""
	}
	return fmt.Sprintf("leads, as before; of its replicas %s: if one was promoted meanwhile, ledge follow URL has this node follow it",
		strings.Join(slices.Sorted(maps.Values(heard)), ", "))
}
