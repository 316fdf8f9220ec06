package jet

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
)

// The users that serve account ADMIN can't come in over TCP, whatever they
// know, and within the process each can do its own work and nothing else.
func TestServiceUsers(t *testing.T) {
	j, err := Open(t.Context(), Config{Dir: t.TempDir(), Lineage: 1, Create: true, Sync: SyncOff,
		Listen: "127.0.0.1:0", Users: []User{{MonitorUser, "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, user := range []string{serviceUser, eventUser, journalUser} {
		for _, secret := range []string{j.broker.service, j.broker.secret} {
			nc, err := nats.Connect(j.ClientURL(), nats.UserInfo(user, secret))
			if err == nil {
				nc.Close()
			}
			if !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("user %q over TCP: %v; want an authorization violation", user, err)
			}
		}
	}
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	service, err := j.ServiceConn(quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	events, err := j.EventConn(quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	for _, c := range []struct {
		name    string
		nc      *nats.Conn
		subject string
		denied  bool
	}{
		{"service", service, "_INBOX.x", false},
		{"service", service, "ledge.n.event.x", true},
		{"service", service, "ledge.n.stop", true},
		{"service", service, "j", true},
		{"events", events, "ledge.n.event.x", false},
		{"events", events, "ledge.n.stop", true},
		{"events", events, "_INBOX.x", true},
		{"events", events, "$JS.API.INFO", true},
	} {
		before := c.nc.LastError()
		if err := errors.Join(c.nc.Publish(c.subject, nil), c.nc.Flush()); err != nil {
			t.Fatal(err)
		}
		if denied := c.nc.LastError() != before; denied != c.denied {
			t.Errorf("%s publishes to %s: denied is %v; want %v", c.name, c.subject, denied, c.denied)
		}
	}
	before := events.LastError()
	if _, err := events.SubscribeSync("ledge.>"); err != nil {
		t.Fatal(err)
	}
	if err := events.Flush(); err != nil || events.LastError() == before {
		t.Errorf("events subscribes to ledge.>: %v, %v; want it denied", err, events.LastError())
	}
}
