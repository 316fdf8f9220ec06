package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
)

// shardServing runs a node of a cluster until the test ends, and returns its directory and
// the node.
func shardServing(t *testing.T, name, secret string) (dir string, n *appliance.Node) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	n, err := appliance.Open(t.Context(), appliance.Config{Dir: dir, Listen: "127.0.0.1:0", NATSListen: "127.0.0.1:0", Node: name, Cluster: "yes",
		ClusterSecretFile: secret, Reserve: -1, Live: options.Live{Sync: appliance.SyncOff}})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(context.Background()) }()
	t.Cleanup(func() {
		n.Shutdown()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir, n
}

// awaitOutput runs the program again and again until it has printed something.
func awaitOutput(t *testing.T, want string, args ...string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := ledge(t, args...)
		if strings.Contains(got.stdout, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%v has printed %q, %q; want %q", args, got.stdout, got.stderr, want)
		}
	}
}

// A cluster is rebalanced by commands that are asked of one node; who watches it sees that.
func TestRebalance(t *testing.T) {
	secret := write(t, "secret", "s3cret\n")
	a, an := shardServing(t, "a", secret)
	b, bn := shardServing(t, "b", secret)
	for _, args := range [][]string{{"cluster", "found", "--dir", a}, {"cluster", "join", "--dir", b, an.Status().NATS}} {
		if got := ledge(t, args...); got.code != 0 {
			t.Fatalf("%v: exit code %d, %s", args, got.code, got.stderr)
		}
	}
	var seen lines
	watching, cancel := context.WithCancel(t.Context())
	watched := make(chan int, 1)
	go func() {
		watched <- run(watching, []string{"ledge", "cluster", "status", "--watch", "--dir", a}, &seen, &seen)
	}()
	seen.awaitText(t, ": 16384 slots 0-16383")
	awaitOutput(t, "8192 slots 8192-16383 from "+an.Status().Listen+" to "+bn.Status().Listen, "cluster", "rebalance", "--dry-run", "--dir", b)
	got := ledge(t, "cluster", "rebalance", "--dir", b, "--json")
	var moved struct{ Moves []admin.Move }
	if err := json.Unmarshal([]byte(got.stdout), &moved); got.code != 0 || err != nil || len(moved.Moves) != 1 || moved.Moves[0].Phase != "ended" || moved.Moves[0].Count != 8192 {
		t.Fatalf("rebalance: exit code %d, %s%s, %v; want one move that has ended", got.code, got.stdout, got.stderr, err)
	}
	seen.awaitText(t, ": 8192 slots 8192-16383")
	cancel()
	if code := <-watched; code != 0 {
		t.Errorf("status --watch ended with %d: %s; want 0", code, seen.String())
	}
	awaitOutput(t, "each shard has its share", "cluster", "rebalance", "--dir", a)
	got = ledge(t, "cluster", "move", "0-9", "--to", bn.Status().Listen, "--wait", "--dir", b)
	if got.code != 0 || !strings.Contains(got.stdout, "the slots have moved") {
		t.Errorf("move --wait: exit code %d, %s%s; want that the slots have moved", got.code, got.stdout, got.stderr)
	}
	awaitOutput(t, "10 slots 0-9", "cluster", "moves", "--all", "--dir", a)
	if got := ledge(t, "cluster", "rebalance", "--weight", "nobody=1", "--dir", a); got.code == 0 || !strings.Contains(got.stderr, "nobody") {
		t.Errorf("a weight of a node that there is not: exit code %d, %s; want it named", got.code, got.stderr)
	}
}
