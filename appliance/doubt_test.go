package appliance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal/freeport"
	"ledge/journal/jet/faultfs"
)

// sickbed is a node in this process, on a disk whose calls can be made to hang. Its
// patience with the disk is short.
type sickbed struct {
	*appliance.Node
	t    *testing.T
	disk *faultfs.FS
	c    *redis.Client
	ran  chan error
	stop context.CancelFunc
}

func newSickbed(t *testing.T, change func(*appliance.Config)) *sickbed {
	t.Helper()
	s := &sickbed{t: t, disk: faultfs.Start(t), ran: make(chan error, 1)}
	cfg := appliance.Config{Dir: filepath.Join(s.disk.Dir, "data"), Listen: "127.0.0.1:0", NATSListen: freeport.Addr(t),
		MetricsListen: "127.0.0.1:0", Reserve: -1, AppendTimeout: 100 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.Node, err = appliance.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.ran <- s.Run(ctx) }()
	s.c = redis.NewClient(&redis.Options{Addr: s.Status().Listen, MaintNotificationsConfig: plainly, MaxRetries: -1, ReadTimeout: time.Minute})
	t.Cleanup(func() {
		s.disk.Clear()
		s.c.Close()
		s.stop()
		if err := errors.Join(<-s.ran, s.Close()); err != nil {
			t.Errorf("the node has ended with %v", err)
		}
	})
	return s
}

// hang makes fsyncs of files with match in their names hang until the disk is cleared.
func (s *sickbed) hang(match string) {
	s.disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: match, Delay: time.Hour})
}

// until waits for INFO to say something, or not to.
func (s *sickbed) until(field, want string) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; <-time.After(5 * time.Millisecond) {
		info, err := s.c.Info(s.t.Context(), "journal").Result()
		if err == nil && strings.Contains(info, field+":"+want+"\r\n") {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("INFO is %q, %v; want %s:%s", info, err, field, want)
		}
	}
}

func (s *sickbed) metric(line string) bool {
	s.t.Helper()
	r, err := http.Get("http://" + s.MetricsAddr().String() + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Contains(string(b), "\n"+line+"\n")
}

// later begins a command of a client of its own, which waits.
func (s *sickbed) later(do func(*redis.Conn) error) chan error {
	got := make(chan error, 1)
	c := s.c.Conn()
	s.t.Cleanup(func() { c.Close() })
	go func() { got <- do(c) }()
	return got
}

// While an fsync hangs whatever was written with it waits, be it a command, a
// transaction or a script, and so do blocked clients. Reads, INFO, metrics and
// transactions that only read go on; other writes and changes of who leads are refused
// with the cause. All that waited is answered when the disk answers, in step.
func TestNodeInDoubt(t *testing.T) {
	s := newSickbed(t, nil)
	ctx := t.Context()
	if err := s.c.Set(ctx, "k", "old", 0).Err(); err != nil {
		t.Fatal(err)
	}
	blocked := s.later(func(c *redis.Conn) error { return c.BLPop(ctx, 0, "list").Err() })
	for !s.metric("ledge_blocked_clients 1") {
		<-time.After(time.Millisecond)
	}
	s.hang(".blk")
	writes := s.writes()
	s.until("journal_state", "in-doubt")
	s.reads()
	s.refuses()
	// One write at least is in doubt; those that came after it are refused.
	first, want := writes[0], "new" // unless it is the first that is refused
	waiting := slices.DeleteFunc(writes, func(w chan error) bool {
		select {
		case err := <-w:
			if w == first {
				want = "old"
			}
			if !refused(err) {
				t.Errorf("what is in doubt was answered with %v", err)
			}
			return true
		default:
			return false
		}
	})
	select {
	case err := <-blocked:
		t.Errorf("a blocked client was answered with %v", err)
	default:
	}
	if len(waiting) == 0 {
		t.Error("nobody waits for what is in doubt")
	}
	s.disk.Clear()
	for _, w := range waiting {
		err := <-w
		if w == first && err != nil {
			want = "old"
		}
		if err != nil && !refused(err) {
			t.Errorf("a write in doubt = %v when the disk has answered; want nil", err)
		}
	}
	s.until("journal_state", "ok")
	s.goesOn(want, blocked)
}

// refused reports whether a write came after one that was in doubt.
func refused(err error) bool {
	return err != nil && strings.Contains(err.Error(), "is not known yet")
}

// writes sends a command, a transaction and a script that write.
func (s *sickbed) writes() []chan error {
	ctx := s.t.Context()
	return []chan error{
		s.later(func(c *redis.Conn) error { return c.Set(ctx, "k", "new", 0).Err() }),
		s.later(func(c *redis.Conn) error {
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "a", "1", 0)
				p.Incr(ctx, "a")
				return nil
			})
			return err
		}),
		s.later(func(c *redis.Conn) error { return c.Eval(ctx, "return redis.call('set', 'script', '1')", nil).Err() }),
	}
}

// reads checks that reads are answered with what was applied.
func (s *sickbed) reads() {
	t, ctx := s.t, s.t.Context()
	t.Helper()
	if got, err := s.c.Get(ctx, "k").Result(); got != "old" || err != nil {
		t.Errorf("GET in doubt = %q, %v; want what was applied", got, err)
	}
	if _, err := s.c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); return nil }); err != nil {
		t.Errorf("EXEC of reads in doubt = %v; want nil", err)
	}
	if err := s.c.Eval(ctx, "for i = 1, 300000 do end return redis.call('get', 'k')", nil).Err(); err != nil {
		t.Errorf("a script that reads, in doubt = %v; want nil", err)
	}
}

