package admin_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/admin/admintest"
)

// Within the process the service and the events can each do their own work and nothing
// else, on a broker that is told of them by Users.
func TestServiceUsers(t *testing.T) {
	b := admintest.Start(t)
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	conns := make(map[string]*nats.Conn)
	for _, user := range []string{admin.ServiceUser, admin.EventUser} {
		nc, err := b.Connect(user, quiet)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[user] = nc
		if nc, err := nats.Connect(b.ClientURL(), nats.UserInfo(user, "")); err == nil {
			nc.Close()
			t.Errorf("user %q comes in over TCP", user)
		}
	}
	for _, c := range []struct {
		user, subject string
		denied        bool
	}{
		{admin.ServiceUser, "_INBOX.x", false},
		{admin.ServiceUser, "ledge.n.event.x", true},
		{admin.ServiceUser, "ledge.n.stop", true},
		{admin.ServiceUser, "j", true},
		{admin.EventUser, "ledge.n.event.x", false},
		{admin.EventUser, "ledge.n.stop", true},
		{admin.EventUser, "_INBOX.x", true},
		{admin.EventUser, "$JS.API.INFO", true},
	} {
		nc := conns[c.user]
		before := nc.LastError()
		if err := errors.Join(nc.Publish(c.subject, nil), nc.Flush()); err != nil {
			t.Fatal(err)
		}
		if denied := nc.LastError() != before; denied != c.denied {
			t.Errorf("%s publishes to %s: denied is %v; want %v", c.user, c.subject, denied, c.denied)
		}
	}
	events := conns[admin.EventUser]
	before := events.LastError()
	if _, err := events.SubscribeSync("ledge.>"); err != nil {
		t.Fatal(err)
	}
	if err := events.Flush(); err != nil || events.LastError() == before {
		t.Errorf("events subscribes to ledge.>: %v, %v; want it denied", err, events.LastError())
	}
}

// Whoever has no password is not let in.
func TestUsersWithPasswords(t *testing.T) {
	var names []string
	for _, u := range admin.Users(map[string]string{admin.MonitorUser: "x", "root": "y"}, "r.>") {
		names = append(names, u.Name)
		if u.Inside != (u.Password == "") {
			t.Errorf("user %q is inside: %v, with password %q", u.Name, u.Inside, u.Password)
		}
	}
	if want := []string{admin.ServiceUser, admin.EventUser, admin.MonitorUser}; !slices.Equal(names, want) {
		t.Errorf("users %q; want %q", names, want)
	}
}
