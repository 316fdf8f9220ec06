package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// cases are what moves are tried with.
var cases = []struct {
	name, title string
	run         func(context.Context, *rig) error
}{
	{"beside", "20,000 keys to and fro, beside a client of the source's or the target's other slots", beside},
	{"alone", "200 MB in values of 10 kB, while nobody else is served", alone},
	{"flood", "200 MB under as many writes onto the moving slots as 8 clients can send", flood},
	{"list", "a list of 2 GiB", func(ctx context.Context, r *rig) error { return large(ctx, r, fillList) }},
	{"hash", "a hash of 10 million fields", func(ctx context.Context, r *rig) error { return large(ctx, r, fillHash) }},
	{"slot", "10 million keys in one slot", func(ctx context.Context, r *rig) error { return large(ctx, r, fillSlot) }},
}

// fill sends commands in pipelines.
func (r *rig) fill(ctx context.Context, n int, add func(p redis.Pipeliner, i int)) error {
	p := r.nodes[0].c.Pipeline()
	for i := range n {
		if add(p, i); p.Len() == 256 || i == n-1 {
			if _, err := p.Exec(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// beside has a client of another slot write while small slots move to and fro.
func beside(ctx context.Context, r *rig) error {
	if err := r.fill(ctx, 20_000, func(p redis.Pipeliner, i int) {
		p.Set(ctx, fmt.Sprintf("small%d{%s}", i, r.keyIn1(ctx)), "0123456789", 0)
	}); err != nil {
		return err
	}
	fmt.Println("| client of | SETs a second beside a move, of those without | p50 ms without, beside | p99 ms without, beside | a moving slot took no write for ms, median and most |\n|---|---:|---:|---:|---:|")
	for who, n := range r.nodes {
		gaps := r.gaps(ctx)
		p := n.probe(ctx, 0)
		var rates, p50, p99 [2][]float64
		var held []float64
		for round := range r.rounds &^ 1 {
			gaps.reset()
			p.taken()
			began := time.Now()
			if _, err := r.move(ctx, moving, round%2); err != nil {
				return err
			}
			span := time.Since(began)
			with, _ := p.taken()
			held = append(held, gaps.longest())
			time.Sleep(span) // and as long without one
			without, _ := p.taken()
			for i, took := range [][]time.Duration{without, with} {
				rates[i] = append(rates[i], float64(len(took))/span.Seconds())
				p50[i], p99[i] = append(p50[i], at(took, 0.5)), append(p99[i], at(took, 0.99))
			}
		}
		p.end()
		gaps.end()
		fmt.Printf("| %s | %.0f, %.2f | %.2f, %.2f | %.2f, %.2f | %.0f, %.0f |\n", []string{"the node that has the slots at first", "the other"}[who],
			median(rates[1]), median(rates[1])/median(rates[0]), median(p50[0]), median(p50[1]), median(p99[0]), median(p99[1]),
			median(held), held[len(held)-1])
	}
	return nil
}

// keyIn1 returns the key whose slot all keys are of that move.
func (r *rig) keyIn1(ctx context.Context) string {
	if r.tag == "" {
		r.tag = r.keyIn(ctx, 0, movingEnd)
	}
	return r.tag
}

// gaps is for how long a slot that moves takes no write.
type gaps struct {
	most atomic.Int64
	stop context.CancelFunc
	busy sync.WaitGroup
}

func (r *rig) gaps(ctx context.Context) *gaps {
	ctx, stop := context.WithCancel(ctx)
	g, key := &gaps{stop: stop}, r.keyIn1(ctx)
	g.busy.Go(func() {
		for side, last := 0, time.Now(); ctx.Err() == nil; time.Sleep(time.Millisecond) {
			if r.nodes[side].c.Set(ctx, key, "v", 0).Err() != nil {
				side = 1 - side
				continue
			}
			g.most.Store(max(g.most.Load(), int64(time.Since(last))))
			last = time.Now()
		}
	})
	return g
}

func (g *gaps) reset() { g.most.Store(0) }

func (g *gaps) longest() float64 { return float64(g.most.Load()) / 1e6 }

func (g *gaps) end() { g.stop(); g.busy.Wait() }

// fillLarge makes 200 MB in values of 10 kB.
func (r *rig) fillLarge(ctx context.Context) error {
	value, tag := strings.Repeat("x", 10_000), r.keyIn1(ctx)
	return r.fill(ctx, 20_000, func(p redis.Pipeliner, i int) { p.Set(ctx, fmt.Sprintf("large%d{%s}", i, tag), value, 0) })
}

// alone says how fast a move is when nothing else runs.
func alone(ctx context.Context, r *rig) error {
	if err := r.fillLarge(ctx); err != nil {
		return err
	}
	r.look = 10 * time.Millisecond // nobody is disturbed
	var rates []float64
	for round := range max(2, r.rounds/4) {
		t, err := r.move(ctx, moving, round%2)
		if err != nil {
			return err
		}
		rates = append(rates, 200e6/(1<<20)/t.taken.Seconds())
	}
	fmt.Printf("%.0f MiB a second, the median of %d moves.\n", median(rates), len(rates))
	return nil
}

// flood says how long a move takes under writes onto its slots.
func flood(ctx context.Context, r *rig) error {
	if err := r.fillLarge(ctx); err != nil {
		return err
	}
	tag := r.keyIn1(ctx)
	writing, stop := context.WithCancel(ctx)
	var written atomic.Int64
	var busy sync.WaitGroup
	for w := range 8 {
		busy.Go(func() {
			for side := 0; writing.Err() == nil; {
				p := r.nodes[side].c.Pipeline()
				for i := range 64 {
					p.Incr(ctx, fmt.Sprintf("w%d:%d{%s}", w, i, tag))
				}
				if _, err := p.Exec(ctx); err != nil {
					side = 1 - side
					continue
				}
				written.Add(64)
			}
		})
	}
	defer busy.Wait()
	defer stop()
	time.Sleep(time.Second)
	first := written.Load()
	t, err := r.move(ctx, moving, 0)
	if err == nil {
		fmt.Printf("The slots were taken after %.1f s, with %.0f writes a second meanwhile.\n", t.taken.Seconds(), float64(written.Load()-first)/t.cleared.Seconds())
	}
	return err
}

// large has something large move, with clients at both sides that write at times.
func large(ctx context.Context, r *rig, fill func(context.Context, *rig) error) error {
	if err := fill(ctx, r); err != nil {
		return err
	}
	var probes [2]*probe
	var before [2]float64
	for i, n := range r.nodes {
		before[i] = n.rss()
		probes[i] = n.probe(ctx, time.Millisecond)
		defer probes[i].end()
	}
	const idle = 10 * time.Second
	time.Sleep(idle)
	var quiet [2][]time.Duration
	for i, p := range probes {
		quiet[i], _ = p.taken()
	}
	t, err := r.move(ctx, moving, 0)
	if err != nil {
		return err
	}
	fmt.Printf("Taken after %.1f s, cleared after %.1f s.\n\n", t.taken.Seconds(), t.cleared.Seconds())
	fmt.Printf("| client of | longest SET in %.0f s without a move, ms | p99.9, longest beside it, ms | memory before, at most, MiB |\n|---|---:|---:|---:|\n", idle.Seconds())
	for i, p := range probes {
		took, rss := p.taken()
		fmt.Printf("| the %s | %.1f | %.1f, %.1f | %.0f, %.0f |\n", []string{"source", "target"}[i], at(quiet[i], 1), at(took, 0.999), at(took, 1), before[i], rss)
	}
	return nil
}

func fillList(ctx context.Context, r *rig) error {
	item, key := strings.Repeat("x", 64<<10), "{"+r.keyIn1(ctx)+"}list"
	return r.fill(ctx, int(r.scale*(2<<30)/(64<<10)), func(p redis.Pipeliner, i int) {
		p.RPush(ctx, key, item)
		if i%16 == 15 { // a pipeline of few bytes
			_, _ = p.Exec(ctx)
		}
	})
}

// each is how many elements one command adds.
const each = 100

func fillHash(ctx context.Context, r *rig) error {
	key := "{" + r.keyIn1(ctx) + "}hash"
	return r.fill(ctx, int(r.scale*10e6)/each, func(p redis.Pipeliner, i int) {
		pairs := make([]any, 0, 2*each)
		for j := range each {
			pairs = append(pairs, fmt.Sprintf("field%d", i*each+j), "0123456789")
		}
		p.HSet(ctx, key, pairs...)
	})
}

func fillSlot(ctx context.Context, r *rig) error {
	tag := r.keyIn1(ctx)
	return r.fill(ctx, int(r.scale*10e6)/each, func(p redis.Pipeliner, i int) {
		pairs := make([]any, 0, 2*each)
		for j := range each {
			pairs = append(pairs, fmt.Sprintf("k%d{%s}", i*each+j, tag), "0123456789")
		}
		p.MSet(ctx, pairs...)
	})
}
