package move_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

var roundsFlag = flag.Int("rounds", 24, "how many random rounds there are")

var roundSeed = flag.Uint64("roundseed", 0, "run the random rounds with this seed first; 0 is a random one")

// Ranges that move to and fro in random rounds, each by itself.
var roundRanges = [][]journal.SlotRange{
	{{First: 0, Last: 2999}, {First: 4000, Last: 5000}},
	{{First: 3000, Last: 3999}, {First: 5001, Last: 9000}},
	{{First: 9001, Last: journal.MaxSlot}},
}

const (
	roundKeys  = 60
	roundSteps = 300
	roundBatch = 16 // at a time
)

// round is one random round: moves of several ranges at once to and fro, while nodes are
// killed, messages get lost, come twice or late, and a client writes.
type round struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand // of the round's own goroutine
	w      *world
	shards [2]*shard
	// forgetful has journals lose what is not synced when their node is killed.
	forgetful bool
	tried     map[string][]int // what a key may hold

	mu   sync.Mutex
	net  *rand.Rand // mu; of requests
	bag  []func()   // mu; requests that may come again
	calm bool       // mu; no request gets lost any more
}

// Whatever happens to the nodes and to their messages, all moves end by themselves, nothing
// that was acknowledged is lost, and each slot has one owner at each epoch.
func TestRounds(t *testing.T) { rounds(t, false, *roundsFlag) }

// The same with journals that lose what is not synced. Nothing that a side has told the
// other is taken back by that, and keys hold what was written to them at some time.
func TestRoundsOfForgetfulJournals(t *testing.T) { rounds(t, true, *roundsFlag/2) }

func rounds(t *testing.T, forgetful bool, n int) {
	if testing.Short() {
		n /= 5
	}
	seed := *roundSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	t.Logf("-roundseed %d", seed)
	for first := 0; first < n; first += roundBatch {
		t.Run("", func(t *testing.T) {
			var wg sync.WaitGroup
			defer wg.Wait()
			for i := first; i < min(n, first+roundBatch); i++ {
				wg.Go(func() {
					w, a, b := pair(t)
					r := &round{t: t, seed: seed + uint64(i), w: w, shards: [2]*shard{a, b}, forgetful: forgetful,
						rng: rand.New(rand.NewPCG(seed+uint64(i), 1)), net: rand.New(rand.NewPCG(seed+uint64(i), 2)),
						tried: make(map[string][]int)}
					r.run()
				})
			}
		})
	}
}

func (r *round) run() {
	for _, s := range r.shards {
		s.hold.Store(int64(200 * time.Millisecond))
		if r.forgetful {
			_ = s.drv.Bulk(r.t.Context(), true)
		}
	}
	for i := range roundKeys {
		r.write(fmt.Sprint("k", i), i)
	}
	for _, s := range r.shards {
		_ = s.drv.Sync(r.t.Context())
	}
	fails, late := r.lost, r.again
	r.w.fails.Store(&fails)
	r.w.late.Store(&late)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range roundSteps {
		r.step(i)
		if i%3 == 0 {
			<-tick.C
		}
	}
	r.mu.Lock()
	r.calm = true
	r.mu.Unlock()
	for _, s := range r.shards {
		s.crashes.Store(nil)
		r.revive(s)
	}
	until(r.t, fmt.Sprintf("over in the round of seed %d", r.seed), r.over, func() any { return standing(r.shards[:]) })
	r.check()
	custody(r.t, r.w)
}

// step does one thing at random.
func (r *round) step(i int) {
	s := r.shards[r.rng.IntN(2)]
	switch n := r.rng.IntN(100); {
	case n < 70:
		r.write(fmt.Sprint("k", r.rng.IntN(roundKeys)), 1000+i)
	case n < 85:
		if _, mover := s.up(); mover != nil && !s.dead.Load() {
			_, _ = mover.Begin(context.Background(), roundRanges[r.rng.IntN(len(roundRanges))], left+right-s.lineage)
		}
	case n < 88: // a kill as soon as possible
		s.dead.Store(true)
	case n < 94: // a kill at some entry
		left, after := 1+r.rng.IntN(20), r.rng.IntN(2) == 0
		fn := func(ops []journal.Op, stored bool) bool {
			if stored == after && len(ops) > 0 {
				left--
			}
			return left == 0
		}
		s.crashes.Store(&fn)
	default:
		r.revive(s)
	}
}

// revive restarts a shard's node that was killed.
func (r *round) revive(s *shard) {
	if !s.dead.Load() {
		return
	}
	s.kill()
	if r.forgetful {
		st, _ := s.drv.Stat(r.t.Context())
		synced, _ := s.drv.Synced()
		cut(r.t, s, synced+journal.Seq(r.rng.Uint64N(uint64(st.Last-synced)+1)))
	}
	s.start()
}

// write writes a key where it is owned. It may be written or not if that fails.
func (r *round) write(key string, v int) {
	if writeAt(r.shards[:], key, v) && !r.forgetful {
		r.tried[key] = nil
	}
	r.tried[key] = append(r.tried[key], v)
}

// lost has a request or its answer get lost at random.
func (r *round) lost(string, bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.calm && r.net.IntN(12) == 0 {
		return errAway
	}
	return nil
}

// again has requests come twice, or late.
func (r *round) again(fn func()) {
	r.mu.Lock()
	var do func()
	if r.calm {
		r.bag = nil
	} else {
		if r.bag = append(r.bag, fn); len(r.bag) > 12 {
			r.bag = r.bag[1:]
		}
		if r.net.IntN(6) == 0 {
			do = r.bag[r.net.IntN(len(r.bag))]
		}
	}
	r.mu.Unlock()
	if do != nil {
		do()
	}
}

// over reports whether no moves are under way.
func (r *round) over() bool {
	for _, s := range r.shards {
		n, _ := s.up()
		for _, m := range n.Moves() {
			if !m.Over() {
				return false
			}
		}
	}
	return true
}

// check checks that each key is where its slot is owned, and holds what it may.
func (r *round) check() {
	got := rows(r.t, r.shards[0], true)
	for key, val := range rows(r.t, r.shards[1], true) {
		if _, twice := got[key]; twice {
			r.t.Errorf("seed %d: %s is at both", r.seed, key)
		}
		got[key] = val
	}
	scratch := replaytest.Open(r.t, 1, writer.Config{})
	for key, tried := range r.tried {
		if !slices.ContainsFunc(tried, func(v int) bool {
			scratch.Must(func(d *replay.Draft) error { return write(d, key, v) })
			return got[key] == shown(r.t, scratch, key)
		}) {
			r.t.Errorf("seed %d: %s = %.80s; want what was written, %d", r.seed, key, got[key], tried)
		}
	}
	for _, s := range r.shards {
		if left := rows(r.t, s, false); len(left) > 0 {
			r.t.Errorf("seed %d: %d keys are left at %s in slots that it does not own; want none", r.seed, len(left), s.lineage)
		}
	}
}

// shown returns what a key holds, as rows does.
func shown(t *testing.T, n *replaytest.Node, key string) (val string) {
	t.Helper()
	n.Read(t, func(v *replay.View) {
		pos, _ := value.RowPos(key)
		v.Rows(pos, func(at uint64, k string, rec value.Record) bool {
			if k == key {
				val = fmt.Sprint(replaytest.Show(t, v, key), rec.At)
			}
			return at == pos && k != key
		})()
	})
	return val
}
