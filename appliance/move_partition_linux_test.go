package appliance_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
)

// apart is two shards in a network namespace each, and what keeps them from each other and
// clients from them.
type apart struct {
	t     *testing.T
	wire  *wire
	dirs  [2]string
	addrs [2]string
	gates [2]*cutter
	c     [2]*redis.Client
}

// cutter cuts clients off: their connections break, and there are no others until it is
// mended.
type cutter struct {
	dial func(context.Context, string, string) (net.Conn, error)
	mu   sync.Mutex
	cut  bool       // mu
	open []net.Conn // mu
}

func (g *cutter) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	g.mu.Lock()
	cut := g.cut
	g.mu.Unlock()
	if cut {
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	}
	c, err := g.dial(ctx, network, addr)
	if err == nil {
		g.mu.Lock()
		g.open = append(g.open, c)
		g.mu.Unlock()
	}
	return c, err
}

func (g *cutter) set(cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut = cut
	for _, c := range g.open {
		if cut {
			c.Close()
		}
	}
	if cut {
		g.open = nil
	}
}

func newApart(t *testing.T) *apart {
	a := &apart{t: t, wire: newWire(t, 1)}
	secret := t.TempDir() + "/secret"
	replaceFile(t, secret, "s3cret\n")
	for i := range a.dirs {
		e := a.wire.ends[i]
		a.dirs[i], a.addrs[i] = t.TempDir(), e.ip+":6379"
		a.wire.serve(t, i, a.dirs[i], "--listen", a.addrs[i], "--nats-listen", e.ip+":4222", "--node", names[i],
			"--cluster", "yes", "--cluster-secret-file", secret, "--password-file", secret)
		a.gates[i] = &cutter{dial: e.dial}
		a.c[i] = redis.NewClient(&redis.Options{Addr: a.addrs[i], Password: "s3cret", MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, PoolSize: 16,
			ReadTimeout: patience(5 * time.Second), Dialer: a.gates[i].connect, MaintNotificationsConfig: plainly})
		t.Cleanup(func() { a.c[i].Close() })
	}
	a.say(0, nil, "cluster", "found")
	a.say(1, nil, "cluster", "join", "nats://"+a.wire.ends[0].ip+":4222")
	within(t, 20*time.Second, "the first knows the second", func() bool {
		var c admin.Cluster
		a.say(0, &c, "cluster", "status")
		return len(c.Shards) == 2 && c.Shards[1].Link != nil && c.Shards[1].Link.Up
	})
	return a
}

// say runs a command on a node, within its namespace.
func (a *apart) say(i int, into any, words ...string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience(time.Minute))
	defer cancel()
	args := append([]string{"netns", "exec", a.wire.ends[i].ns, binary(a.t)}, words[:2]...)
	args = append(append(args, "--dir", a.dirs[i], "--json"), words[2:]...)
	out, err := exec.CommandContext(ctx, "ip", args...).Output()
	if err == nil && into != nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		a.t.Fatalf("%v: %v: %s", args, err, out)
	}
}

// over waits until a move has ended at both sides.
func (a *apart) over(id string, limit time.Duration) {
	a.t.Helper()
	within(a.t, limit, "the move "+id+" is over", func() bool {
		ended := 0
		for i := range a.dirs {
			var list []admin.Move
			a.say(i, &list, "cluster", "moves")
			for _, mv := range list {
				if mv.ID == id && mv.Phase == "ended" {
					ended++
					if mv.Cause != "" {
						a.t.Errorf("move %s has ended: %s", id, mv.Cause)
					}
				}
			}
		}
		return ended == 2
	})
}

// clients do what a history has turns for, at either node, until there are no more turns. Keys
// begin at base, so that each round has its own.
func (a *apart) clients(h *historian, n int, base *atomic.Int64) *sync.WaitGroup {
	var wg sync.WaitGroup
	var ids atomic.Int64
	for range n {
		wg.Go(func() {
			id, side := int(ids.Add(1)), 0
			for range h.turns {
				d := deed{kind: h.kinds[rand.IntN(len(h.kinds))], key: int(base.Load()) + rand.IntN(8), value: rand.Int64N(1000)}
				for tries := 0; tries < 50 && !h.do(a.t.Context(), id, a.c[side], d); tries++ {
					// Whether it was done is in the history; if not, the other node is asked for
					// another deed of the kind.
					id, side = int(ids.Add(1)), 1-side
					<-time.After(5 * time.Millisecond) // a client does not hammer
				}
			}
		})
	}
	return &wg
}

// All slots move to and fro while source and target can't reach each other, or one of them
// not the other, or clients not the source. Each move ends by itself after that, and what
// clients have seen is linearizable.
//
//	go test ./appliance -run TestMovesWhilePartitioned -v -rounds 30
func TestMovesWhilePartitioned(t *testing.T) {
	t.Parallel()
	rounds := numberOfRounds(6, 3)
	a := newApart(t)
	h := newHistorian("ggssi")
	var base atomic.Int64
	wg := a.clients(h, 6, &base)
	var longest time.Duration
	for round := range rounds {
		base.Store(int64(round) * 8)
		for len(h.turns) < cap(h.turns) {
			h.turns <- struct{}{}
		}
		from := round % 2
		var mv admin.Move
		a.say(from, &mv, "cluster", "move", "0-16383", "--to", a.addrs[1-from])
		<-time.After(rand.N(60 * time.Millisecond)) // when it strikes is the round's parameter
		switch round % 3 {
		case 0:
			a.wire.set(rules{dropTo: true, dropFrom: true})
		case 1:
			a.gates[from].set(true)
		default:
			a.wire.set(rules{dropFrom: from == 0, dropTo: from == 1})
		}
		<-time.After(200*time.Millisecond + rand.N(4*time.Second)) // and for how long
		a.wire.set(rules{})
		a.gates[from].set(false)
		healed := time.Now()
		a.over(mv.ID, patience(40*time.Second))
		longest = max(longest, time.Since(healed))
		within(t, 40*time.Second, "most of a round is done", func() bool { return len(h.turns) < turnsEach/4 })
	}
	close(h.turns)
	wg.Wait()
	h.check(t)
	t.Logf("%d rounds; a move has ended %s after the partition at most", rounds, longest)
}
