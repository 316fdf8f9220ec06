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

// Two write while the node gets SIGHUP after SIGHUP, with a file that says something
// else each time, and parameters are set; then it is killed. Nobody hears of the first,
// and nothing that was acknowledged is lost by the second.
func TestHangUpsAndKillsUnderLoad(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "ledge.yaml")
	replaceFile(t, file, "max-clients: 500\n")
	var addr atomic.Pointer[string]
	var up atomic.Bool
	var p *process
	begin := func() {
		p = start(t, dir, "--config", file)
		addr.Store(&p.addr) // each node has one of its own
		up.Store(true)
	}
	begin()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	scribes := []*scribe{{key: "a", addr: &addr}, {key: "b", addr: &addr}}
	var wg sync.WaitGroup
	for _, s := range scribes {
		wg.Go(func() { s.write(ctx, &up) })
	}
	defer func() { stop(); wg.Wait() }()
	modes := []string{"everysec", "always", "no", "always"}
	hangups, sets := 0, 0
	for round := range 3 {
		c := p.client()
		for i := range 5 {
			want := fmt.Sprint(600 + 10*round + i)
			replaceFile(t, file, "max-clients: "+want+"\nidle-timeout: 1h\n")
			within(t, 20*time.Second, "max-clients is the file's", func() bool {
				_ = p.cmd.Process.Signal(syscall.SIGHUP)
				hangups++
				return c.ConfigGet(t.Context(), "maxclients").Val()["maxclients"] == want
			})
			for _, set := range [][2]string{{"timeout", want}, {"appendfsync", modes[(round+i)%len(modes)]}} {
				if err := c.ConfigSet(t.Context(), set[0], set[1]).Err(); err != nil {
					t.Errorf("CONFIG SET %s %s under load: %v", set[0], set[1], err)
				}
				sets++
			}
		}
		up.Store(false)
		before := []int64{scribes[0].acked.Load(), scribes[1].acked.Load()}
		p.end(syscall.SIGKILL)
		begin()
		for i, s := range scribes {
			got, err := p.client().Get(t.Context(), s.key).Int64()
			if most := s.tried.Load(); err != nil || got < before[i] || got > most {
				t.Errorf("round %d: %s is %d, %v after a kill; want %d to %d", round, s.key, got, err, before[i], most)
			}
		}
	}
	stop()
	wg.Wait()
	for _, s := range scribes {
		if n := s.errors.Load(); n > 0 {
			t.Errorf("%d errors of %s while the node was there; want none", n, s.key)
		}
	}
	p.end(syscall.SIGTERM)
	if log := p.stderr.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "changed=null") {
		t.Errorf("the log has errors: %s", log)
	}
	t.Logf("%d and %d writes, %d SIGHUPs, %d CONFIG SETs, 3 kills", scribes[0].acked.Load(), scribes[1].acked.Load(), hangups, sets)
}
