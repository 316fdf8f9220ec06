// Package admintest starts the admin service of a node that isn't there, on a
// real broker, for tests of the service and of what asks it.
package admintest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"ledge/admin"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
	"ledge/replay/remote"
)

// Broker is a broker that lets the usual users in.
type Broker struct {
	*broker.Broker
	// Journal is what the broker keeps.
	Journal *jettest.Journal
	// Dir is laid out like a node's directory, as far as users need it.
	Dir string
	// Passwords by user.
	Passwords map[string]string
}

// Start starts a broker. It ends with the test.
func Start(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{Dir: t.TempDir(), Passwords: make(map[string]string)}
	for _, name := range admin.ChangedUsers() {
		b.Passwords[name] = "the " + name + "'s"
		write(t, filepath.Join(b.Dir, "auth", name), b.Passwords[name]+"\n")
	}
	var err error
	b.Journal, err = jettest.Open(t.Context(), jet.Config{
		Dir: filepath.Join(b.Dir, "journal"), Lineage: 1, Create: true, Sync: jet.SyncOff},
		broker.Config{Listen: "127.0.0.1:0", Users: admin.Users(b.Passwords, remote.Subjects)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Journal.Close() })
	b.Broker = b.Journal.Broker
	write(t, filepath.Join(b.Dir, "run.json"),
		fmt.Sprintf(`{"pid":%d,"redis":"127.0.0.1:6379","nats":%q}`+"\n", os.Getpid(), b.ClientURL()))
	return b
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Serve opens the service of a node on the broker. It ends with the test. cfg
// needs no connections; no node is n1, and no backend one that answers.
func (b *Broker) Serve(t testing.TB, cfg admin.Config) *admin.Service {
	t.Helper()
	var err error
	if cfg.Conn == nil {
		if cfg.Conn, err = b.Connect(admin.ServiceUser); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cfg.Conn.Close)
	}
	if cfg.Events == nil {
		if cfg.Events, err = b.Connect(admin.EventUser); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cfg.Events.Close)
	}
	if cfg.Node == "" {
		cfg.Node = "n1"
	}
	if cfg.Backend == nil {
		cfg.Backend = &Backend{}
	}
	if cfg.Version == "" {
		cfg.Version = "0.1.0"
	}
	s, err := admin.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	})
	return s
}

// Dial connects as a user.
func (b *Broker) Dial(t testing.TB, user string) *admin.Conn {
	t.Helper()
	c, err := admin.Dial(t.Context(), admin.ClientConfig{
		Server: b.ClientURL(), User: user, Password: b.Passwords[user]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
