package appliance_test

// Handing the lead to and fro under load: nothing that was acknowledged is lost,
// there is always one leader at most, and clients wait for a short time only.

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/freeport"
)

// pair is two nodes, of which one leads the other.
type pair struct {
	nodes [2]*process
	dirs  [2]string
	urls  [2]string
}

// leadAndFollow starts two nodes a and b, of which b follows a, and waits until
// b streams.
func leadAndFollow(t *testing.T, opts ...string) *pair {
	t.Helper()
	p := &pair{dirs: [2]string{t.TempDir(), t.TempDir()}}
	for i, name := range names {
		p.urls[i] = "nats://" + freeport.Addr(t)
		args := append([]string{"--node", name, "--nats-listen", strings.TrimPrefix(p.urls[i], "nats://")}, opts...)
		if i == 1 {
			args = append(args, "--follow", p.urls[0],
				"--follow-password-file", filepath.Join(p.dirs[0], "auth", "replica"))
		}
		p.nodes[i] = start(t, p.dirs[i], args...)
	}
	p.streams(t, 1)
	p.same(t)
	return p
}

// admin connects to a node as its operator.
func (p *pair) admin(t *testing.T, i int) *admin.Conn {
	t.Helper()
	c, err := admin.Dial(t.Context(), admin.ClientConfig{Server: p.urls[i], User: "admin",
		Password: strings.TrimSpace(read(t, filepath.Join(p.dirs[i], "auth", "admin")))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// streams waits until a node follows the other.
func (p *pair) streams(t *testing.T, i int) {
	t.Helper()
	within(t, 20*time.Second, "the replica streams", func() bool {
		return p.nodes[i].info("ledge_link_state") == "streaming"
	})
}

// load writes numbered keys to whoever leads until stop is closed, and returns
// how many were acknowledged and the longest time without one.
func (p *pair) load(t *testing.T, stop <-chan struct{}) (acked int, gap time.Duration) {
	ctx, at := t.Context(), 0
	clients := [2]*redis.Client{p.nodes[0].client(), p.nodes[1].client()}
	for last := time.Now(); ; {
		select {
		case <-stop:
			return acked, gap
		default:
		}
		err := clients[at].Set(ctx, fmt.Sprintf("key%d", acked), acked, 0).Err()
		if err == nil {
			gap, last = max(gap, time.Since(last)), time.Now()
			acked++
			continue
		}
		var reply redis.Error
		if !errors.As(err, &reply) {
			t.Errorf("key%d: %v; want a reply", acked, err)
			return acked, gap
		}
		if !strings.HasPrefix(err.Error(), "TRYAGAIN") && !strings.HasPrefix(err.Error(), "READONLY") {
			t.Errorf("key%d: %v; want READONLY or TRYAGAIN", acked, err)
			return acked, gap
		}
		at = 1 - at
	}
}

// stillLeads reports whether a switchover was refused in a way that leaves who led in the
// lead.
func stillLeads(err error) bool {
	return strings.Contains(err.Error(), "has not taken the lead") || strings.Contains(err.Error(), "this node still leads")
}

// handOver has node from hand over to the other one, and returns how many milliseconds that
// took. A disk, or a machine, that stands still for a moment has it refused, and the node goes
// on: it is tried again for a while then, and undone is how often that was so.
func (p *pair) handOver(t *testing.T, c *admin.Conn, from int) (took float64, undone int) {
	t.Helper()
	for until := time.Now().Add(patience(30 * time.Second)); ; undone++ {
		s, err := c.Switchover(t.Context(), names[from], names[1-from])
		if err == nil {
			return s.Took, undone
		}
		if !stillLeads(err) || time.Now().After(until) {
			t.Fatalf("switchover from %s, after %d that were refused: %v", names[from], undone, err)
		}
	}
}

func TestSwitchover(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	p := leadAndFollow(t)
	type result struct {
		acked int
		gap   time.Duration
	}
	stop, done := make(chan struct{}), make(chan result, 1)
	go func() {
		acked, gap := p.load(t, stop)
		done <- result{acked, gap}
	}()
	var slowest float64
	undone := 0
	conns := [2]*admin.Conn{p.admin(t, 0), p.admin(t, 1)}
	for i := range rounds {
		from := i % 2
		took, refused := p.handOver(t, conns[from], from)
		slowest, undone = max(slowest, took), undone+refused
		p.streams(t, from)
	}
	close(stop)
	r := <-done
	t.Logf("%d rounds, %d undone, %d writes acknowledged, at most %v without one; the slowest round took %.1f ms",
		rounds, undone, r.acked, r.gap.Round(time.Millisecond), slowest)
	if r.acked == 0 || r.gap > patience(5*time.Second) {
		t.Errorf("%d writes, %v without one", r.acked, r.gap)
	}
	p.same(t)
	for i, c := range conns {
		told := map[string]int{}
		l, err := c.PastEvents(t.Context(), names[i], time.Time{})
		for _, e := range l.Events {
			if e.Kind == admin.EventRole {
				told[e.Role]++
			}
		}
		if err != nil || told["leader"] == 0 || told["replica"] == 0 {
			t.Errorf("events of node %s tell of roles %v, %v; want of both", names[i], told, err)
		}
	}
	for i, n := range p.nodes {
		if got, err := n.client().DBSize(t.Context()).Result(); err != nil || got < int64(r.acked) || got > int64(r.acked)+1 {
			t.Errorf("node %s has %d keys, %v; want %d", names[i], got, err, r.acked)
		}
	}
}

// When a switchover has returned, the node that is to lead takes writes at once.
func TestSwitchoverReturnsLate(t *testing.T) {
	p := leadAndFollow(t)
	conns := [2]*admin.Conn{p.admin(t, 0), p.admin(t, 1)}
	clients := [2]*redis.Client{p.nodes[0].client(), p.nodes[1].client()}
	for i := range 10 {
		from, to := i%2, 1-i%2
		p.handOver(t, conns[from], from)
		if err := clients[to].Set(t.Context(), "k", i, 0).Err(); err != nil {
			t.Errorf("round %d: the first write after it: %v", i, err)
		}
		p.streams(t, from)
	}
}

// same waits until both nodes hold the same.
func (p *pair) same(t *testing.T) {
	t.Helper()
	within(t, 20*time.Second, "both nodes are at the same number with the same digest", func() bool {
		return p.nodes[0].info("journal_digest") == p.nodes[1].info("journal_digest") &&
			p.nodes[0].info("master_repl_offset") == p.nodes[1].info("master_repl_offset")
	})
}

// A switchover that can't work leaves the leader as it was.
func TestSwitchoverUndone(t *testing.T) {
	p := leadAndFollow(t)
	_, err := p.admin(t, 0).Switchover(t.Context(), "a", "nobody")
	for _, want := range []string{`no replica "nobody" is known: there is b`, "this node still leads"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to a node that is not there: %v; want an error with %q", err, want)
		}
	}
	for _, to := range []string{"a", "nobody"} {
		if _, err := p.admin(t, 1).Switchover(t.Context(), "b", to); err == nil || !strings.Contains(err.Error(), "the node follows "+p.urls[0]) ||
			!strings.Contains(err.Error(), "ledge promote") {
			t.Errorf("a replica hands over to %s: %v; want it to say whom it follows, and what there is if that is gone", to, err)
		}
	}
	if r, err := p.admin(t, 0).Promote(t.Context(), "a"); err != nil || !r.Already {
		t.Errorf("Promote of the leader = %+v, %v; want it to say that it led already", r, err)
	}
	if err := p.nodes[0].client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("SET behind a switchover that failed: %v", err)
	}
	p.same(t)
}

// A leader takes writes only while enough replicas stream, and a replica reads
// only while it is not too far behind.
func TestGates(t *testing.T) {
	ctx := t.Context()
	p := leadAndFollow(t, "--min-replicas", "1", "--min-replicas-lag", "2s", "--read-staleness", "2s")
	leader, replica := p.nodes[0].client(), p.nodes[1].client()
	within(t, 10*time.Second, "the leader takes writes", func() bool { return leader.Set(ctx, "k", "v", 0).Err() == nil })
	if n, err := leader.Do(ctx, "WAIT", 1, 5000).Int(); err != nil || n != 1 {
		t.Errorf("WAIT 1 = %d, %v; want 1", n, err)
	}
	if got, err := replica.Get(ctx, "k").Result(); err != nil || got != "v" {
		t.Errorf("GET on the replica = %q, %v; want v", got, err)
	}
	if err := replica.Set(ctx, "k", "w", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "READONLY") {
		t.Errorf("SET on the replica = %v; want READONLY", err)
	}
	if code := p.nodes[0].end(9); code == 0 {
		t.Error("a killed process ended with 0")
	}
	within(t, 20*time.Second, "the replica refuses to read what is too old", func() bool {
		err := replica.Get(ctx, "k").Err()
		return err != nil && strings.HasPrefix(err.Error(), "STALE")
	})
	if _, err := p.admin(t, 1).Promote(ctx, "b"); err != nil {
		t.Fatalf("promote: %v", err)
	}
	within(t, 10*time.Second, "the new leader has no replicas, and takes no writes", func() bool {
		err := replica.Set(ctx, "k", "w", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "NOREPLICAS")
	})
	within(t, 10*time.Second, "the new leader reads", func() bool { return replica.Get(ctx, "k").Val() == "v" })
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A client that waits for replicas that never come does not hold up a stop.
func TestWaitEnds(t *testing.T) {
	p := start(t, t.TempDir())
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	if _, err := nc.Write([]byte("PING\r\nWAIT 1 0\r\n")); err != nil {
		t.Fatal(err)
	}
	if got, err := r.ReadString('\n'); got != "+PONG\r\n" {
		t.Fatalf("PING = %q, %v", got, err)
	}
	began := time.Now()
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code = %d; want 0; stderr: %s", code, &p.stderr)
	}
	if took := time.Since(began); took > patience(4*time.Second) {
		t.Errorf("the stop took %v beside WAIT 1 0", took)
	}
	if got, err := r.ReadString('\n'); got != ":0\r\n" {
		t.Errorf("WAIT = %q, %v; want 0 replicas", got, err)
	}
}
