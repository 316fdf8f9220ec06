package admin_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/fault"
)

// Nodes finds all that share the broker, in order; without any there is
// nobody to reach.
func TestNodes(t *testing.T) {
	b := admintest.Start(t)
	c := b.Dial(t, admin.MonitorUser)
	if l, err := c.Nodes(t.Context()); !errors.Is(err, admin.ErrUnreachable) || len(l.Nodes) > 0 {
		t.Errorf("without a node, Nodes = %+v, %v; want ErrUnreachable", l, err)
	}
	for _, name := range []string{"west", "east"} {
		b.Serve(t, admin.Config{Node: name, Version: "1.2.3"})
	}
	l, err := c.Nodes(t.Context())
	var names []string
	for _, n := range l.Nodes {
		names = append(names, n.Node+" "+n.Version)
		if n.ID == "" {
			t.Errorf("node %s has no ID", n.Node)
		}
	}
	if want := []string{"east 1.2.3", "west 1.2.3"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("Nodes = %q, %v; want %q", names, err, want)
	}
	if h, err := c.Health(t.Context(), "west"); err != nil || h.State != admin.StateOK {
		t.Errorf("health of west = %+v, %v; want ok", h, err)
	}
}

// Whoever doesn't answer is unreachable; who says no is not.
func TestUnreachable(t *testing.T) {
	b := admintest.Start(t)
	b.Serve(t, admin.Config{})
	c := b.Dial(t, admin.AdminUser)
	unreachable := func(name string, err error, want string) {
		t.Helper()
		if !errors.Is(err, admin.ErrUnreachable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want ErrUnreachable with %q", name, err, want)
		}
	}
	_, err := c.Status(t.Context(), "n2")
	unreachable("another node", err, `there is no node "n2"`)

	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	began := time.Now()
	_, err = admin.Dial(t.Context(), admin.ClientConfig{Server: "nats://" + silent.Addr().String(),
		User: "admin", ConnectTimeout: 50 * time.Millisecond})
	unreachable("silent server", err, silent.Addr().String())
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Dial of a silent server took %s; want about 50ms", took)
	}
	silent.Close()
	_, err = admin.Dial(t.Context(), admin.ClientConfig{Server: "nats://" + silent.Addr().String(), User: "admin"})
	unreachable("no server", err, "connection refused")

	_, err = admin.Dial(t.Context(), admin.ClientConfig{Server: b.ClientURL(), User: "admin", Password: "guess"})
	wantError(t, "wrong password", err, 401, fault.Refused,
		b.ClientURL()+` does not let user "admin" in: wrong user or password`)
	m := b.Dial(t, admin.MonitorUser)
	began = time.Now()
	wantError(t, "denied", m.Stop(t.Context(), "n1"), 403, fault.Refused, `user "monitor" may not ask ledge.n1.stop`)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a denied request took %s; want it not to wait for an answer", took)
	}
	if _, err := c.Status(t.Context(), "*"); err == nil || errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("status of node * = %v; want it refused", err)
	}
	b.Journal.Close()
	_, err = c.Status(t.Context(), "n1")
	unreachable("stopped broker", err, b.ClientURL())
}
