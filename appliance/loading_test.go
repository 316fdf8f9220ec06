package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/journal/progress"
	"ledge/replay/standing"
	"ledge/respd/command"
)

// halted is a node that is being opened and does not get on: its newest snapshot is
// damaged, and its log keeps it at saying so, until go on is called.
type halted struct {
	addr   string // for Redis clients
	nats   string
	dir    string
	cancel context.CancelFunc
	goOn   func()
	opened <-chan opened
}

// opened is what Open has returned.
type opened struct {
	n   *Node
	err error
}

// haltingLog is a log that waits at one message.
type haltingLog struct {
	slog.Handler
	at    string
	reach func()
	goOn  chan struct{}
}

func (h *haltingLog) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.at) {
		h.reach()
		<-h.goOn
	}
	return nil
}

func (h *haltingLog) Enabled(context.Context, slog.Level) bool { return true }

// halt opens a node with 20 keys, which halts in the middle of that. cfg needs
// neither addresses nor a directory.
func halt(t *testing.T, cfg Config) *halted {
	t.Helper()
	dir := t.TempDir()
	n, err := Open(t.Context(), Config{Dir: dir, Node: "n", NATSListen: Off, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- n.Run(ctx) }()
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.server.Addr().String(), DB: 1, DisableIdentity: true})
	defer c.Close()
	if err := c.Set(t.Context(), "other", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		write(t, n, 10)
		if _, err := n.saves.takeInfo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	newest := n.saves.facts().Pos
	cancel()
	if err := errors.Join(<-ran, n.Close()); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, snapshotDir, "*.snap"))
	if err != nil || len(paths) != 2 {
		t.Fatalf("snapshots %v, %v; want 2, the newest at %d", paths, err, newest)
	}
	b, err := os.ReadFile(paths[1])
	if err == nil {
		b[len(b)/2] ^= 0x40
		err = os.WriteFile(paths[1], b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{})
	log := &haltingLog{slog.DiscardHandler, "snapshot is damaged", sync.OnceFunc(func() { close(reached) }), make(chan struct{})}
	h := &halted{addr: freeport.Addr(t), dir: dir, nats: freeport.Addr(t)}
	cfg.Dir, cfg.Listen, cfg.NATSListen, cfg.Logger = dir, h.addr, h.nats, slog.New(log)
	ctx, h.cancel = context.WithCancel(t.Context())
	h.goOn = sync.OnceFunc(func() { close(log.goOn) })
	done := make(chan opened, 1)
	h.opened = done
	go func() {
		n, err := Open(ctx, cfg)
		done <- opened{n, err}
	}()
	t.Cleanup(func() { h.goOn(); h.cancel() })
	select {
	case <-reached:
	case <-time.After(30 * time.Second):
		t.Fatal("the node does not get as far as its snapshots")
	}
	return h
}

// client returns a Redis client of the node.
func (h *halted) client(t *testing.T) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: h.addr, MaxRetries: -1, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	return c
}

