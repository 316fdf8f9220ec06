package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/journal/logtest"
)

// peerIn reports whether a node lets somebody in as a node of another shard.
func peerIn(t *testing.T, n *appliance.Node, secret string) bool {
	t.Helper()
	nc, err := nats.Connect(n.Status().NATS, nats.UserInfo(admin.PeerUser, secret), nats.NoReconnect())
	if err == nil {
		nc.Close()
	}
	return err == nil
}

// The cluster's secret lets peers in. Another one that is read anew does, and the one
// before for a while; without one nobody comes in.
func TestClusterSecret(t *testing.T) {
	t.Parallel()
	var log logtest.Log
	file := filepath.Join(t.TempDir(), "secret")
	replaceFile(t, file, "first\n")
	cfg := appliance.Config{Node: "a", Dir: t.TempDir(), NATSListen: freeport.Addr(t), Cluster: "yes", ClusterSecretFile: file, Logger: log.Logger()}
	said := &cfg
	cfg.Reread = func() (appliance.Config, error) { return *said, nil }
	n := serve(t, cfg)
	lets := func(when string, want map[string]bool) {
		t.Helper()
		for secret, in := range want {
			if got := peerIn(t, n, secret); got != in {
				t.Errorf("%s: %q lets in: %v; want %v", when, secret, got, in)
			}
		}
	}
	reload := func() {
		t.Helper()
		if err := n.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lets("at first", map[string]bool{"first": true, "second": false, "": false})
	replaceFile(t, file, "second\n")
	reload()
	lets("after SIGHUP", map[string]bool{"first": true, "second": true})

	op, in := knock(t, n.Status().NATS, "admin", word(t, cfg.Dir, "admin"))
	if !in {
		t.Fatal("the operator is not let in")
	}
	if _, err := op.Passwd(t.Context(), "a", admin.PeerUser, "", time.Hour); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("passwd peer: %v; want it refused, and the file named that has the secret", err)
	}
	// Another place for it: the node's own directory, where there is none yet.
	other := cfg
	other.ClusterSecretFile = ""
	said = &other
	reload()
	lets("without one", map[string]bool{"first": false, "second": false, "": false})
	if !strings.Contains(log.String(), "nodes of other shards can't connect") {
		t.Errorf("the log:\n%s\nwant it to say what that means", log.String())
	}
	r, err := op.Passwd(t.Context(), "a", admin.PeerUser, "", time.Hour)
	if err != nil || !r.Drawn || r.Until != nil {
		t.Fatalf("passwd peer: %+v, %v; want one that is drawn, and no grace for none", r, err)
	}
	drawn := word(t, cfg.Dir, admin.PeerUser)
	lets("once it is drawn", map[string]bool{drawn: true, "second": false})
	if r, err = op.Passwd(t.Context(), "a", admin.PeerUser, "third", time.Hour); err != nil || r.Until == nil {
		t.Fatalf("passwd peer: %+v, %v; want a grace", r, err)
	}
	lets("once it is changed", map[string]bool{drawn: true, "third": true})
}

// A secret that can't be read is refused at the start, and named by its option.
func TestClusterSecretMissing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	for _, text := range []string{"", "two\nlines\n"} {
		if text != "" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg := appliance.Config{Node: "a", Dir: t.TempDir(), Listen: "127.0.0.1:0", NATSListen: freeport.Addr(t), Cluster: "yes", ClusterSecretFile: file}
		n, err := appliance.Open(t.Context(), cfg)
		if err == nil {
			n.Close()
		}
		if fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "cluster-secret-file") {
			t.Errorf("a file with %q: %v; want class operator and the option", text, err)
		}
	}
}
