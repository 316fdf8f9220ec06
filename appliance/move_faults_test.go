package appliance_test

// Slots move to and fro between two nodes that are killed meanwhile. Each writer counts in
// keys of its own, so that each answer it gets shows whether something was lost or done
// twice.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/freeport"
)

// movers is a cluster of two shards that are a process each, which come back at the same
// addresses.
type movers struct {
	t     *testing.T
	dirs  [2]string
	addrs [2]string // for Redis clients
	urls  [2]string
	opts  []string
	nodes [2]*process
	last  time.Time // when a node was started last
}

// newMovers starts two shards, of which the first has all slots.
func newMovers(t *testing.T, opts ...string) *movers {
	t.Helper()
	secret := t.TempDir() + "/secret"
	replaceFile(t, secret, "s3cret\n")
	m := &movers{t: t, opts: append([]string{"--cluster", "yes", "--cluster-secret-file", secret}, opts...)}
	for i := range m.nodes {
		m.dirs[i], m.addrs[i], m.urls[i] = t.TempDir(), freeport.Addr(t), "nats://"+freeport.Addr(t)
		m.start(i)
	}
	op := m.op(0)
	if _, err := op.ClusterFound(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	op.Close()
	op = m.op(1)
	defer op.Close()
	if _, err := op.ClusterJoin(t.Context(), names[1], m.urls[0]); err != nil {
		t.Fatal(err)
	}
	for i := range m.nodes {
		within(t, 20*time.Second, names[i]+" is connected to the other shard", func() bool { return m.linked(i) })
	}
	return m
}

// start starts a node, or starts it again.
func (m *movers) start(i int) {
	m.t.Helper()
	m.nodes[i] = start(m.t, m.dirs[i], append([]string{"--node", names[i], "--listen", m.addrs[i],
		"--nats-listen", strings.TrimPrefix(m.urls[i], "nats://")}, m.opts...)...)
	m.last = time.Now()
}

// op connects to a node as its operator.
func (m *movers) op(i int) *admin.Conn {
	m.t.Helper()
	c, in := knock(m.t, m.urls[i], "admin", word(m.t, m.dirs[i], "admin"))
	if !in {
		m.t.Fatal("the operator is not let in")
	}
	return c
}

// linked reports whether a node is connected to the other shard.
func (m *movers) linked(i int) bool {
	op := m.op(i)
	defer op.Close()
	c, err := op.ClusterStatus(m.t.Context(), names[i])
	return err == nil && len(c.Shards) == 2 && c.Shards[1].Link != nil && c.Shards[1].Link.Up
}

// begin begins a move of slots away from a node.
func (m *movers) begin(slots string, from int) (id string) {
	m.t.Helper()
	op := m.op(from)
	defer op.Close()
	within(m.t, 20*time.Second, names[from]+" knows the other shard, and moves "+slots+" there", func() bool {
		mv, err := op.ClusterMove(m.t.Context(), names[from], slots, m.addrs[1-from])
		if err != nil && !startedNow(err) {
			m.t.Fatalf("move %s from %s: %v", slots, names[from], err)
		}
		id = mv.ID
		return err == nil
	})
	return id
}

// state returns what a node says of a move; the zero Move is that it does not know it.
func (m *movers) state(op *admin.Conn, i int, id string) (mv admin.Move, all []admin.Move) {
	m.t.Helper()
	all, err := op.ClusterMoves(m.t.Context(), names[i])
	if err != nil {
		m.t.Fatal(err)
	}
	for _, mv := range all {
		if mv.ID == id {
			return mv, all
		}
	}
	return admin.Move{}, all
}

// end waits until a move is over on both sides, and returns the epoch to which it has
// brought its slots. One that ends otherwise than by moving them is an error.
func (m *movers) end(id string, limit time.Duration) (epoch uint64) {
	m.t.Helper()
	ops := [2]*admin.Conn{m.op(0), m.op(1)}
	defer ops[0].Close()
	defer ops[1].Close()
	var sides [2]admin.Move
	over := func() bool {
		for i := range sides {
			if sides[i], _ = m.state(ops[i], i, id); sides[i].Phase != "ended" {
				return false
			}
		}
		return true
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(limit); !over(); <-tick.C {
		if time.Now().After(until) {
			_, a := m.state(ops[0], 0, id)
			_, b := m.state(ops[1], 1, id)
			m.t.Fatalf("move %s is not over %s after the last start: %+v\n%+v\nlogs: %s\n%s", id, limit, a, b, &m.nodes[0].stderr, &m.nodes[1].stderr)
		}
	}
	if a, b := sides[0], sides[1]; a.Cause != "" || b.Cause != "" || a.Epoch != b.Epoch || a.Epoch == 0 {
		m.t.Errorf("move %s has ended with %+v at one side and %+v at the other; want it to have moved the slots at one epoch", id, a, b)
	}
	return sides[0].Epoch
}

// owned checks that each slot has one owner: each node is asked what its own shard has.
func (m *movers) owned() {
	m.t.Helper()
	total := 0
	for i := range m.nodes {
		op := m.op(i)
		c, err := op.ClusterStatus(m.t.Context(), names[i])
		op.Close()
		if err != nil {
			m.t.Fatal(err)
		}
		total += c.Shards[0].Count
	}
	if total != 16384 {
		m.t.Errorf("the two shards own %d slots together; want 16384", total)
	}
}

// writers count, each in keys of its own.
type writers struct {
	at     func(i int) *redis.Client
	incr   countOnce
	stop   context.CancelFunc
	busy   sync.WaitGroup
	acked  atomic.Int64
	unsure atomic.Int64
	wrong  atomic.Pointer[string]
	keys   [][]counter // by writer
}

// countOnce counts once. It reports whether that stays, whatever becomes of the node.
type countOnce func(c *redis.Client, key string) (got int64, stays bool, err error)

func plainIncr(c *redis.Client, key string) (int64, bool, error) {
	got, err := c.Incr(context.Background(), key).Result()
	return got, true, err
}

// counter is a key of one writer.
type counter struct {
	key    string
	value  int64 // that was answered last
	unsure int64 // how many were not answered since, and may have been done
}

// seen is told of the key's value, and returns what is wrong with it.
func (c *counter) seen(got int64, more int64) string {
	if least := c.value + more; got < least || got > least+c.unsure {
		return fmt.Sprintf("%s is %d; want %d to %d", c.key, got, least, least+c.unsure)
	}
	c.unsure -= got - c.value - more
	c.value = got
	return ""
}

// countBy has n writers count until the test ends or they are ended. They ask either node, and
// go where they are sent.
func countBy(t *testing.T, n int, name string, at func(i int) *redis.Client, by countOnce) *writers {
	ctx, stop := context.WithCancel(t.Context())
	w := &writers{at: at, incr: by, stop: stop, keys: make([][]counter, n)}
	for i := range w.keys {
		for k := range 25 {
			w.keys[i] = append(w.keys[i], counter{key: fmt.Sprintf("%s:%d:%d", name, i, k)})
		}
		w.busy.Go(func() {
			for turn, side := 0, 0; ctx.Err() == nil && w.wrong.Load() == nil; turn++ {
				side = w.count(ctx, &w.keys[i][turn%len(w.keys[i])], side)
			}
		})
	}
	t.Cleanup(w.end)
	return w
}

// count counts once, and returns whom to ask next.
func (w *writers) count(ctx context.Context, c *counter, side int) int {
	for ctx.Err() == nil {
		got, stays, err := w.incr(w.at(side), c.key)
		var reply redis.Error
		var dial *net.OpError
		switch {
		case err == nil && stays:
			w.acked.Add(1)
			if text := c.seen(got, 1); text != "" {
				w.wrong.CompareAndSwap(nil, &text)
			}
			return side
		case errors.As(err, &reply), errors.As(err, &dial) && dial.Op == "dial":
			side = 1 - side // moved there, or nobody is here
		default:
			w.unsure.Add(1)
			c.unsure++
			return side
		}
	}
	return side
}

// end ends the writers.
func (w *writers) end() {
	w.stop()
	w.busy.Wait()
}

// check looks whether all is as it was answered.
func (w *writers) check(t *testing.T) {
	t.Helper()
	w.end()
	if text := w.wrong.Load(); text != nil {
		t.Errorf("an answer was wrong: %s", *text)
	}
	for i := range w.keys {
		for k := range w.keys[i] {
			c := &w.keys[i][k]
			owners, said := 0, []error{}
			for side := range 2 {
				got, err := readPast(t, w.at(side), c.key)
				if said = append(said, err); err != nil && !errors.Is(err, redis.Nil) {
					continue
				}
				owners++
				if text := c.seen(got, 0); text != "" {
					t.Error(text)
				}
			}
			if owners != 1 {
				t.Errorf("%s is served by %d nodes; want 1: they say %v", c.key, owners, said)
			}
		}
	}
	t.Logf("%d INCRs were answered and %d were not", w.acked.Load(), w.unsure.Load())
}

// plainClients returns clients of two nodes that try nothing twice.
func plainClients(t *testing.T, addrs [2]string, dial func(context.Context, string, string) (net.Conn, error)) func(i int) *redis.Client {
	var list [2]*redis.Client
	for i, addr := range addrs {
		list[i] = redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, PoolSize: poolSize,
			DialTimeout: patience(time.Second), ReadTimeout: patience(5 * time.Second), Dialer: dial, MaintNotificationsConfig: plainly})
		t.Cleanup(func() { list[i].Close() })
	}
	return func(i int) *redis.Client { return list[i] }
}

