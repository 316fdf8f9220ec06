package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
)

// foundNode is a node that leads a cluster's only shard.
func foundNode(t *testing.T) *Node {
	t.Helper()
	n := running(t, Config{Dir: t.TempDir(), Node: "n", Cluster: "yes", Databases: 1})
	if _, err := (orders{n.member}).found(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// clientOf is a client that shows errors as they come.
func clientOf(t *testing.T, n *Node) *redis.Client {
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.server.Addr().String(), DisableIdentity: true, MaxRetries: -1, PoolSize: 64})
	t.Cleanup(func() { c.Close() })
	return c
}

// barrier is a proposal that does nothing.
type barrier struct{}

func (barrier) Step(*replay.Draft) bool { return false }
func (barrier) Settle(error)            {}
func (barrier) Done()                   {}

// connected returns how many clients a node has.
func connected(n *Node) (count int) {
	n.server.Clients(func(*command.Session) { count++ })
	return count
}

// writersTo returns ways to count in the slot of x, each of which returns by how much it has.
func writersTo(ctx context.Context, c *redis.Client) []func() (int, error) {
	return []func() (int, error){
		func() (int, error) { return 1, c.Incr(ctx, "x").Err() },
		func() (int, error) {
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for range 10 {
					p.Incr(ctx, "{x}1")
				}
				return nil
			})
			return 10, err
		},
		func() (int, error) {
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Incr(ctx, "{x}2")
				p.Incr(ctx, "{x}3")
				return nil
			})
			return 2, err
		},
		func() (int, error) {
			return 2, c.Eval(ctx, "redis.call('incr',KEYS[1])return redis.call('incr','{x}5')", []string{"{x}4"}).Err()
		},
		func() (int, error) { return 1, c.Eval(ctx, "return redis.call('incr','{x}6')", nil).Err() },
	}
}

// repeat counts by how much do has counted, until stop is closed.
func repeat(t *testing.T, stop <-chan struct{}, do func() (int, error), done *atomic.Int64) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, err := do()
		if err != nil {
			t.Errorf("a writer: %v", err)
			return
		}
		done.Add(int64(n))
	}
}

// While a slot is held for writes, clients that write to it by themselves, in pipelines, in
// transactions and by scripts change nothing from the barrier on, and all that they were
// answered is there in the end. Those on other slots go on.
func TestHoldIsExact(t *testing.T) {
	n, ctx := foundNode(t), t.Context()
	c := clientOf(t, n)
	slot := value.Slot("x")
	r := []journal.SlotRange{{First: slot, Last: slot}}
	var acked, others atomic.Int64
	var busy sync.WaitGroup
	stop := make(chan struct{})
	writers := writersTo(ctx, c)
	again := func(do func() (int, error), done *atomic.Int64) {
		busy.Go(func() { repeat(t, stop, do, done) })
	}
	for range 4 {
		for _, do := range writers {
			again(do, &acked)
		}
	}
	again(func() (int, error) { return 1, c.Incr(ctx, "other").Err() }, &others)
	keys := []string{"x", "{x}1", "{x}2", "{x}3", "{x}4", "{x}5", "{x}6"}
	values := func() []any { return c.MGet(ctx, keys...).Val() }
	for range 20 {
		before := acked.Load()
		for acked.Load() < before+50 && !t.Failed() { // they are under way
			if err := c.Ping(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		}
		n.member.hold(r, nil)
		if err := n.writer.Propose(ctx, barrier{}); err != nil {
			t.Fatal(err)
		}
		held := values()
		for was := others.Load(); others.Load() < was+20 && !t.Failed(); {
			if got := values(); !slices.Equal(got, held) {
				t.Fatalf("%v while the slot is held; want %v still", got, held)
			}
		}
		n.member.hold(nil, nil)
	}
	close(stop)
	busy.Wait()
	sum := int64(0)
	for _, v := range values() {
		n := int64(0)
		fmt.Sscan(fmt.Sprint(v), &n)
		sum += n
	}
	if sum != acked.Load() || n.server.Stats().Parked.Load() == 0 {
		t.Errorf("%d counted, %d answered, %d parked; want as many counted as answered, and some parked", sum, acked.Load(), n.server.Stats().Parked.Load())
	}
}

// A hold stays through all that has the map drawn anew, and a client whose time is up while
// it is parked changes nothing.
func TestHoldStays(t *testing.T) {
	n, ctx := foundNode(t), t.Context()
	c := clientOf(t, n)
	all := []journal.SlotRange{{First: 0, Last: journal.MaxSlot}}
	n.member.hold(nil, all)
	n.member.mu.Lock()
	n.member.drawLocked()
	n.member.mu.Unlock()
	brief := redis.NewClient(&redis.Options{Addr: n.server.Addr().String(), DisableIdentity: true, MaxRetries: -1, ReadTimeout: 50 * time.Millisecond})
	defer brief.Close()
	var late net.Error
	if err := brief.Set(ctx, "k", "v", 0).Err(); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("SET = %v; want its time up", err)
	}
	within(t, "the client that went is none", func() bool { return c.Ping(ctx).Err() == nil && connected(n) == 1 })
	n.member.hold(nil, nil)
	if err := c.Get(ctx, "k").Err(); err != redis.Nil {
		t.Errorf("GET = %v; want nothing", err)
	}
}

// When the journal says that slots are another's, clients that wait there are told without
// anybody's asking for it.
func TestSlotsGoneByCustody(t *testing.T) {
	n, ctx := foundNode(t), t.Context()
	c := clientOf(t, n)
	blocked := make(chan error, 1)
	go func() { blocked <- c.BLPop(ctx, 0, "l").Err() }()
	sub := c.SSubscribe(ctx, "ch")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	fresh, err := replay.New(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.state.Become(fresh); err != nil { // as a full sync does
		t.Fatal(err)
	}
	if err := <-blocked; err == nil || err.Error() != "CLUSTERDOWN Hash slot not served" {
		t.Errorf("BLPOP = %v; want CLUSTERDOWN", err)
	}
	m, err := sub.ReceiveTimeout(ctx, 20*time.Second)
	if got, ok := m.(*redis.Subscription); err != nil || !ok || got.Kind != "sunsubscribe" || got.Count != 0 {
		t.Errorf("the subscriber hears %v, %v; want sunsubscribe", m, err)
	}
}
