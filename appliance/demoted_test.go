package appliance_test

// However a node comes to follow, no client of it goes on waiting for what only a
// leader can give.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/freeport"
)

// waits has a client of a node begin to wait without a limit, and returns what it
// will be told.
func waits(t *testing.T, p *process, args ...any) <-chan error {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: p.addr, MaintNotificationsConfig: plainly, ReadTimeout: -1, MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	told := make(chan error, 1)
	go func() { told <- c.Do(context.Background(), args...).Err() }()
	return told
}

// demotions are the ways in which a leader becomes a replica.
var demotions = []struct {
	name   string
	demote func(t *testing.T, p *pair)
}{
	{"REPLICAOF", func(t *testing.T, p *pair) {
		if _, err := p.admin(t, 1).Promote(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		p.trusts(t)
		host, port, _ := strings.Cut(strings.TrimPrefix(p.urls[1], "nats://"), ":")
		if err := p.nodes[0].client().Do(t.Context(), "REPLICAOF", host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}},
	{"follow", func(t *testing.T, p *pair) {
		p.trusts(t)
		if _, err := p.admin(t, 0).Follow(t.Context(), "a", p.urls[1]); err != nil {
			t.Fatal(err)
		}
	}},
	{"follow of nobody", func(t *testing.T, p *pair) {
		p.trusts(t)
		if _, err := p.admin(t, 0).Follow(t.Context(), "a", "nats://"+freeport.Addr(t)); err != nil {
			t.Fatal(err)
		}
	}},
	{"switchover", func(t *testing.T, p *pair) {
		var err error
		for range 3 { // a disk may take too long; the node goes on then
			var s admin.Switched
			if s, err = p.admin(t, 0).Switchover(t.Context(), "a", "b"); err == nil {
				t.Logf("switched in %.1f ms", s.Took)
				return
			}
		}
		t.Fatal(err)
	}},
}

func TestDemoted(t *testing.T) {
	for _, way := range demotions {
		t.Run(way.name, func(t *testing.T) {
			p := leadAndFollow(t)
			list := [][]any{{"BLPOP", "l", 0}, {"BLMOVE", "l", "m", "LEFT", "RIGHT", 0}, {"BZPOPMIN", "z", 0},
				{"WAIT", 9, 0}, {"WAITAOF", 0, 9, 0}, {"BRPOP", "l", 300}}
			var told []<-chan error
			for _, args := range list {
				told = append(told, waits(t, p.nodes[0], args...))
			}
			within(t, 10*time.Second, "all clients wait", func() bool { return p.nodes[0].info("blocked_clients") == "6" })
			way.demote(t, p)
			for i, ch := range told {
				select {
				case err := <-ch:
					var reply redis.Error
					if !errors.As(err, &reply) || !strings.HasPrefix(err.Error(), "UNBLOCKED force unblock") {
						t.Errorf("%v: %v; want UNBLOCKED", list[i], err)
					}
				case <-time.After(10 * time.Second):
					t.Errorf("%v waits still", list[i])
				}
			}
			if got := p.nodes[0].info("blocked_clients"); got != "0" {
				t.Errorf("blocked_clients = %s; want 0", got)
			}
		})
	}
}

// trusts gives node a the password by which it can follow b.
func (p *pair) trusts(t *testing.T) {
	t.Helper()
	secret := read(t, filepath.Join(p.dirs[1], "auth", "replica"))
	if err := os.WriteFile(filepath.Join(p.dirs[0], "auth", "leader"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
}
