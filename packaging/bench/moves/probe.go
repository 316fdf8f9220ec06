package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// probe is a client of a slot that stays with a node. It writes again and again, as fast as
// it is answered or at times.
type probe struct {
	n     *node
	every time.Duration // between two writes; 0 is none
	stop  context.CancelFunc
	busy  sync.WaitGroup

	mu   sync.Mutex
	took []time.Duration // mu
	most float64         // of the process's memory, in MiB; mu
}

func (n *node) probe(ctx context.Context, every time.Duration) *probe {
	ctx, stop := context.WithCancel(ctx)
	p := &probe{n: n, every: every, stop: stop}
	p.busy.Go(func() {
		var looked time.Time
		for ctx.Err() == nil {
			began := time.Now()
			if n.c.Set(ctx, n.stays, "v", 0).Err() != nil {
				continue
			}
			took, rss := time.Since(began), 0.0
			if time.Since(looked) > 100*time.Millisecond {
				looked, rss = time.Now(), n.rss()
			}
			p.mu.Lock()
			p.took, p.most = append(p.took, took), max(p.most, rss)
			p.mu.Unlock()
			if p.every > 0 {
				time.Sleep(p.every)
			}
		}
	})
	return p
}

// taken returns what writes took since this was asked last, in their order by time, and the
// most memory that the node has had.
func (p *probe) taken() (took []time.Duration, rss float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	took, rss = p.took, p.most
	p.took, p.most = nil, 0
	slices.Sort(took)
	return took, rss
}

// end ends the probe.
func (p *probe) end() {
	p.stop()
	p.busy.Wait()
}

// at returns what a part of some sorted times is under, in milliseconds.
func at(took []time.Duration, part float64) float64 {
	if len(took) == 0 {
		return 0
	}
	return took[min(len(took)-1, int(part*float64(len(took))))].Seconds() * 1000
}

// median returns the median of some figures.
func median(v []float64) float64 {
	slices.Sort(v)
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 1:
		return v[n/2]
	default:
		return (v[n/2-1] + v[n/2]) / 2
	}
}
