package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/fault"
)

// The stock client finds the node, learns what it can be asked, and sees how
// often it was.
func TestDiscovery(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	nc := stock(t, b, admin.AdminUser)
	var ping micro.Ping
	get(t, nc, "$SRV.PING.ledge", &ping)
	if ping.Name != "ledge" || ping.Metadata["node"] != "n1" || ping.Version != "0.1.0" {
		t.Errorf("ping = %+v; want ledge, node n1, version 0.1.0", ping)
	}
	describes(t, nc)
	node.Hook(func(_ context.Context, verb string, _ any) error {
		if verb == "config.get" {
			return fault.With(fault.Refused, errors.New("no"))
		}
		return nil
	})
	for _, verb := range []string{"status", "config.get", "config.get"} {
		if _, err := nc.Request("ledge.n1."+verb, nil, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	counts(t, nc, map[string]admin.Stats{"status": {Requests: 1}, "stop": {},
		"config-get": {Requests: 2, Errors: 2, LastError: "no"}})
}

// get asks the node's service by a subject of the stock client.
func get(t *testing.T, nc *nats.Conn, subject string, out any) {
	t.Helper()
	m, err := nc.Request(subject, nil, 5*time.Second)
	if err == nil {
		err = json.Unmarshal(m.Data, out)
	}
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
}

// describes checks what the node says that it can be asked.
func describes(t *testing.T, nc *nats.Conn) {
	t.Helper()
	var info micro.Info
	get(t, nc, "$SRV.INFO.ledge", &info)
	doc, err := os.ReadFile("SUBJECTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range info.Endpoints {
		verb := strings.TrimPrefix(e.Subject, "ledge.n1.")
		if !strings.Contains(string(doc), "\n| `"+verb+"` |") {
			t.Errorf("SUBJECTS.md has no line for %s", verb)
		}
		if e.Metadata["description"] == "" || !strings.HasPrefix(e.Subject, "ledge.n1.") || e.QueueGroup != "" {
			t.Errorf("endpoint %+v; want a description, a subject of the node and no queue", e)
		}
	}
	if len(info.Endpoints) != 33 {
		t.Errorf("%d endpoints; want 33", len(info.Endpoints))
	}
}

// counts checks how often the node says that it was asked.
func counts(t *testing.T, nc *nats.Conn, wants map[string]admin.Stats) {
	t.Helper()
	var stats micro.Stats
	get(t, nc, "$SRV.STATS.ledge", &stats)
	got := map[string]admin.Stats{}
	for _, e := range stats.Endpoints {
		var s admin.Stats
		if err := json.Unmarshal(e.Data, &s); err != nil {
			t.Fatal(err)
		}
		s.Took, s.UnderWay = 0, 0 // the latter falls after the reply
		got[e.Name] = s
	}
	for name, want := range wants {
		if got[name] != want {
			t.Errorf("stats of %s are %+v; want %+v", name, got[name], want)
		}
	}
}
