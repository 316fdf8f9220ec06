package appliance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
)

// twoShards is a cluster of two shards, of which the first has all slots.
func twoShards(t *testing.T) (a, b *member) {
	t.Helper()
	a, b = memberWith(t, "a", "s3cret", nil), memberWith(t, "b", "s3cret", nil)
	a.found()
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	b.hears(2, 2)
	return a, b
}

// moves moves slots to another shard and waits until that is over.
func (m *member) moves(slots string, to *member) admin.Move {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	mv, err := op.ClusterMove(m.t.Context(), m.name, slots, to.Status().Listen)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.ended(mv.ID)
}

// ended waits until a move is over.
func (m *member) ended(id string) (mv admin.Move) {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	within(m.t, time.Minute, m.name+" has the move "+id+" over", func() bool {
		list, err := op.ClusterMoves(m.t.Context(), m.name)
		if err != nil {
			m.t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(mv admin.Move) bool { return mv.ID == id && mv.Phase == "ended" })
		if i >= 0 {
			mv = list[i]
		}
		return i >= 0
	})
	return mv
}

// After a move functions are called at the target as they were at the source. Those that the
// target has of its own stay, and one that needs what is defined there twice is left.
func TestFunctionsMoveAlong(t *testing.T) {
	a, b := twoShards(t)
	load := func(m *member, name, function, says string) {
		t.Helper()
		code := fmt.Sprintf("#!lua name=%s\nredis.register_function('%s', function(keys) return '%s '..(redis.call('get', keys[1]) or '-') end)", name, function, says)
		if err := m.c.FunctionLoad(t.Context(), code).Err(); err != nil {
			t.Fatal(err)
		}
	}
	load(a, "fresh", "fresh_one", "from a")
	load(a, "differs", "mine", "from a")
	load(a, "meets", "taken", "from a")
	load(b, "differs", "mine", "from b")
	load(b, "own", "taken", "from b")
	if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if mv := a.moves("0-16383", b); mv.Cause != "" {
		t.Fatalf("the move has ended: %s", mv.Cause)
	}
	for function, want := range map[string]string{"fresh_one": "from a v", "mine": "from b v", "taken": "from b v"} {
		if got, err := b.c.FCall(t.Context(), function, []string{"k"}).Text(); err != nil || got != want {
			t.Errorf("FCALL %s = %q, %v; want %q", function, got, err, want)
		}
	}
}

// Subscribers at the nodes that lead hear of what is published at any of them, by clients and
// by scripts, once. The answer counts those of the node.
func TestPublishInCluster(t *testing.T) {
	a, b := twoShards(t)
	for _, m := range []*member{a, b} {
		channel, pattern := m.c.Subscribe(t.Context(), "news"), m.c.PSubscribe(t.Context(), "n*")
		defer channel.Close()
		defer pattern.Close()
		for _, s := range []*redis.PubSub{channel, pattern} {
			if _, err := s.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		defer func() {
			for _, s := range []*redis.PubSub{channel, pattern} {
				heard := make(map[string]int)
				for range 4 {
					msg, err := s.ReceiveMessage(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					heard[msg.Payload]++
				}
				if len(heard) != 4 {
					t.Errorf("%s: heard %v; want each of four messages once", m.name, heard)
				}
			}
		}()
	}
	for _, m := range []*member{a, b} {
		if n, err := m.c.Publish(t.Context(), "news", m.name).Result(); err != nil || n != 2 {
			t.Errorf("%s: PUBLISH = %d, %v; want 2 of its own", m.name, n, err)
		}
		if err := m.c.Eval(t.Context(), "return redis.call('publish', 'news', ARGV[1])", nil, "script at "+m.name).Err(); err != nil {
			t.Error(err)
		}
	}
}

// Slots move to and fro while a client of the cluster counts: it sees no error, and each
// INCR that was answered is counted once.
func TestMovesWhileClientsCount(t *testing.T) {
	a, b := twoShards(t)
	c := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: time.Minute, Addrs: []string{a.Status().Listen}, MaintNotificationsConfig: plainly})
	defer c.Close()
	const keys = 300
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var counted [keys]atomic.Int64
	var failed atomic.Pointer[error]
	var busy sync.WaitGroup
	for w := range 8 {
		busy.Go(func() {
			for i := w; ctx.Err() == nil; i++ {
				if err := c.Incr(context.Background(), fmt.Sprint("k", i%keys)).Err(); err != nil {
					failed.Store(&err)
					return
				}
				counted[i%keys].Add(1)
			}
		})
	}
	for i := range 6 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		if mv := from.moves("0-8191", to); mv.Cause != "" {
			t.Fatalf("move %d has ended: %s", i, mv.Cause)
		}
	}
	cancel()
	busy.Wait()
	if err := failed.Load(); err != nil {
		t.Errorf("a client has seen %v", *err)
	}
	for i := range keys {
		n, err := c.Get(t.Context(), fmt.Sprint("k", i)).Int64()
		if errors.Is(err, redis.Nil) { // the moves were over before it was its turn
			err = nil
		}
		if err != nil || n != counted[i].Load() {
			t.Errorf("k%d is %d, %v; want %d", i, n, err, counted[i].Load())
		}
	}
}

// readPast returns what a node has under a key, or its error. Connections that a kill has
// broken are still among the client's, and for a second after many that were refused it
// makes no more.
func readPast(t *testing.T, c *redis.Client, key string) (n int64, err error) {
	t.Helper()
	var said redis.Error
	within(t, 20*time.Second, "the node at "+c.Options().Addr+" answers", func() bool {
		n, err = c.Get(t.Context(), key).Int64()
		return err == nil || errors.As(err, &said)
	})
	return n, err
}

// poolSize is how many connections a client has at most.
const poolSize = 32
