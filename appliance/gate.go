package appliance

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ledge/appliance/options"
	"ledge/replay/standing"
	"ledge/respd"
	"ledge/respd/resp"
)

// gateTick is how often it is looked whether the node may serve.
const gateTick = 100 * time.Millisecond

const (
	errLoading     resp.Error = "LOADING the node has nothing of its leader's data yet"
	errFewReplicas resp.Error = "NOREPLICAS Not enough good replicas to write."
)

// gatekeeper has the server refuse what the node should not serve: reads of a
// replica that has nothing, or that is too far back, and writes of a leader
// with too few replicas; and all of one whose part in a cluster does not let it.
type gatekeeper struct {
	respd.Gate
	mu       sync.Mutex // held by whoever judges, so that the last judgement stands
	live     *atomic.Pointer[options.Live]
	link     func() standing.Link
	replicas func() []standing.Replica
	// cluster returns what all is refused with for the node's part in a cluster, or nil.
	cluster func() error
	clock   func() time.Time
}

// run judges again and again until ctx ends: time alone changes what is refused.
func (g *gatekeeper) run(ctx context.Context) {
	tick := time.NewTicker(gateTick)
	defer tick.Stop()
	for {
		g.judge()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// judge decides what is refused as things are. It looks at the link with the lock
// held: a judgement that began before a change must not be put in place after it.
func (g *gatekeeper) judge() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Set(g.refusals(g.link(), g.clock()))
}

// refusals returns what reads and writes are refused with, or nil. All writes of a
// replica are refused by the writer; those of a leader are refused here from its
// first moment on, if nobody follows it.
func (g *gatekeeper) refusals(l standing.Link, now time.Time) (reads, writes error) {
	if set := g.live.Load(); set.MinReplicas > 0 && g.goodReplicas(now, set.MinReplicasLag) < set.MinReplicas {
		writes = errFewReplicas
	}
	switch {
	case l.State == standing.LinkNone:
	case l.Applied == 0:
		reads = errLoading
	default:
		reads = g.stale(l, now)
	}
	if err := g.cluster(); err != nil {
		reads, writes = err, err
	}
	return reads, writes
}

// stale returns what reads of a replica that is too far back are refused with,
// or nil.
func (g *gatekeeper) stale(l standing.Link, now time.Time) error {
	most := g.live.Load().ReadStaleness
	if most == 0 || now.Sub(l.Level) <= most {
		return nil
	}
	since := "since it started"
	if !l.Level.IsZero() {
		since = fmt.Sprintf("for %s", now.Sub(l.Level).Round(time.Millisecond))
	}
	return resp.Error(fmt.Sprintf("STALE the node has not had all of its leader's data %s; read-staleness is %s", since, most))
}

// goodReplicas counts those that stream and have been heard of lately.
func (g *gatekeeper) goodReplicas(now time.Time, lag time.Duration) (count int) {
	for _, r := range g.replicas() {
		if r.State == standing.LinkStreaming.String() && now.Sub(r.Heard) <= lag {
			count++
		}
	}
	return count
}
