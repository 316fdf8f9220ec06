package appliance_test

// What was acknowledged and waited for with WAIT is never lost: the leader is
// killed or frozen while one client writes, its replica is promoted, and the old
// leader comes back as a replica of the new.

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var names = [2]string{"a", "b"}

// failover is two nodes that take turns in leading.
type failover struct {
	*pair
	t      *testing.T
	leads  int
	number atomic.Int64  // of the last write
	safe   []int64       // writes that a replica has, too; the writer's until it ends
	known  atomic.Int64  // how many that are
	ended  chan struct{} // closed when the writer has ended
}

// write writes numbered keys to the leader and waits for the replica, until
// something fails.
func (f *failover) write() {
	ctx, c := f.t.Context(), f.nodes[f.leads].client()
	f.ended = make(chan struct{})
	go func() {
		defer close(f.ended)
		for {
			n := f.number.Add(1)
			if c.Set(ctx, fmt.Sprint("n", n), n, 0).Err() != nil {
				return
			}
			if got, err := c.Do(ctx, "WAIT", 1, 2000).Int(); err != nil || got < 1 {
				return
			}
			f.safe = append(f.safe, n)
			f.known.Store(int64(len(f.safe)))
		}
	}()
}

// round lets the leader fail in the middle of writing, has the other lead, and
// brings the old one back.
func (f *failover) round(kill bool, after int64) {
	f.t.Helper()
	old, next := f.leads, 1-f.leads
	want := f.known.Load() + after
	f.write()
	within(f.t, 30*time.Second, "the client writes", func() bool { return f.known.Load() >= want })
	if kill {
		f.nodes[old].end(syscall.SIGKILL)
	} else if err := f.nodes[old].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	began := time.Now()
	if _, err := f.admin(f.t, next).Promote(f.t.Context(), names[next]); err != nil {
		f.t.Fatalf("promote: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		f.t.Errorf("promote took %v", took)
	}
	if !kill {
		f.nodes[old].end(syscall.SIGKILL) // frozen, it would go on writing
	}
	<-f.ended
	f.leads = next
	f.check()
	f.nodes[old] = start(f.t, f.dirs[old], "--node", names[old],
		"--nats-listen", strings.TrimPrefix(f.urls[old], "nats://"), "--on-divergence", "resync")
	// It comes back as a leader, with an epoch of its own, until it is told.
	secret := read(f.t, filepath.Join(f.dirs[next], "auth", "replica"))
	if err := os.WriteFile(filepath.Join(f.dirs[old], "auth", "leader"), []byte(secret), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.admin(f.t, old).Follow(f.t.Context(), names[old], f.urls[next]); err != nil {
		f.t.Fatal(err)
	}
	f.streams(f.t, old)
	f.same(f.t)
}

// check looks for every write that was waited for.
func (f *failover) check() {
	f.t.Helper()
	c := f.nodes[f.leads].client()
	for at := 0; at < len(f.safe); at += 500 {
		var keys []string
		part := f.safe[at:min(at+500, len(f.safe))]
		for _, n := range part {
			keys = append(keys, fmt.Sprint("n", n))
		}
		vals, err := c.MGet(f.t.Context(), keys...).Result()
		if err != nil {
			f.t.Fatal(err)
		}
		for i, v := range vals {
			if fmt.Sprint(v) != fmt.Sprint(part[i]) {
				f.t.Errorf("n%d = %v behind a promotion; it was acknowledged and waited for", part[i], v)
			}
		}
	}
}

func TestFailoverRounds(t *testing.T) {
	rng := rand.New(rand.NewSource(seed(t)))
	rounds := 30
	if testing.Short() {
		rounds = 4
	}
	f := &failover{pair: leadAndFollow(t), t: t}
	kills := 0
	for range rounds {
		kill := rng.Intn(2) == 0
		if kill {
			kills++
		}
		f.round(kill, 5+rng.Int63n(60))
	}
	t.Logf("%d rounds, %d with a killed leader and the rest with a frozen one: %d writes waited for, all there",
		rounds, kills, len(f.safe))
}
