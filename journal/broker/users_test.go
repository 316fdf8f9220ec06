package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/broker"
)

// start starts a broker, which ends with the test.
func start(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	cfg.Dir, cfg.Name = t.TempDir(), "ledge"
	if cfg.SyncInterval == 0 {
		cfg.SyncInterval = time.Second
	}
	b, err := broker.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// quiet keeps what a client is denied off standard error.
var quiet = nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})

// Users who exist within the process can't come in over TCP, whatever they know,
// and each can do what it was given leave to do and nothing else.
func TestUsers(t *testing.T) {
	b := start(t, broker.Config{Listen: "127.0.0.1:0", Users: []broker.User{
		{Name: "guest", Password: "sesame", Publish: []string{"a.>", "b"}, Deny: []string{"a.x.>"}, Subscribe: []string{"c.>"}},
		{Name: "speaker", Inside: true, Publish: []string{"_INBOX.>"}, Subscribe: []string{"a.>"}},
		{Name: "mute", Inside: true, Subscribe: []string{"a.>"}},
		{Name: "deaf", Inside: true, Publish: []string{"c.>"}},
	}})
	keptOut(t, b, "speaker", "mute", "deaf", "journal")
	conns := map[string]*nats.Conn{}
	for _, user := range []string{"speaker", "mute", "deaf", "guest"} {
		nc, err := b.Connect(user, quiet)
		if user == "guest" {
			if err == nil {
				t.Errorf("user %q has a secret within the process; want an error", user)
			}
			nc, err = nats.Connect(b.ClientURL(), nats.UserInfo(user, "sesame"), quiet)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[user] = nc
	}
	for _, c := range []struct {
		user, subject         string
		publishes, subscribes bool
	}{
		{"guest", "a.b", true, false},
		{"guest", "a.x.y", false, false},
		{"guest", "b", true, false},
		{"guest", "b.c", false, false},
		{"guest", "c.d", false, true},
		{"guest", "j", false, false},
		{"guest", "$JS.API.INFO", false, false},
		{"speaker", "_INBOX.x", true, false},
		{"speaker", "a.b", false, true},
		{"mute", "a.b", false, true},
		{"mute", "_INBOX.x", false, false},
		{"deaf", "c.d", true, false},
		{"deaf", "_INBOX.x", false, false},
	} {
		may(t, conns[c.user], c.user, c.subject, c.publishes, c.subscribes)
	}
}

// keptOut checks that users within the process get nowhere over TCP.
func keptOut(t *testing.T, b *broker.Broker, users ...string) {
	t.Helper()
	for _, user := range users {
		for _, secret := range []string{"", b.Secret(user), "sesame"} {
			nc, err := nats.Connect(b.ClientURL(), nats.UserInfo(user, secret))
			if err == nil {
				nc.Close()
			}
			if !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("user %q over TCP: %v; want an authorization violation", user, err)
			}
		}
	}
}

// may checks whether a user may publish and subscribe to a subject.
func may(t *testing.T, nc *nats.Conn, user, subject string, publishes, subscribes bool) {
	t.Helper()
	before := nc.LastError()
	if err := errors.Join(nc.Publish(subject, nil), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if got := nc.LastError() == before; got != publishes {
		t.Errorf("%s may publish to %s: %v; want %v", user, subject, got, publishes)
	}
	before = nc.LastError()
	sub, err := nc.SubscribeSync(subject)
	if err := errors.Join(err, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	if got := nc.LastError() == before; got != subscribes {
		t.Errorf("%s may subscribe to %s: %v; want %v", user, subject, got, subscribes)
	}
	if subscribes {
		sub.Unsubscribe()
	}
}

// Every fault of a configuration is said at once.
func TestValidate(t *testing.T) {
	for want, users := range map[string][]broker.User{
		`user "a" has no password`:                 {{Name: "a"}},
		`user "a" stands twice`:                    {{Name: "a", Password: "x"}, {Name: "a", Inside: true}},
		`user "journal" stands twice`:              {{Name: "journal", Password: "x"}},
		`user "b" is within the process and needs`: {{Name: "a", Password: "x"}, {Name: "b", Inside: true, Password: "x"}},
		"a user has no name":                       {{Password: "x"}},
		"without users":                            {{Name: "a", Inside: true}},
	} {
		cfg := broker.Config{Listen: "127.0.0.1:0", Users: users}
		err := cfg.Validate()
		if err == nil {
			t.Errorf("Validate of %+v = nil; want %q", users, want)
			continue
		}
		for _, want := range []string{want, "no store directory", "broker interval 0s"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Validate of %+v = %v; want %q", users, err, want)
			}
		}
	}
}
