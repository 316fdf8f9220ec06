package appliance_test

// Clients that read, write and count a few keys while the leader is killed and
// started again, and while it hands its lead to and fro, see what one register
// after the other would have shown them: the histories are linearizable.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"
)

// deed is what a client did to a key.
type deed struct {
	kind  byte // 'g' get, 's' set, 'i' incr
	key   int
	value int64 // set's
}

// register is an integer for each key; 0 is none.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[int][]porcupine.Operation)
		for _, op := range history {
			k := op.Input.(deed).key
			byKey[k] = append(byKey[k], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		now, d := state.(int64), input.(deed)
		got, known := output.(int64) // not known: the connection broke
		switch d.kind {
		case 'g':
			return !known || got == now, now
		case 's':
			return true, d.value
		}
		return !known || got == now+1, now + 1
	},
	Equal: func(a, b any) bool { return a == b },
}

// historian collects what clients see.
type historian struct {
	began time.Time
	kinds string // of deeds that are done
	turns chan struct{}
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// turnsEach is how many operations a round has. Checking takes a time that grows
// fast with those whose outcome is not known.
const turnsEach = 400

func newHistorian(kinds string) *historian {
	return &historian{began: time.Now(), kinds: kinds, turns: make(chan struct{}, turnsEach)}
}

// round lets clients do a round's operations, and returns when most are done and
// the rest go on.
func (h *historian) round(t *testing.T) {
	t.Helper()
	for len(h.turns) < cap(h.turns) {
		h.turns <- struct{}{}
	}
	within(t, 30*time.Second, "most of a round is done", func() bool { return len(h.turns) < turnsEach/4 })
}

// do lets a client do something, and notes it. It reports whether the client may
// go on with its connection.
func (h *historian) do(ctx context.Context, id int, c *redis.Client, d deed) bool {
	call := time.Since(h.began)
	var got int64
	var err error
	key := fmt.Sprint("r", d.key)
	switch d.kind {
	case 'g':
		if got, err = c.Get(ctx, key).Int64(); errors.Is(err, redis.Nil) {
			got, err = 0, nil
		}
	case 's':
		err = c.Set(ctx, key, d.value, 0).Err()
	default:
		got, err = c.Incr(ctx, key).Result()
	}
	op := porcupine.Operation{ClientId: id, Input: d, Call: int64(call), Output: got, Return: int64(time.Since(h.began))}
	var reply redis.Error
	var dial *net.OpError
	if errors.As(err, &reply) || errors.As(err, &dial) && dial.Op == "dial" {
		return false // refused, so it has done nothing
	}
	if err != nil {
		if d.kind == 'g' {
			return false
		}
		op.Output, op.Return = nil, math.MaxInt64 // it may have been done, or be done still
	}
	h.mu.Lock()
	h.ops = append(h.ops, op)
	h.mu.Unlock()
	return err == nil
}

// clients run until turns is closed. Each broken outcome gets the client another
// id, as its operation has not ended. at says whom they ask.
func (h *historian) clients(t *testing.T, n int, rng *rand.Rand, at func() *process) *sync.WaitGroup {
	var wg sync.WaitGroup
	var ids atomic.Int64
	for range n {
		r := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			id := int(ids.Add(1))
			p := at()
			c := p.client()
			for range h.turns {
				d := deed{kind: h.kinds[r.IntN(len(h.kinds))], key: r.IntN(8), value: r.Int64N(1000)}
				if !h.do(t.Context(), id, c, d) {
					id = int(ids.Add(1))
				}
				if q := at(); q != p {
					p, c = q, q.client()
				}
			}
		})
	}
	return &wg
}

func (h *historian) check(t *testing.T) {
	t.Helper()
	res := porcupine.CheckOperationsTimeout(register, h.ops, time.Minute)
	t.Logf("%d operations: %s", len(h.ops), res)
	if res != porcupine.Ok {
		t.Errorf("the history is %s; want it to be linearizable", res)
	}
}

func TestLinearizable(t *testing.T) {
	t.Parallel()
	s := seed(t)
	rng := rand.New(rand.NewPCG(uint64(s), 1))
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	t.Run("killed", func(t *testing.T) {
		dir := t.TempDir()
		var now atomic.Pointer[process]
		now.Store(start(t, dir))
		h := newHistorian("gggssi")
		wg := h.clients(t, 6, rng, now.Load)
		for range rounds {
			h.round(t)
			now.Load().end(syscall.SIGKILL)
			now.Store(start(t, dir))
		}
		h.round(t)
		close(h.turns)
		wg.Wait()
		h.check(t)
	})
	t.Run("handed over", func(t *testing.T) {
		p := leadAndFollow(t)
		var leads atomic.Int64
		h := newHistorian("ssi") // a replica may be read, and shows what was
		wg := h.clients(t, 6, rng, func() *process { return p.nodes[leads.Load()] })
		for i := range rounds {
			h.round(t)
			from, to := i%2, 1-i%2
			if _, err := p.admin(t, from).Switchover(t.Context(), names[from], names[to]); err != nil {
				t.Fatal(err)
			}
			leads.Store(int64(to))
			p.streams(t, from)
		}
		h.round(t)
		close(h.turns)
		wg.Wait()
		h.check(t)
	})
}

// A model that takes everything proves nothing: a write that is lost must show.
func TestRegisterNotices(t *testing.T) {
	op := func(d deed, out any, call, ret int64) porcupine.Operation {
		return porcupine.Operation{Input: d, Output: out, Call: call, Return: ret}
	}
	lost := []porcupine.Operation{
		op(deed{'s', 1, 7}, int64(0), 1, 2), op(deed{'g', 1, 0}, int64(0), 3, 4)}
	if porcupine.CheckOperations(register, lost) {
		t.Error("a history with a lost write is linearizable; want it not to be")
	}
	unknown := []porcupine.Operation{
		op(deed{'s', 1, 7}, nil, 1, math.MaxInt64), op(deed{'g', 1, 0}, int64(7), 3, 4)}
	if !porcupine.CheckOperations(register, unknown) {
		t.Error("a write whose answer was lost shows later; want that to be linearizable")
	}
}
