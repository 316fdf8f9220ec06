package admin_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/admin/admintest"
)

// Every user hears of events, in order, from one node or from all.
func TestEvents(t *testing.T) {
	b := admintest.Start(t)
	east := b.Serve(t, admin.Config{Node: "east"})
	west := b.Serve(t, admin.Config{Node: "west"})
	for _, user := range []string{admin.AdminUser, admin.ReplicaUser, admin.MonitorUser} {
		t.Run(user, func(t *testing.T) { follow(t, b.Dial(t, user), east, west) })
	}
	if _, err := b.Dial(t, admin.AdminUser).Events(t.Context(), "a.b"); err == nil {
		t.Error("events of node a.b: no error")
	}
}

func follow(t *testing.T, c *admin.Conn, east, west *admin.Service) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all, err := c.Events(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	one, err := c.Events(ctx, "west")
	if err != nil {
		t.Fatal(err)
	}
	east.Publish(admin.Event{Kind: admin.EventClientLimit})
	before := time.Now()
	west.Publish(admin.Event{Kind: admin.EventSuspended, Cause: "no space"})
	west.Publish(admin.Event{Kind: admin.EventResumed, At: admintest.At, Node: "ignored"})
	var got []admin.Event
	for e, err := range one {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e); len(got) == 2 {
			break
		}
	}
	if e := got[0]; e.Kind != admin.EventSuspended || e.Node != "west" || e.Cause != "no space" ||
		e.At.Before(before) {
		t.Errorf("the first event of west is %+v; want suspended, now", e)
	}
	if e := got[1]; e.Kind != admin.EventResumed || e.Node != "west" || !e.At.Equal(admintest.At) {
		t.Errorf("the second event of west is %+v; want resumed, at %s", e, admintest.At)
	}
	nodes := make(map[string]int)
	for e, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		if nodes[e.Node]++; nodes["east"] == 1 && nodes["west"] == 2 {
			cancel() // which ends the loop, and is no error
		}
	}
	if nodes["east"] != 1 || nodes["west"] != 2 {
		t.Errorf("events by node: %v; want 1 of east and 2 of west", nodes)
	}
}

// Who follows events hears that the connection is lost.
func TestEventsLost(t *testing.T) {
	b := admintest.Start(t)
	seq, err := b.Dial(t, admin.AdminUser).Events(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	go b.Journal.Close()
	var last error
	for _, last = range seq {
	}
	if !errors.Is(last, admin.ErrUnreachable) {
		t.Errorf("the last error is %v; want ErrUnreachable", last)
	}
}

// gate is a way into the broker that can be closed: then writes wait.
type gate struct {
	*admintest.Broker
	mu sync.Mutex
}

func (g *gate) InProcessConn() (net.Conn, error) {
	nc, err := g.Broker.InProcessConn()
	return &gated{nc, g}, err
}

type gated struct {
	net.Conn
	g *gate
}

func (c *gated) Write(b []byte) (int, error) {
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	return c.Conn.Write(b)
}

// Publish must not wait for a broker that takes nothing: the one who publishes
// has the journal to look after. What finds no room is dropped and counted,
// and what has found it arrives.
func TestPublishNeverWaits(t *testing.T) {
	b := admintest.Start(t)
	g := &gate{Broker: b}
	nc, err := b.Connect(admin.EventUser, nats.InProcessServer(g))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s := b.Serve(t, admin.Config{Events: nc})
	c := b.Dial(t, admin.AdminUser)
	seq, err := c.Events(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	ill := admintest.Suspended()
	const sent = 5000 // some megabytes: more than all buffers on the way
	g.mu.Lock()
	began := time.Now()
	for range sent {
		s.Publish(admin.Event{Kind: admin.EventSuspended, Health: &ill})
	}
	took := time.Since(began)
	g.mu.Unlock()
	if took > 10*time.Second {
		t.Errorf("%d events took %s to publish while the broker took none", sent, took)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	published, dropped := s.EventCounts()
	if published+dropped != sent || published == 0 || dropped == 0 {
		t.Errorf("%d published, %d dropped; want %d together and some of each", published, dropped, sent)
	}
	heard := int64(0)
	for _, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		if heard++; heard == published {
			return
		}
	}
}
