package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal/fault"
	"ledge/replay/remote"
	"ledge/replay/writer"
	"ledge/respd/resp"
)

// errHandingOver is what a client's write gets while the node hands over.
var errHandingOver = fault.With(fault.Refused, resp.Error("TRYAGAIN the node hands over its lead, try again"))

const (
	// catchUpLimit is how long a replica that is to lead may take to come close
	// while writes are still taken, and handLimit for the rest, while they are not.
	catchUpLimit = 10 * time.Second
	handLimit    = time.Second
)

// Switchover has a replica lead, and the node follow it. Writes are refused from
// when the replica has nearly everything until it leads. When it fails the node
// goes on as before; what it has acknowledged is on both.
func (n *Node) Switchover(ctx context.Context, to string) (admin.Switched, error) {
	r := n.repl
	leader := r.leading()
	if leader == nil {
		return admin.Switched{}, writer.ErrStopped
	}
	near, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	if err := leader.Near(near, to); err != nil {
		return admin.Switched{}, stillLeads(err)
	}
	if err := r.mu.take(ctx); err != nil {
		return admin.Switched{}, err
	}
	defer r.mu.Unlock()
	switch {
	case r.ctx == nil:
		return admin.Switched{}, writer.ErrStopped
	case r.url != "":
		return admin.Switched{}, fault.With(fault.Refused, fmt.Errorf("the node follows %s", r.url))
	}
	began := n.cfg.Clock()
	if err := n.inDoubt(); err != nil {
		return admin.Switched{}, fmt.Errorf("switchover: %w", err)
	}
	quiet, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	sink, err := n.writer.Follow(quiet, errHandingOver)
	if err != nil {
		return admin.Switched{}, fmt.Errorf("switchover: %w", err)
	}
	last := n.state.Pos().Seq
	hand, cancel := context.WithTimeout(ctx, handLimit)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)() // a node that stops takes its offer back
	at, _, err := leader.Offer(hand, to, last)
	if err != nil {
		sink.Cancel()
		return admin.Switched{}, stillLeads(err)
	}
	sink.Refuse(errReadOnly)
	r.url, r.sink = at, sink
	r.launchLocked()
	r.dismiss()
	n.server.Demote(errReadOnly)
	took := n.cfg.Clock().Sub(began)
	n.cfg.Logger.Warn("has handed over", "to", to, "at", at, "number", uint64(last), "took", took)
	return admin.Switched{Node: to, Leader: at, Number: uint64(last), Took: report.Millis(took)}, nil
}

// stillLeads says what holds after a switchover that has not worked.
func stillLeads(err error) error {
	return fmt.Errorf("switchover: %w; this node still leads", err)
}

// takeOver makes the node lead when its leader has handed over.
func (r *replication) takeOver(link *remote.Follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil || r.link != link {
		return // somebody has said something else meanwhile
	}
	_ = r.haltLocked() // it has ended
	switch err := r.leadLocked(r.ctx); {
	case errors.Is(err, writer.ErrLeadInDoubt):
		r.n.cfg.Logger.Error("the leader has handed over", "cause", err)
	case err != nil:
		r.n.cfg.Logger.Error("the leader has handed over, and the node can't lead", "cause", err)
	}
}

// Yield notes for good that another node leads.
func (s source) Yield(leader, password string) error {
	if _, err := options.LeaderURL(leader); err != nil {
		return fault.With(fault.Refused, fmt.Errorf("leader %q: %w", leader, err))
	}
	path, content := s.n.dir.leaderPath(), []byte(password+"\n")
	// Clients' writes wait for this: two nodes that hand over to and fro spare it.
	if had, err := os.ReadFile(path); err != nil || !bytes.Equal(had, content) {
		if err := writeFile(path, content); err != nil {
			return fault.With(fault.Operator, err)
		}
	}
	return s.n.dir.follow(leader)
}

// reach returns where this node can be followed, as the leader sees it, which
// was reached from local.
func (n *Node) reach(local net.Addr) (at, password string, err error) {
	own := n.jet().ClientURL()
	if own == "" {
		return "", "", errors.New("the node has no NATS listener, so it can't be followed")
	}
	u, err := url.Parse(own)
	if err != nil {
		return "", "", err
	}
	ip, from := net.ParseIP(u.Hostname()), net.IP(nil)
	if tcp, ok := local.(*net.TCPAddr); ok {
		from = tcp.IP
	}
	switch {
	case ip != nil && ip.IsUnspecified() && from != nil:
		u.Host = net.JoinHostPort(from.String(), u.Port())
	case ip != nil && ip.IsLoopback() && from != nil && !from.IsLoopback():
		return "", "", fmt.Errorf("the node's NATS listener is on %s, which its leader can't reach", ip)
	}
	password, err = n.dir.password(admin.ReplicaUser)
	return u.String(), password, err
}
