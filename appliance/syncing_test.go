package appliance_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
)

// syncSets are changes of when writes are on the disk, and what CONFIG GET and INFO by
// our name (mode), CONFIG GET by Redis's name, Status and WAITAOF then say. With a much
// shorter interval the broker's timer may go off while the broker still notes it, which the
// race detector sees.
var syncSets = []struct{ name, value, mode, redis, status, waitaof string }{
	{"appendfsync", "everysec", "interval", "everysec", "every 1s", "[1 0]"},
	{"appendfsync", "no", "off", "no", "off", "ERR WAITAOF"},
	{"appendfsync", "always", "always", "always", "always", "[1 0]"},
	{"ledge-sync", "off", "off", "no", "off", "ERR WAITAOF"},
	{"ledge-sync", "interval", "interval", "everysec", "every 1s", "[1 0]"},
	{"ledge-sync-interval", "250ms", "interval", "everysec", "every 250ms", "[1 0]"},
	{"ledge-sync", "always", "always", "always", "always", "[1 0]"},
}

// wantIn checks that a reply, or an error, has a text in it.
func wantIn(t *testing.T, c *redis.Client, want string, args ...any) {
	t.Helper()
	v, err := c.Do(t.Context(), args...).Result()
	got := fmt.Sprint(v)
	if err != nil {
		got = err.Error()
	}
	if !strings.Contains(got, want) {
		t.Errorf("%v = %s; want %s in it", args, got, want)
	}
}

// writeOn writes ever higher numbers under a key until ctx ends, and tells the last one
// that was acknowledged.
func writeOn(ctx context.Context, t *testing.T, c *redis.Client, key string, acked *atomic.Int64) {
	for i := int64(1); ctx.Err() == nil; i++ {
		if err := c.Set(context.Background(), key, i, 0).Err(); err != nil {
			t.Errorf("SET while sync changes: %v", err)
			return
		}
		acked.Store(i)
	}
}

// wantWaitEnds checks that a WAITAOF ends with an error when nobody syncs any more. It
// needs a sync that is long in coming.
func wantWaitEnds(t *testing.T, c *redis.Client) {
	t.Helper()
	waits := c.Conn()
	defer waits.Close()
	said := make(chan error, 1)
	go func() {
		_, err := waits.Pipelined(context.Background(), func(p redis.Pipeliner) error {
			p.Set(context.Background(), "k", "v", 0)
			p.Do(context.Background(), "WAITAOF", 1, 0, 0)
			return nil
		})
		said <- err
	}()
	within(t, 20*time.Second, "WAITAOF waits", func() bool { return strings.Contains(c.Info(t.Context(), "clients").Val(), "blocked_clients:1") })
	wantIn(t, c, "OK", "CONFIG", "SET", "appendfsync", "no")
	if err := <-said; err == nil || !strings.HasPrefix(err.Error(), "ERR WAITAOF") {
		t.Errorf("WAITAOF, while nobody syncs any more, says %v; want ERR WAITAOF", err)
	}
}

// When writes are on the disk changes while two write: none of them hears of it, and
// INFO, CONFIG GET, Status and WAITAOF say at any time what holds.
func TestSyncChangesUnderLoad(t *testing.T) {
	t.Parallel()
	n := serve(t, appliance.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", NATSListen: "off"})
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.Status().Listen, MaintNotificationsConfig: plainly, MaxRetries: -1})
	defer c.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var written [2]atomic.Int64
	for w := range written {
		wg.Go(func() { writeOn(ctx, t, c, fmt.Sprint("k", w), &written[w]) })
	}
	do := func(want string, args ...any) {
		t.Helper()
		wantIn(t, c, want, args...)
	}
	for _, s := range syncSets {
		do("OK", "CONFIG", "SET", s.name, s.value)
		before := [2]int64{written[0].Load(), written[1].Load()}
		do("ledge-sync:"+s.mode, "CONFIG", "GET", "ledge-sync")
		do("appendfsync:"+s.redis, "CONFIG", "GET", "appendfsync")
		do("journal_sync:"+s.mode, "INFO", "journal")
		do(s.waitaof, "WAITAOF", 1, 0, 0)
		if got := n.Status().Sync; got != s.status {
			t.Errorf("sync is %s, says the node; want %s", got, s.status)
		}
		within(t, 20*time.Second, "both write on", func() bool {
			return written[0].Load() > before[0] && written[1].Load() > before[1]
		})
	}
	for _, bad := range [][2]string{{"appendfsync", "sometimes"}, {"ledge-sync", "no"}, {"ledge-sync-interval", "1us"}} {
		do("ERR CONFIG SET failed (possibly related to argument '"+bad[0]+"')", "CONFIG", "SET", bad[0], bad[1])
	}
	do("ledge-sync:always", "CONFIG", "GET", "ledge-sync")
	// Whoever waits for a sync that nobody makes any more is told so.
	do("OK", "CONFIG", "SET", "ledge-sync", "interval", "ledge-sync-interval", "1h")
	stop()
	wg.Wait()
	wantWaitEnds(t, c)
	t.Logf("%d and %d writes", written[0].Load(), written[1].Load())
}

// What was set of sync is kept over a kill, and is the file's after SIGHUP once that
// says otherwise.
func TestSyncSettings(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), t.TempDir()+"/ledge.yaml"
	replaceFile(t, file, "sync: interval\n")
	p := start(t, dir, "--config", file)
	get := func() map[string]string { return p.client().ConfigGet(t.Context(), "ledge-sync*").Val() }
	if got := get()["ledge-sync"]; got != "interval" {
		t.Errorf("sync is %s at first; want interval", got)
	}
	if err := p.client().ConfigSet(t.Context(), "appendfsync", "always").Err(); err != nil {
		t.Fatal(err)
	}
	p.end(syscall.SIGKILL)
	p = start(t, dir, "--config", file)
	if got := get()["ledge-sync"]; got != "always" {
		t.Errorf("sync is %s after a kill; want always", got)
	}
	replaceFile(t, file, "sync: interval\nsync-interval: 20ms\n")
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	within(t, 20*time.Second, "the interval is the file's", func() bool { return get()["ledge-sync-interval"] == "20ms" })
	if got := get()["ledge-sync"]; got != "always" {
		t.Errorf("sync is %s after SIGHUP, and the file says nothing else of it; want always", got)
	}
	replaceFile(t, file, "sync: off\n")
	within(t, 20*time.Second, "sync is the file's", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
		return get()["ledge-sync"] == "off"
	})
}
