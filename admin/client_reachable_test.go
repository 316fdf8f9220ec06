package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/freeport"
)

// placed is a node that says where it stands.
type placed struct {
	*admintest.Backend
	status admin.Status
}

func (p *placed) Status(context.Context) (admin.Status, error) { return p.status, nil }

// Whoever asks one node sees its leader, the leader's other replicas and theirs, each
// once, and of those that can't be asked why.
func TestReachable(t *testing.T) {
	t.Parallel()
	nowhere := "nats://" + freeport.Addr(t)
	top, left, right := admintest.Start(t), admintest.Start(t), admintest.Start(t)
	say := func(b *admintest.Broker, node, redis string, link *admin.Link, replicas ...admin.Replica) {
		role := "leader"
		if link != nil {
			role = "replica"
		}
		b.Serve(t, admin.Config{Node: node, Backend: &placed{&admintest.Backend{},
			admin.Status{Node: node, Role: role, Redis: redis, NATS: b.ClientURL(), Link: link, Replicas: replicas}}})
	}
	up := &admin.Link{Leader: top.ClientURL(), Node: "top"}
	say(top, "top", "127.0.0.1:1", nil, admin.Replica{Node: "left", Redis: "10.0.0.1:2"}, // on loopback, but asked first
		admin.Replica{Node: "right", Redis: "10.0.0.1:3", NATS: right.ClientURL()}, admin.Replica{Node: "off", Redis: "10.0.0.1:4"})
	say(left, "left", "127.0.0.1:2", up)
	say(right, "right", "127.0.0.1:3", up, admin.Replica{Node: "gone", Redis: "10.0.0.1:5", NATS: nowhere},
		admin.Replica{Node: "top", Redis: "127.0.0.1:1", NATS: top.ClientURL()}) // a ring has an end
	var dialled atomic.Int64
	dial := func(ctx context.Context, server string) (*admin.Conn, error) {
		dialled.Add(1)
		return admin.Dial(ctx, admin.ClientConfig{Server: server, User: admin.MonitorUser, Password: top.Passwords[admin.MonitorUser]})
	}
	l, err := left.Dial(t, admin.MonitorUser).Reachable(t.Context(), dial)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range l.Nodes {
		why := "answers"
		if n.Unreachable != "" || n.ID == "" {
			why = n.Unreachable
		}
		got = append(got, n.Node+" "+n.Role+" "+n.Server+" "+why)
	}
	for i, want := range []string{"gone replica " + nowhere + " unreachable: " + nowhere + ": ", "left replica " + left.ClientURL() + " answers",
		"off replica  its NATS listener is off", "right replica " + right.ClientURL() + " answers", "top leader " + top.ClientURL() + " answers"} {
		if len(got) != 5 || !strings.HasPrefix(got[i], want) {
			t.Errorf("the nodes are\n%s\nwant %q at %d, and 5", strings.Join(got, "\n"), want, i)
		}
	}
	if n := dialled.Load(); n != 3 {
		t.Errorf("%d addresses were dialled; want 3, each once", n)
	}
	bare := func(context.Context, string) (*admin.Conn, error) { return nil, errors.New("no password") }
	if l, err := left.Dial(t, admin.MonitorUser).Reachable(t.Context(), bare); err != nil || len(l.Nodes) != 2 || l.Nodes[1].Node != "top" ||
		l.Nodes[1].Unreachable != "no password" {
		t.Errorf("without a password for others: %+v, %v; want the one that was asked, and its leader as one that was not", l, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := left.Dial(t, admin.MonitorUser).Reachable(ctx, dial); err == nil {
		t.Error("Reachable with a context that has ended = nil; want an error")
	}
}

// endless is a node that names another leader each time that it is asked.
type endless struct {
	*admintest.Backend
	asked atomic.Int64
}

func (e *endless) Status(context.Context) (admin.Status, error) {
	return admin.Status{Node: "n", Role: "replica", Link: &admin.Link{Leader: fmt.Sprintf("nats://127.0.0.1:%d", e.asked.Add(1))}}, nil
}

// A chain of nodes is followed a bounded way, and what lies beyond is said.
func TestReachableFar(t *testing.T) {
	t.Parallel()
	b, node := admintest.Start(t), &endless{Backend: &admintest.Backend{}}
	b.Serve(t, admin.Config{Node: "n", Backend: node})
	dial := func(context.Context, string) (*admin.Conn, error) { return b.Dial(t, admin.MonitorUser), nil }
	l, err := b.Dial(t, admin.MonitorUser).Reachable(t.Context(), dial)
	if n := node.asked.Load(); err != nil || n != 7 || len(l.Nodes) != 2 || l.Nodes[0].Server != "nats://127.0.0.1:7" ||
		!strings.Contains(l.Nodes[0].Unreachable, "too far away") {
		t.Errorf("after %d answers %+v, %v; want 6 hops, and the seventh named", n, l, err)
	}
}
