package appliance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/replay"
)

// running opens a node and runs it until the test ends.
func running(t *testing.T, cfg Config) *Node {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	if cfg.NATSListen == "" {
		cfg.NATSListen = freeport.Addr(t)
	}
	n, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(context.Background()) }()
	t.Cleanup(func() {
		n.Shutdown()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return n
}

// A follower that puts another journal in place closes the door for operators,
// which waits for what they have asked. An operator who has asked to promote
// waits for the follower in turn: he must give way.
func TestAdoptMeetsPromote(t *testing.T) {
	n := running(t, Config{Dir: t.TempDir(), Node: "n", Follow: "nats://127.0.0.1:1"})
	secret, err := os.ReadFile(n.dir.adminPath())
	if err != nil {
		t.Fatal(err)
	}
	c, err := admin.Dial(t.Context(), admin.ClientConfig{
		Server: n.carrier().ClientURL(), User: "admin", Password: strings.TrimSpace(string(secret))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	release, err := n.repl.Hold(t.Context()) // as Adopt does
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := c.Promote(t.Context(), "n")
		asked <- err
	}()
	st, err := c.Status(t.Context(), "n") // sees the link meanwhile
	if err != nil || st.Role != "replica" {
		t.Fatalf("Status = %s, %v; want a replica that says so while somebody waits", st.Role, err)
	}
	began := time.Now()
	if err := n.admin().service.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the door was closed after %s; want at once", took)
	}
	if err := <-asked; err == nil {
		t.Error("Promote works; want it to have given way")
	}
	release()
}

// What waits for its turn waits no longer than it is asked to.
func TestTurnIsBounded(t *testing.T) {
	dir := t.TempDir()
	n := running(t, Config{Dir: dir, Follow: "nats://127.0.0.1:1"})
	if err := os.WriteFile(filepath.Join(dir, authDir, "leader"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	release, err := n.repl.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := n.repl.Promote(ctx); fault.Of(err) != fault.Retryable {
		t.Errorf("Promote = %v; want a Retryable error", err)
	}
	if err := n.repl.Follow(ctx, "127.0.0.1:2"); fault.Of(err) != fault.Retryable {
		t.Errorf("Follow = %v; want a Retryable error", err)
	}
	release()
	if err := n.repl.Follow(t.Context(), "127.0.0.1:2"); err != nil {
		t.Errorf("Follow = %v", err)
	}
	if got := n.Link().Leader; got != "nats://127.0.0.1:2" {
		t.Errorf("leader = %s; want the new one", got)
	}
}

// An order whose wait is over before the journal has taken it says that it may be taken yet.
func TestOrderLate(t *testing.T) {
	n := running(t, Config{Dir: t.TempDir(), Node: "n", Cluster: "yes", Reserve: -1})
	over, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	asked := make(chan struct{}) // until then the writer waits
	err := orders{n.member}.enter(over, func(*replay.Draft) error { <-asked; return nil })
	close(asked)
	if !errors.Is(err, errJournalLate) || fault.Of(err) != fault.Retryable {
		t.Errorf("an order that came too late: %v, class %s; want %v, to be asked again", err, fault.Of(err), errJournalLate)
	}
	if err := (orders{n.member}).enter(t.Context(), func(*replay.Draft) error { return nil }); err != nil {
		t.Errorf("the same with time: %v", err)
	}
}