// operator returns a connection of the node's admin.
func (h *halted) operator(t *testing.T) *admin.Conn {
	t.Helper()
	secret, err := ReadPassword(paths{h.dir}.adminPath())
	if err != nil {
		t.Fatal(err)
	}
	c, err := admin.Dial(t.Context(), admin.ClientConfig{Server: "nats://" + h.nats, User: "admin", Password: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// await returns what Open has returned.
func (h *halted) await(t *testing.T) (*Node, error) {
	t.Helper()
	select {
	case o := <-h.opened:
		return o.n, o.err
	case <-time.After(30 * time.Second):
		t.Fatal("Open does not return")
		return nil, nil
	}
}

// A node that loads its data answers all that needs none, refuses the rest as Redis
// does, and says how far it is. When it is through it has everything.
func TestAnswersWhileLoading(t *testing.T) {
	h := halt(t, Config{})
	c, ctx := h.client(t), t.Context()
	for _, args := range [][]any{{"PING"}, {"GET", "k"}, {"SET", "k", "v"}, {"DBSIZE"}, {"EVAL", "return 1", 0},
		{"SAVE"}, {"BGSAVE"}, {"REPLICAOF", "h", "1"}, {"BLPOP", "l", 1}, {"FUNCTION", "LIST"}, {"WAIT", 1, 10},
		{"LEDGE", "RESUME"}, {"FLUSHALL"}} {
		if err := c.Do(ctx, args...).Err(); err == nil || err.Error() != string(command.ErrLoading) {
			t.Errorf("%v = %v; want %s", args, err, command.ErrLoading)
		}
	}
	for _, args := range [][]any{{"INFO"}, {"CONFIG", "GET", "*"}, {"CONFIG", "SET", "maxclients", "99"}, {"CLIENT", "LIST"},
		{"CLIENT", "SETNAME", "me"}, {"HELLO", "3"}, {"SELECT", "0"}, {"ECHO", "x"}, {"TIME"}, {"ROLE"}, {"COMMAND", "COUNT"},
		{"SLOWLOG", "GET"}, {"LASTSAVE"}, {"PUBLISH", "c", "m"}, {"LEDGE", "STATUS"}} {
		if err := c.Do(ctx, args...).Err(); err != nil {
			t.Errorf("%v = %v; want an answer", args, err)
		}
	}
	if _, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "k", "v", 0).Err() }); err == nil {
		t.Error("EXEC works; want it refused")
	}
	info := c.Info(ctx, "persistence").Val()
	for _, want := range []string{"loading:1\r\n", "loading_start_time:", "loading_total_bytes:", "loading_loaded_perc:",
		"loading_eta_seconds:", "loading_step:" + progress.StepLoad} {
		if strings.Count(info, "\r\n"+want) != 1 {
			t.Errorf("INFO has %q %d times; want once:\n%s", want, strings.Count(info, "\r\n"+want), info)
		}
	}
	o := h.operator(t)
	health, err := o.Health(ctx, "n")
	if err != nil || health.State != admin.StateLoading || health.Loading == nil || health.Loading.Step != progress.StepLoad ||
		health.Loading.Total == 0 || health.ReserveMissing {
		t.Errorf("health = %+v, %+v, %v; want one that is loading", health, health.Loading, err)
	}
	if s, err := o.Status(ctx, "n"); err != nil || s.Role != "leader" {
		t.Errorf("status = %+v, %v", s, err)
	}
	var answer *admin.Error
	if _, err := o.Verify(ctx, "n"); !errors.As(err, &answer) || answer.Class != fault.Retryable {
		t.Errorf("verify = %v; want it refused as Retryable", err)
	}
	h.goOn()
	n, err := h.await(t)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if got, err := c.DBSize(ctx).Result(); err != nil || got == 0 {
		t.Errorf("DBSIZE = %d, %v; want all keys", got, err)
	}
	if info := c.Info(ctx, "persistence").Val(); !strings.Contains(info, "loading:0\r\n") || strings.Contains(info, "loading_") {
		t.Errorf("INFO of a node that has loaded:\n%s", info)
	}
	if health, err := o.Health(ctx, "n"); err != nil || health.State != admin.StateOK || health.Loading != nil {
		t.Errorf("health = %+v, %v; want ok", health, err)
	}
}

// A node can be stopped while it loads, by each who may stop it. It leaves no snapshot
// of what it has not loaded, and its clients are closed.
func TestStopWhileLoading(t *testing.T) {
	for _, cmd := range []string{"SHUTDOWN", "SHUTDOWN SAVE"} {
		t.Run(cmd, func(t *testing.T) {
			h := halt(t, Config{})
			nc, err := net.Dial("tcp", h.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			// SHUTDOWN itself has no reply; that of ECHO comes after it was run.
			answer := make([]byte, len("+OK\r\n"))
			if _, err := fmt.Fprintf(nc, "%s\r\nECHO OK\r\n", cmd); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(nc, answer); err != nil {
				t.Fatal(err)
			}
			h.goOn()
			if n, err := h.await(t); n != nil || !errors.Is(err, ErrStopped) {
				t.Errorf("Open = %v, %v; want %v", n, err, ErrStopped)
			}
			closedOn(t, nc)
			if paths, _ := filepath.Glob(filepath.Join(h.dir, snapshotDir, "*.snap")); len(paths) != 2 {
				t.Errorf("snapshots are %v; want the two that there were", paths)
			}
		})
	}
	t.Run("the context", func(t *testing.T) {
		h := halt(t, Config{})
		h.cancel()
		h.goOn()
		if n, err := h.await(t); n != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("Open = %v, %v; want %v", n, err, context.Canceled)
		}
	})
}

// closedOn fails unless the other side ends a connection, after what it has sent.
func closedOn(t *testing.T, nc net.Conn) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read on a client's connection = %v; want that it is closed", err)
	}
}

