package appliance_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// scribe writes ever higher numbers under one key, and finds out where whenever it must.
type scribe struct {
	key          string
	addr         *atomic.Pointer[string]
	acked, tried atomic.Int64
	errors       atomic.Int64 // while the node was to be there
}

func (s *scribe) write(ctx context.Context, up *atomic.Bool) {
	for ctx.Err() == nil {
		at := s.addr.Load()
		c := redis.NewClient(&redis.Options{Addr: *at, MaintNotificationsConfig: plainly, MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
		for ctx.Err() == nil {
			n, was := s.tried.Add(1), up.Load()
			if err := c.Set(context.Background(), s.key, n, 0).Err(); err != nil {
				if was && up.Load() && s.addr.Load() == at {
					s.errors.Add(1)
				}
				break
			}
			s.acked.Store(n)
		}
		c.Close()
	}
}

// harried is a node that gets SIGHUPs, is set, and is killed, while scribes write.
type harried struct {
	t             *testing.T
	dir, file     string
	p             *process
	addr          atomic.Pointer[string] // each process has one of its own
	up            atomic.Bool
	scribes       []*scribe
	hangups, sets int
}

func (h *harried) begin() {
	h.t.Helper()
	h.p = start(h.t, h.dir, "--config", h.file)
	h.addr.Store(&h.p.addr)
	h.up.Store(true)
}

// change writes the file, sends SIGHUP until it has been read, and sets parameters.
func (h *harried) change(c *redis.Client, maxClients, mode string) {
	h.t.Helper()
	replaceFile(h.t, h.file, "max-clients: "+maxClients+"\nidle-timeout: 1h\n")
	within(h.t, 20*time.Second, "max-clients is the file's", func() bool {
		_ = h.p.cmd.Process.Signal(syscall.SIGHUP)
		h.hangups++
		return c.ConfigGet(h.t.Context(), "maxclients").Val()["maxclients"] == maxClients
	})
	for _, set := range [][2]string{{"timeout", maxClients}, {"appendfsync", mode}} {
		if err := c.ConfigSet(h.t.Context(), set[0], set[1]).Err(); err != nil {
			h.t.Errorf("CONFIG SET %s %s under load: %v", set[0], set[1], err)
		}
		h.sets++
	}
}

// kill kills the node, starts it again, and checks that it has all that was acknowledged.
func (h *harried) kill(round int) {
	h.t.Helper()
	h.up.Store(false)
	before := []int64{h.scribes[0].acked.Load(), h.scribes[1].acked.Load()}
	h.p.end(syscall.SIGKILL)
	h.begin()
	for i, s := range h.scribes {
		got, err := h.p.client().Get(h.t.Context(), s.key).Int64()
		if most := s.tried.Load(); err != nil || got < before[i] || got > most {
			h.t.Errorf("round %d: %s is %d, %v after a kill; want %d to %d", round, s.key, got, err, before[i], most)
		}
	}
}

// Two write while the node gets SIGHUP after SIGHUP, with a file that says something
// else each time, and parameters are set; then it is killed. Nobody hears of the first,
// and nothing that was acknowledged is lost by the second.
func TestHangUpsAndKillsUnderLoad(t *testing.T) {
	t.Parallel()
	h := &harried{t: t, dir: t.TempDir(), file: filepath.Join(t.TempDir(), "ledge.yaml")}
	replaceFile(t, h.file, "max-clients: 500\n")
	h.begin()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	h.scribes = []*scribe{{key: "a", addr: &h.addr}, {key: "b", addr: &h.addr}}
	var wg sync.WaitGroup
	for _, s := range h.scribes {
		wg.Go(func() { s.write(ctx, &h.up) })
	}
	defer func() { stop(); wg.Wait() }()
	modes := []string{"everysec", "always", "no", "always"}
	for round := range 3 {
		c := h.p.client()
		for i := range 5 {
			h.change(c, fmt.Sprint(600+10*round+i), modes[(round+i)%len(modes)])
		}
		h.kill(round)
	}
	stop()
	wg.Wait()
	for _, s := range h.scribes {
		if n := s.errors.Load(); n > 0 {
			t.Errorf("%d errors of %s while the node was there; want none", n, s.key)
		}
	}
	h.p.end(syscall.SIGTERM)
	if log := h.p.stderr.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "changed=null") {
		t.Errorf("the log has errors: %s", log)
	}
	t.Logf("%d and %d writes, %d SIGHUPs, %d CONFIG SETs, 3 kills", h.scribes[0].acked.Load(), h.scribes[1].acked.Load(), h.hangups, h.sets)
}
