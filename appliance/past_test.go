package appliance_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal/freeport"
	"ledge/replay/backup"
)

// servePast serves the past of a directory, or what other options say.
func servePast(t *testing.T, dir, asOf string, opts ...string) *process {
	t.Helper()
	args := append([]string{"serve", "--dir", dir, "--as-of", asOf, "--listen", freeport.Addr(t)}, opts...)
	return launch(t, exec.Command(binary(t), args...))
}

// hashed returns the content of all files of a directory, and when they were changed.
func hashed(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		st, err := d.Info()
		fmt.Fprintf(&b, "%s %s %x\n", path, st.ModTime(), sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The past of a stopped node is served as it was at each number: with its deadlines as
// they were then, against nothing but reading, and without a byte of the directory
// changed.
func TestPastOfStopped(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	p := start(t, dir)
	c := p.client()
	for _, args := range [][]any{
		{"SET", "k", "one"}, {"SET", "short", "v", "PX", 1000}, {"SET", "k", "two"}, {"RPUSH", "list", "a", "b"}, {"FLUSHALL"},
	} {
		if err := c.Do(ctx, args...).Err(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	within(t, 10*time.Second, "short has expired", func() bool { return c.Exists(ctx, "short").Val() == 0 })
	p.end(syscall.SIGTERM)
	before := hashed(t, dir)
	q := servePast(t, dir, "5")
	c = q.client()
	if k, l, ttl := c.Get(ctx, "k").Val(), c.LLen(ctx, "list").Val(), c.PTTL(ctx, "short").Val(); k != "two" || l != 2 || ttl <= 0 || ttl > time.Second {
		t.Errorf("at number 5 k is %q, list has %d items, short has %s; want two, 2, and up to 1 s", k, l, ttl)
	}
	if n := c.DBSize(ctx).Val(); n != 3 {
		t.Errorf("DBSIZE = %d; want 3", n)
	}
	for _, args := range [][]any{
		{"SET", "k", "x"}, {"DEL", "k"}, {"FLUSHALL"}, {"EVAL", "return redis.call('SET','k','x')", 1, "k"}, {"RPOP", "list"},
		{"EXPIRE", "k", 10}, {"RENAME", "k", "l"}, {"FUNCTION", "FLUSH"},
	} {
		if err := c.Do(ctx, args...).Err(); err == nil || !strings.Contains(err.Error(), "READONLY") {
			t.Errorf("%v = %v; want READONLY", args, err)
		}
	}
	for _, args := range [][]any{{"SAVE"}, {"BGSAVE"}, {"REPLICAOF", "127.0.0.1", "1"}} {
		if err := c.Do(ctx, args...).Err(); err == nil {
			t.Errorf("%v = nil; want an error", args)
		}
	}
	if got := c.Get(ctx, "k").Val(); got != "two" {
		t.Errorf("k is %q after what was refused; want two", got)
	}
	if code := q.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code = %d; want 0; %s", code, &q.stderr)
	}
	if after := hashed(t, dir); after != before {
		t.Errorf("the directory was\n%s and is\n%s", before, after)
	}
	for asOf, want := range map[string]string{
		"99": "99 is not written yet", "1h": "the first time that can be had is 20", "x": "--as-of", "2099-01-02T03:04:05Z": "future",
	} {
		got := run(t, "serve", "--dir", dir, "--as-of", asOf, "--listen", freeport.Addr(t))
		if got.code == 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("--as-of %s: exit code %d, %q; want %q", asOf, got.code, got.stderr, want)
		}
	}
	if got := run(t, "serve", "--dir", dir, "--from", "x"); got.code != 2 || !strings.Contains(got.stderr, "--as-of") {
		t.Errorf("--from without --as-of: exit code %d, %q; want 2", got.code, got.stderr)
	}
}

// The past of a node that is being written to, and truncates, is served beside it as it
// was at numbers that it still goes back to; before that it is refused with what there
// is, and a backup has it.
func TestPastOfRunning(t *testing.T) {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "b")
	p := start(t, dir, "--nats-listen", freeport.Addr(t), "--snapshot-every", "2mb", "--sync", "interval")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list := sightings(ctx, t, p, 5*time.Millisecond)
	busy := loaded(ctx, t, p, 4)
	within(t, 30*time.Second, "there is something to look at", func() bool { return len(list()) > 20 })
	b := answered[backedUp](t, "backup", "--dir", dir, "--json", "--to", store)
	for range 5 {
		all := list()
		want := all[len(all)-1]
		q := servePast(t, dir, fmt.Sprint(want.number))
		if got := q.info("journal_digest"); got != want.digest {
			t.Errorf("the past at number %d has digest %s; want %s", want.number, got, want.digest)
		}
		q.end(syscall.SIGTERM)
	}
	within(t, time.Minute, "the journal is truncated", func() bool {
		return !strings.HasPrefix(p.info("journal_first_seq")+" ", "1 ")
	})
	cancel()
	busy.Wait()
	got := run(t, "serve", "--dir", dir, "--as-of", "2", "--listen", freeport.Addr(t))
	if got.code != 1 || !strings.Contains(got.stderr, "goes back to number") {
		t.Errorf("before the oldest snapshot: exit code %d, %q; want 1, and how far it goes back", got.code, got.stderr)
	}
	q := servePast(t, dir, fmt.Sprint(b.Last), "--from", store)
	for _, s := range list() {
		if digest := q.info("journal_digest"); s.number == b.Last && s.digest != digest {
			t.Errorf("the backup's past at number %d has digest %s; want %s", s.number, digest, s.digest)
		}
	}
	p.end(syscall.SIGTERM)
}

// How long the past is served is told by the clock of those who ask, not by its own.
func TestPastUptime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := serve(t, appliance.Config{Dir: dir, NATSListen: appliance.Off})
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.Status().Listen, MaintNotificationsConfig: plainly})
	defer c.Close()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	l, err := appliance.ReadPast(t.Context(), dir, backup.Target{Seq: 1, HasSeq: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := appliance.OpenPast(t.Context(), appliance.PastConfig{Listen: "127.0.0.1:0", MaxClients: 10, Node: "n",
		At: time.Now().Add(-1000 * time.Hour), Logger: slog.New(slog.DiscardHandler)}, l.State, l.Header.Lineage)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- p.Run(ctx) }()
	then := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.Addr().String(), MaintNotificationsConfig: plainly})
	defer then.Close()
	if got := infoField(then.Info(t.Context(), "server").Val(), "uptime_in_days"); got != "0" {
		t.Errorf("uptime_in_days of a past of 1000 hours ago = %q; want 0", got)
	}
	stop()
	if err := errors.Join(<-ran, p.Close(), l.State.Close()); err != nil {
		t.Errorf("the past has ended with %v", err)
	}
}

// infoField returns a field of INFO, "" if it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