// A start that fails has answered nothing but that it is loading, and closes its
// clients.
func TestFailsWhileLoading(t *testing.T) {
	h := halt(t, Config{Databases: 1}) // there are keys in others
	c := h.client(t)
	if err := c.Get(t.Context(), "k").Err(); err == nil || err.Error() != string(command.ErrLoading) {
		t.Errorf("GET = %v; want %s", err, command.ErrLoading)
	}
	nc, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	h.goOn()
	n, err := h.await(t)
	if err == nil {
		n.Close()
		t.Fatal("Open works with too few databases; want an error")
	}
	closedOn(t, nc)
	if err := c.Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("PING after that = %v; want that nobody listens", err)
	}
}

// A replica that loads says that it is one.
func TestReplicaLoads(t *testing.T) {
	h := halt(t, Config{Follow: "nats://127.0.0.1:1"})
	role, err := h.client(t).Do(t.Context(), "ROLE").Slice()
	if err != nil || len(role) == 0 || role[0] != "slave" {
		t.Errorf("ROLE = %v, %v; want slave", role, err)
	}
	if s, err := h.operator(t).Status(t.Context(), "n"); err != nil || s.Role != "replica" {
		t.Errorf("status says %q, %v; want replica", s.Role, err)
	}
	h.goOn()
	n, err := h.await(t)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if l := n.Link(); l.State != standing.LinkConnecting || l.Applied == 0 {
		t.Errorf("link = %+v; want one that connects, with what was recovered", l)
	}
}

// What is shown of a start never goes back, and ends with all of it.
func TestLoadingFacts(t *testing.T) {
	l := newLoading(time.Now(), nil)
	if f := l.facts(); f.Step != stepChecking || f.Left >= 0 || f.Share != 0 {
		t.Errorf("at first: %+v; want nothing, and no time that is left", f)
	}
	l.held.Store(10)
	l.rest.Store(1000)
	l.meter.Plan(progress.Part{Name: stepChecking, Unit: progress.Bytes, Total: 1000, Cost: time.Second},
		progress.Part{Name: progress.StepLoad, Unit: progress.Bytes, Total: 500, Cost: time.Second},
		progress.Part{Name: progress.StepApply, Unit: progress.Bytes, Total: 1000, Cost: time.Second},
		progress.Part{Name: progress.StepSort}, progress.Part{Name: progress.StepOrder, Unit: progress.Keys})
	was, before := 0.0, int64(0)
	for _, step := range []struct {
		name  string
		total int64
	}{{stepChecking, 1000}, {progress.StepLoad, 500}, {progress.StepApply, 1000}} {
		l.meter.Step(step.name, progress.Bytes, step.total)
		for done := int64(0); done <= step.total; done += 100 {
			l.meter.To(done)
			l.meter.SetKeys(done / 10)
			f := l.facts()
			if f.Step != step.name || f.Share < was || f.Share > 1 || f.Bytes != before+done || f.Total != 2500 || f.Rows != done/10 {
				t.Errorf("after %d of %d of %s: %+v; want no less than %f", done, step.total, step.name, f, was)
			}
			was = f.Share
		}
		before += step.total
	}
	l.done()
	if f := l.facts(); f.Step != "" || l.ready() != nil {
		t.Errorf("at the end: %+v, %v; want nothing", f, l.ready())
	}
}

// A start plans from what stands in the directory before anything of it is read: keys
// of which there are many have to be put in order, others not.
func TestLoadingPlan(t *testing.T) {
	l := newLoading(time.Now(), nil)
	l.rest.Store(1 << 30)
	plan := func() {
		l.meter.Plan(progress.Part{Name: progress.StepApply, Unit: progress.Bytes, Total: 1 << 30},
			progress.Part{Name: progress.StepSort}, progress.Part{Name: progress.StepOrder, Unit: progress.Keys})
	}
	left := func(keys int64) time.Duration {
		plan()
		l.expectKeys(keys)
		l.meter.Step(progress.StepApply, progress.Bytes, 1<<30)
		l.meter.To(1 << 10)
		return l.meter.Look().Left
	}
	few, many := left(orderFrom-1), left(orderFrom)
	if few <= 0 || many < few+few/4 {
		t.Errorf("%s are left with too few keys to put in order, %s with enough; want that to tell", few, many)
	}
}
