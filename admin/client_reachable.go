package admin

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"
)

// The bounds of Reachable: so far from the node that was asked first, so many nodes, so
// many asked at a time, and so long for one.
const (
	maxHops      = 6
	maxReachable = 128
	maxAsked     = 8
	hopWait      = 3 * time.Second
)

// Reachable asks who is there, as Nodes does, and goes on to those that they name: the
// leader that one follows, and its replicas. dial connects to an address that a node has
// named, as somebody whose password whoever listens there may hear. Those that can't be
// asked are listed with the cause. The error is that of Nodes, of the first broker.
func (c *Conn) Reachable(ctx context.Context, dial func(ctx context.Context, server string) (*Conn, error)) (NodeList, error) {
	first := c.around(ctx)
	if first.err != nil {
		return NodeList{}, first.err
	}
	s := search{asked: map[string]bool{place(c.cfg.Server): true}, names: make(map[string]bool)}
	todo := s.take(first)
	for range maxHops {
		if len(todo) == 0 || ctx.Err() != nil {
			break
		}
		todo = s.hop(ctx, todo, dial)
	}
	for _, n := range todo {
		s.miss(n, errors.New("not asked: it is too far away, or the time is over"))
	}
	return s.list(), nil
}

// named is a node that another has named.
type named struct {
	node, role, server string
	port               string // of what it has for Redis clients, or for NATS
}

// around is what a broker's nodes say of themselves and of others.
type around struct {
	nodes []NodeInfo
	ports map[string]bool // of the nodes, each after its name
	named []named
	err   error
}

// around asks the nodes of a broker.
func (c *Conn) around(ctx context.Context) (a around) {
	l, err := c.Nodes(ctx)
	a.nodes, a.err, a.ports = l.Nodes[:min(len(l.Nodes), maxReachable)], err, make(map[string]bool)
	for i := range a.nodes {
		n := &a.nodes[i]
		n.Server = c.cfg.address()
		st, err := c.Status(ctx, n.Node)
		if err != nil {
			n.Unreachable = "status: " + err.Error()
			continue
		}
		n.Role = st.Role
		a.ports[n.Node+" "+portOf(st.Redis)], a.ports[n.Node+" "+portOf(place(st.NATS))] = true, true
		if st.Link != nil {
			n.Leader = st.Link.Leader
			a.named = append(a.named, named{node: st.Link.Node, server: st.Link.Leader, port: portOf(place(st.Link.Leader))})
		}
		for _, r := range st.Replicas[:min(len(st.Replicas), maxReachable)] {
			a.named = append(a.named, named{r.Node, "replica", r.NATS, portOf(r.Redis)})
		}
	}
	return a
}

// search is what Reachable has found.
type search struct {
	asked  map[string]bool // addresses
	names  map[string]bool // of those that have answered, each with a port of its own
	found  []NodeInfo
	missed []missed
}

// missed is a node that was named and not reached.
type missed struct {
	named
	cause error
}

// take notes who has answered, and returns whom they name that was not asked yet.
func (s *search) take(a around) (todo []named) {
	for _, n := range a.nodes {
		if !slices.ContainsFunc(s.found, func(o NodeInfo) bool { return o.ID == n.ID }) {
			s.found = append(s.found, n)
		}
	}
	for port := range a.ports {
		s.names[port] = true
	}
	for _, n := range a.named {
		switch at := place(n.server); {
		case n.server == "":
			s.miss(n, errors.New("its NATS listener is off, on loopback, or not known to its leader"))
		case s.asked[at] || len(s.asked) >= maxReachable:
		default:
			s.asked[at] = true
			todo = append(todo, n)
		}
	}
	return todo
}

func (s *search) miss(n named, cause error) { s.missed = append(s.missed, missed{n, cause}) }

// hop asks those nodes, and returns whom they name.
func (s *search) hop(ctx context.Context, list []named, dial func(context.Context, string) (*Conn, error)) (todo []named) {
	got := make([]around, len(list))
	places := make(chan struct{}, maxAsked)
	var asking sync.WaitGroup
	for i, n := range list {
		asking.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			ctx, cancel := context.WithTimeout(ctx, hopWait)
			defer cancel()
			c, err := dial(ctx, n.server)
			if err != nil {
				got[i].err = err
				return
			}
			defer c.Close()
			got[i] = c.around(ctx)
		})
	}
	asking.Wait()
	for i, a := range got {
		if a.err != nil {
			s.miss(list[i], a.err)
			continue
		}
		todo = append(todo, s.take(a)...)
	}
	return todo
}

// list puts those that have answered in order, and those that have not. One that was
// named by an address that does not lead to it, as one on loopback, may have answered at
// another: it has the same name and port.
func (s *search) list() NodeList {
	l := NodeList{Nodes: s.found}
	for _, m := range s.missed {
		if s.names[m.node+" "+m.port] {
			continue
		}
		n := NodeInfo{Node: m.node, Role: m.role, Server: m.server, Unreachable: m.cause.Error()}
		if !slices.Contains(l.Nodes, n) {
			l.Nodes = append(l.Nodes, n)
		}
	}
	slices.SortStableFunc(l.Nodes, func(a, b NodeInfo) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Server, b.Server))
	})
	return l
}

// place is where a URL leads, whether with TLS or without.
func place(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	return u.Host
}

func portOf(hostPort string) string {
	_, port, _ := net.SplitHostPort(hostPort) // what has none has none to compare
	return port
}