// refuses checks that what would change something is refused while a write is in
// doubt.
func (s *sickbed) refuses() {
	t, ctx := s.t, s.t.Context()
	t.Helper()
	err := s.c.Set(ctx, "other", "v", 0).Err()
	if err == nil || !strings.HasPrefix(err.Error(), "MISCONF") || !strings.Contains(err.Error(), "writes go on when the disk answers") {
		t.Errorf("SET in doubt = %v; want a refusal that says what it waits for", err)
	}
	if !s.metric("ledge_in_doubt 1") || !s.metric(`ledge_suspended{class="retryable"} 0`) {
		t.Error("the metrics don't tell what is in doubt from what is suspended")
	}
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.Replication().Follow(soon, "nats://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "before the disk answers") {
		t.Errorf("Follow in doubt = %v; want why not", err)
	}
	if _, err := s.Replication().Switchover(soon, "nobody"); err == nil {
		t.Error("Switchover in doubt has worked")
	}
	if _, err := s.ClientSide().Resume(soon); err == nil {
		t.Error("Resume in doubt has worked")
	}
}

// goesOn checks that all clients are served, and that nothing stands that was
// refused. k must be want, and the client that waits for a list gets an element.
func (s *sickbed) goesOn(want string, blocked chan error) {
	t, ctx := s.t, s.t.Context()
	t.Helper()
	if got, err := s.c.Get(ctx, "k").Result(); got != want || err != nil {
		t.Errorf("GET afterwards = %q, %v; want %q", got, err, want)
	}
	if err := s.c.RPush(ctx, "list", "x").Err(); err != nil {
		t.Errorf("RPUSH afterwards = %v; want nil", err)
	}
	if err := <-blocked; err != nil {
		t.Errorf("the blocked client = %v; want its element", err)
	}
	for _, key := range []string{"a", "script", "other"} {
		got, err := s.c.Get(ctx, key).Result()
		t.Logf("%s = %q, %v", key, got, err)
		if key == "other" && !errors.Is(err, redis.Nil) {
			t.Errorf("what was refused stands: %q, %v", got, err)
		}
	}
}

// A client that can't wait any longer is let go without an answer.
func TestLetGoInDoubt(t *testing.T) {
	s := newSickbed(t, func(c *appliance.Config) { c.DoubtWait = 50 * time.Millisecond })
	s.hang(".blk")
	err := s.c.Set(t.Context(), "k", "v", 0).Err()
	if !errors.Is(err, io.EOF) && (err == nil || !strings.Contains(err.Error(), "reset")) {
		t.Errorf("SET = %v; want that the connection ends without an answer", err)
	}
	s.until("journal_state", "in-doubt")
	s.disk.Clear()
	s.until("journal_state", "ok")
	if got, err := s.c.Get(t.Context(), "k").Result(); got != "v" || err != nil {
		t.Errorf("GET = %q, %v; want what the disk has stored", got, err)
	}
}

// A snapshot that hangs is the snapshot's own affair, and with an interval so is the
// sync in the background as long as nothing waits for it.
func TestOthersHang(t *testing.T) {
	s := newSickbed(t, nil)
	ctx := t.Context()
	s.hang("snapshot")
	saved := s.later(func(c *redis.Conn) error { return c.Save(ctx).Err() })
	for i := range 50 {
		if err := s.c.Set(ctx, fmt.Sprint(i), "v", 0).Err(); err != nil {
			t.Fatalf("SET while a snapshot hangs = %v; want nil", err)
		}
	}
	s.disk.Clear()
	if err := <-saved; err != nil {
		t.Errorf("SAVE = %v; want nil when the disk has answered", err)
	}
}

// A replica whose disk hangs serves reads, is not suspended, and takes up where it was
// when the disk answers. Promoting it meanwhile is refused with the cause.
func TestReplicaInDoubt(t *testing.T) {
	lead := newSickbed(t, nil)
	ctx := t.Context()
	rep := newSickbed(t, func(c *appliance.Config) {
		c.Follow = lead.Status().NATS
		c.FollowPasswordFile = filepath.Join(lead.disk.Dir, "data", "auth", "replica")
	})
	if err := lead.c.Set(ctx, "k", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	awaitKey := func(want string) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; <-time.After(5 * time.Millisecond) {
			got, err := rep.c.Get(ctx, "k").Result()
			if got == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the replica has %q, %v; want %q", got, err, want)
			}
		}
	}
	awaitKey("1")
	rep.hang(".blk")
	if err := lead.c.Set(ctx, "k", "2", 0).Err(); err != nil {
		t.Fatal(err)
	}
	rep.until("journal_state", "in-doubt")
	if got, err := rep.c.Get(ctx, "k").Result(); got != "1" || err != nil {
		t.Errorf("the replica has %q, %v; want what it has applied", got, err)
	}
	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := rep.Replication().Promote(soon); err == nil || !strings.Contains(err.Error(), "before the disk answers") {
		t.Errorf("Promote in doubt = %v; want why not", err)
	}
	if err := lead.c.Set(ctx, "k", "3", 0).Err(); err != nil {
		t.Fatal(err)
	}
	rep.disk.Clear()
	awaitKey("3")
	rep.until("journal_state", "ok")
	rep.until("journal_resume_attempts", "0")
	if err := rep.Replication().Promote(ctx); err != nil {
		t.Errorf("Promote = %v; want nil", err)
	}
}
