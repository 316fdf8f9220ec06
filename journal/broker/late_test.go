package broker_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/broker"
)

// lateDialer dials for clients that wait before they write for the first time.
type lateDialer time.Duration

func (d lateDialer) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return &late{Conn: c, wait: time.Duration(d)}, err
}

type late struct {
	net.Conn
	once sync.Once
	wait time.Duration
}

// lateServer is a broker whose words reach clients within the process late for once.
type lateServer struct {
	b    *broker.Broker
	wait time.Duration
}

func (s lateServer) InProcessConn() (net.Conn, error) {
	c, err := s.b.InProcessConn()
	return &lateWords{Conn: c, wait: s.wait}, err
}

type lateWords struct {
	net.Conn
	once sync.Once
	wait time.Duration
}

func (l *lateWords) Read(b []byte) (int, error) {
	l.once.Do(func() { <-time.After(l.wait) })
	return l.Conn.Read(b)
}

func (l *late) Write(b []byte) (int, error) {
	l.once.Do(func() { <-time.After(l.wait) }) // how late it is, is the test's parameter
	return l.Conn.Write(b)
}

// A client on a slow link, or of a busy node, may need some seconds to say who it is.
func TestLateLogin(t *testing.T) {
	t.Parallel()
	b := guests(t)
	nc, err := nats.Connect(b.ClientURL(), nats.UserInfo("guest", "one"), nats.NoReconnect(), quiet,
		nats.Timeout(20*time.Second), nats.SetCustomDialer(lateDialer(2500*time.Millisecond)))
	if err != nil {
		t.Fatalf("a client that says who it is after 2.5 s: %v; want it let in", err)
	}
	nc.Close()
}

// A broker whose disk stalls while it starts may need some seconds before it answers those
// within its own process. The node must not fail to start for that.
func TestLateBroker(t *testing.T) {
	t.Parallel()
	b := guests(t)
	nc, err := b.Connect("service", nats.InProcessServer(lateServer{b, 2500 * time.Millisecond}))
	if err != nil {
		t.Fatalf("a broker that answers after 2.5 s: %v; want to be let in", err)
	}
	nc.Close()
}
