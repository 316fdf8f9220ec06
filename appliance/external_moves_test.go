package appliance_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal/freeport"
)

// withBus sets a node's addresses so that its NATS port is where others look for it: 10000
// above its Redis port.
func withBus(t *testing.T, cfg appliance.Config) appliance.Config {
	t.Helper()
	for range 100 {
		port, err := freeport.Get()
		if err != nil {
			t.Fatal(err)
		}
		bus, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port+10000))
		if err != nil {
			continue
		}
		bus.Close()
		cfg.Listen, cfg.NATSListen = fmt.Sprint("127.0.0.1:", port), fmt.Sprint("127.0.0.1:", port+10000)
		return cfg
	}
	t.Fatal("no two ports are free")
	return cfg
}

// ruledAt is ruled for a node that listens where its configuration says.
func ruledAt(t *testing.T, name string) *member {
	t.Helper()
	cfg := withBus(t, appliance.Config{Node: name})
	listen := cfg.Listen
	return memberOf(t, cfg, "s3cret", nil, func(cfg *appliance.Config) { cfg.ClusterAuthority, cfg.Listen = "external", listen })
}

// migrates moves slots once the two nodes know each other.
func (m *member) migrates(slots string, to *member) {
	m.t.Helper()
	got := ""
	within(m.t, 30*time.Second, m.name+" reaches "+to.name, func() bool {
		got = m.clusterX("MIGRATE", slots, controllerID(to.name), "SYNC", "30")
		return !strings.Contains(got, "is not connected")
	})
	if got != "OK" {
		m.t.Fatalf("MIGRATE %s to %s: %s", slots, to.name, got)
	}
}

// A slot that MIGRATE has moved stays where it is, whatever documents come that have not heard of
// it, and no client of clusters sees an error or loses a write. The document that says so
// changes nothing any more.
func TestExternalMigrate(t *testing.T) {
	t.Parallel()
	a, b := ruledAt(t, "a"), ruledAt(t, "b")
	givesNames(t, a, b)
	document := func(first, second string) string {
		return lineFor(a, "master - "+first) + "\n" + lineFor(b, "master - "+second)
	}
	tells(t, document("0-16383", ""), 1, a, b)
	a.answers([]saying{
		{[]any{"MIGRATE", "16384", controllerID("b")}, "ERR Slot is out of range"},
		{[]any{"MIGRATE", "1", controllerID("x")}, "ERR Can't find the destination node id"},
		{[]any{"MIGRATE", "1", controllerID("a")}, "ERR Can't migrate slot to myself"},
		{[]any{"MIGRATE", "1", controllerID("b"), "ASYNC", "5"}, "ERR Async migration does not support timeout"},
		{[]any{"MIGRATE", "1", controllerID("b"), "LATER"}, "ERR Invalid sync flag"},
	})
	b.answers([]saying{{[]any{"MIGRATE", "1", controllerID("a")}, "ERR Can't migrate slot which doesn't belong to me"}})
	client := countWithGo(t, a.Status().Listen)
	a.migrates("0-8191", b)
	has(t, a.c.ClusterInfo(t.Context()).Val(), "migrating_slot(s): 0-8191\r\ndestination_node: "+controllerID("b")+"\r\nmigrating_state: success\r\n")
	tells(t, document("0-16383", ""), 2, a, b) // which has not heard of it
	a.moved(b)
	if err := b.c.Incr(t.Context(), "k").Err(); err != nil {
		t.Errorf("the target does not serve what has moved: %v", err)
	}
	tells(t, document("8192-16383", "0-8191"), 3, a, b)
	a.moved(b)
	b.migrates("0-4000", a)
	for _, m := range []*member{a, b} {
		m.answers([]saying{{[]any{"SETSLOT", "0-4000", "NODE", controllerID("a"), "4"}, "OK"}})
	}
	acked, sum := client.told(t), 0
	for i := range 20 {
		for _, m := range []*member{a, b} {
			if n, err := m.c.Get(t.Context(), fmt.Sprint("go-redis:", i)).Int(); err == nil {
				sum += n
			}
		}
	}
	if sum != acked {
		t.Errorf("%d INCRs were answered, and the keys add up to %d", acked, sum)
	}
	all := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: time.Minute, Addrs: []string{b.Status().Listen}, DisableIdentity: true, MaintNotificationsConfig: plainly})
	defer all.Close()
	for i := range 100 {
		if err := all.Set(t.Context(), fmt.Sprint("stock:", i), i, 0).Err(); err != nil {
			t.Fatalf("a stock client of clusters: %v", err)
		}
	}
	if keys := a.c.DBSize(t.Context()).Val() + b.c.DBSize(t.Context()).Val(); keys != 121 {
		t.Errorf("the two nodes have %d keys; want 100, 20 that were counted, and one", keys)
	}
	t.Logf("%d INCRs", acked)
}

// SETNODES waits for no other node: with two of three frozen it is answered as fast as ever.
func TestExternalFrozen(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	replaceFile(t, secret, "s3cret\n")
	opts := []string{"--cluster", "yes", "--cluster-authority", "external", "--cluster-secret-file", secret}
	dirs := directories(t, "a", "b", "r")
	a, b := lead(t, dirs[0], opts...), lead(t, dirs[1], opts...)
	r := follow(t, dirs[2], a, opts...)
	document := ""
	for i, p := range []*peer{a, b, r} {
		host, port, _ := strings.Cut(p.addr, ":")
		role := []string{"master - 0-8191", "master - 8192-16383", "slave " + controllerID("a")}[i]
		document += fmt.Sprintf("%s %s %s %s\n", controllerID(filepath.Base(p.dir)), host, port, role)
	}
	for _, p := range []*peer{a, b, r} {
		for _, args := range [][]any{{"SETNODEID", controllerID(filepath.Base(p.dir))}, {"SETNODES", document, "1"}} {
			if err := p.c.Do(t.Context(), append([]any{"CLUSTERX"}, args...)...).Err(); err != nil {
				t.Fatalf("CLUSTERX %v: %v", args, err)
			}
		}
	}
	host, port := b.address()
	if err := a.c.Do(t.Context(), "CLUSTER", "MEET", host, strings.TrimPrefix(b.addr, host+":"), port).Err(); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the replica streams", func() bool {
		return strings.Contains(a.c.Info(t.Context(), "replication").Val(), "state=online")
	})
	for _, p := range []*peer{b, r} {
		proc := p.cmd.Process
		if err := proc.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer func(proc *os.Process) { _ = proc.Signal(syscall.SIGCONT) }(proc)
	}
	fastest := time.Hour
	for version := 2; version < 12; version++ {
		began := time.Now()
		err := a.c.Do(t.Context(), "CLUSTERX", "SETNODES", document, version).Err()
		took := time.Since(began)
		if err != nil || took > patience(15*time.Second) {
			t.Errorf("SETNODES with two of three nodes frozen: %v after %s; want OK at once", err, took)
		}
		fastest = min(fastest, took)
	}
	if fastest > 100*time.Millisecond {
		t.Errorf("the fastest SETNODES took %s; want 100 ms at most", fastest)
	}
	t.Logf("the fastest took %s", fastest)
	if got, err := a.c.Do(t.Context(), "CLUSTERX", "VERSION").Text(); got != "11" {
		t.Errorf("VERSION = %s, %v; want 11", got, err)
	}
}
