package broker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/blocks"
	"ledge/journal/broker"
)

// Whoever looks for streams from outside sees a JetStream that has none, before and
// after the journal's was taken out and loaded again, and none can be made there, not
// even by a user who may ask for it. It takes no place in the directory.
func TestNoStreamsForOperators(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Config{Dir: dir, Name: "ledge", SyncInterval: time.Second,
		Users: []broker.User{{Name: "root", Inside: true, Publish: []string{">"}, Subscribe: []string{">"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	store := blocks.NewStore(dir)
	s, err := b.OpenStream(store, broker.NewGuard(dir, store))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc, err := b.Connect("root")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, when := range []string{"at first", "after another load", "after a third"} {
		if err := s.Load(); err != nil {
			t.Fatal(err)
		}
		if when == "at first" {
			if err := s.Create(t.Context(), broker.StreamSpec{MaxBytes: 64 << 20, FirstSeq: 1}); err != nil {
				t.Fatal(err)
			}
		}
		noStreams(t, nc, when)
		if err := s.Unload(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		noStreams(t, nc, when+", while the journal's is out")
	}
	if list, err := os.ReadDir(filepath.Join(dir, "jetstream")); err != nil || len(list) != 1 || list[0].Name() != blocks.Account {
		t.Errorf("the broker's directory has %v, %v; want the journal's account alone", list, err)
	}
}

// noStreams checks that a user sees no streams and that the broker makes none.
func noStreams(t *testing.T, nc *nats.Conn, when string) {
	t.Helper()
	for _, q := range []struct{ subject, body, want string }{
		{"$JS.API.INFO", "", `"streams":0`},
		{"$JS.API.STREAM.LIST", "", `"total":0`},
		{"$JS.API.STREAM.NAMES", "", `"total":0`},
		{"$JS.API.STREAM.INFO.J", "", `"err_code":10059`}, // not found
		{"$JS.API.STREAM.CREATE.X", `{"name":"X","subjects":["x"],"storage":"file","retention":"limits","num_replicas":1}`, `"error"`},
		{"$JS.API.STREAM.CREATE.Y", `{"name":"Y","subjects":["y"],"storage":"memory","retention":"limits","num_replicas":1}`, `"error"`},
	} {
		m, err := nc.Request(q.subject, []byte(q.body), 5*time.Second)
		if err != nil {
			t.Fatalf("%s: %s = %v", when, q.subject, err)
		}
		if !strings.Contains(string(m.Data), q.want) {
			t.Errorf("%s: %s = %s; want %s", when, q.subject, m.Data, q.want)
		}
	}
}
