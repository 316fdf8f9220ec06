package appliance_test

// What was acknowledged and waited for with WAIT is never lost: the leader is
// killed, frozen or cut off while one client writes, its replica is promoted, and
// the old leader comes back as a replica of the new.

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
	via    [2]*strait // before each
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

// How a leader fails.
const (
	killed = iota
	frozen
	cutOff
	failures
)

// round lets the leader fail in the middle of writing, has the other lead, and
// brings the old one back.
func (f *failover) round(how int, after int64) {
	f.t.Helper()
	old, next := f.leads, 1-f.leads
	want := f.known.Load() + after
	f.write()
	within(f.t, 30*time.Second, "the client writes", func() bool { return f.known.Load() >= want })
	switch how {
	case killed:
		f.nodes[old].end(syscall.SIGKILL)
	case cutOff:
		f.via[old].close()
	default:
		if err := f.nodes[old].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			f.t.Fatal(err)
		}
	}
	began := time.Now()
	if _, err := f.admin(f.t, next).Promote(f.t.Context(), names[next]); err != nil {
		f.t.Fatalf("promote: %v", err)
	}
	if took := time.Since(began); took > patience(3*time.Second) {
		f.t.Errorf("promote took %v", took)
	}
	if how == frozen {
		f.nodes[old].end(syscall.SIGKILL) // it would go on writing
	}
	<-f.ended // cut off it takes writes until the client misses the replica
	f.leads = next
	f.check()
	if how == cutOff {
		f.via[old].reopen()
	} else {
		f.nodes[old] = start(f.t, f.dirs[old], "--node", names[old],
			"--nats-listen", strings.TrimPrefix(f.urls[old], "nats://"), "--on-divergence", "resync")
	}
	// It comes back as a leader, with an epoch of its own, until it is told.
	secret := read(f.t, filepath.Join(f.dirs[next], "auth", "replica"))
	if err := os.WriteFile(filepath.Join(f.dirs[old], "auth", "leader"), []byte(secret), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.admin(f.t, old).Follow(f.t.Context(), names[old], f.via[next].url); err != nil {
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
	t.Parallel()
	rng := rand.New(rand.NewSource(seed(t)))
	rounds := 30
	if testing.Short() {
		rounds = 4
	}
	f := &failover{pair: leadAndFollow(t, "--on-divergence", "resync"), t: t}
	for i, url := range f.urls {
		f.via[i] = newStrait(t, url)
	}
	if _, err := f.admin(t, 1).Follow(t.Context(), names[1], f.via[0].url); err != nil {
		t.Fatal(err)
	}
	f.streams(t, 1)
	var times [failures]int
	for range rounds {
		how := rng.Intn(failures)
		times[how]++
		f.round(how, 5+rng.Int63n(60))
	}
	t.Logf("%d rounds: the leader killed in %d, frozen in %d, cut off in %d; %d writes waited for, all there",
		rounds, times[killed], times[frozen], times[cutOff], len(f.safe))
}