// fill writes keys that have nothing to do but move.
func (m *movers) fill(n int) {
	m.t.Helper()
	for at := 0; at < n; at += 1000 {
		p := m.nodes[0].client().Pipeline()
		for i := at; i < min(n, at+1000); i++ {
			p.Set(m.t.Context(), fmt.Sprint("fill", i), strings.Repeat("x", 100), 0)
		}
		if _, err := p.Exec(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
	}
}

// Half of the slots move to and fro between two nodes while source, target or both are
// killed and started again: each move ends by itself soon after the last start, nothing
// is lost or done twice, and each slot has one owner.
//
//	go test ./appliance -run TestMovesWhileNodesAreKilled -v -rounds 200
func TestMovesWhileNodesAreKilled(t *testing.T) {
	t.Parallel()
	rounds := numberOfRounds(20, 4)
	rng := rand.New(rand.NewPCG(uint64(seed(t)), 2))
	m := newMovers(t)
	m.fill(20_000)
	w := countBy(t, 8, "count", plainClients(t, m.addrs, nil), plainIncr)
	began := time.Now()
	epoch := m.end(m.begin("0-8191", 0), patience(time.Minute))
	usual := time.Since(began)
	var killed [3]int
	var longest time.Duration
	for round := range rounds {
		from := 1 - round%2
		id := m.begin("0-8191", from)
		how := rng.IntN(3)
		killed[how]++
		<-time.After(rand.N(usual * 5 / 4)) // when it strikes is the round's parameter
		for i := range m.nodes {
			if how == 2 || i == (from+how)%2 {
				m.nodes[i].end(syscall.SIGKILL)
			}
		}
		for i := range m.nodes {
			if how == 2 || i == (from+how)%2 {
				m.start(i)
			}
		}
		next := m.end(id, patience(30*time.Second))
		longest = max(longest, time.Since(m.last))
		t.Logf("round %d: over %s after the last start", round, time.Since(m.last))
		if next <= epoch {
			t.Errorf("round %d: slots have come to epoch %d after %d; want it to grow", round, next, epoch)
		}
		epoch = next
		m.owned()
		if w.wrong.Load() != nil {
			break
		}
	}
	w.check(t)
	for i := 0; i < 20_000; i += 1000 {
		m.filled(i, i+1000)
	}
	t.Logf("%d rounds, a move takes %s: source killed in %d, target in %d, both in %d; the longest has ended %s after the last start",
		rounds, usual, killed[0], killed[1], killed[2], longest)
	if longest > patience(10*time.Second) {
		t.Errorf("a move has ended %s after the last start; want at most 10s", longest)
	}
}

// filled checks that keys of fill are there, each at one node.
func (m *movers) filled(first, end int) {
	m.t.Helper()
	found := make(map[string]int)
	for i := range m.nodes {
		p := m.nodes[i].client().Pipeline()
		var got []*redis.StringCmd
		for k := first; k < end; k++ {
			got = append(got, p.Get(m.t.Context(), fmt.Sprint("fill", k)))
		}
		_, _ = p.Exec(m.t.Context()) // half of them are refused with MOVED
		for _, g := range got {
			if v, err := g.Result(); err == nil && len(v) == 100 {
				found[g.Args()[1].(string)]++
			}
		}
	}
	for k := first; k < end; k++ {
		if n := found[fmt.Sprint("fill", k)]; n != 1 {
			m.t.Errorf("fill%d is at %d nodes; want 1", k, n)
		}
	}
}

// Nodes that are all killed at one time find each other when they come back, by what each has
// kept of the others.
func TestNodesFindEachOtherAgain(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	m.end(m.begin("0-8191", 0), patience(time.Minute))
	for i := range m.nodes { // what is heard is kept within a second or two
		within(t, 20*time.Second, "the store has the other node", func() bool {
			b, err := os.ReadFile(filepath.Join(m.dirs[i], "node.db"))
			return err == nil && strings.Contains(string(b), m.urls[1-i])
		})
	}
	for i := range m.nodes {
		m.nodes[i].end(syscall.SIGKILL)
	}
	for i := range m.nodes {
		m.start(i)
	}
	for i := range m.nodes {
		within(t, 20*time.Second, names[i]+" is connected to the other shard", func() bool { return m.linked(i) })
	}
	m.owned()
}
