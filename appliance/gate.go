package appliance

import (
	"context"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/replay/standing"
	"ledge/respd/resp"
)

// gateTick is how often it is looked whether the node may serve.
const gateTick = 100 * time.Millisecond

const (
	errLoading     resp.Error = "LOADING the node has nothing of its leader's data yet"
	errFewReplicas resp.Error = "NOREPLICAS Not enough good replicas to write."
)

// runGate has the server refuse what the node should not serve: reads of a
// replica that has nothing, or that is too far behind, and writes of a leader
// with too few replicas.
func (n *Node) runGate(ctx context.Context) {
	tick := time.NewTicker(gateTick)
	defer tick.Stop()
	for {
		n.gate.Set(n.refusals(n.Link(), n.cfg.Clock()))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// refusals returns what reads and writes are refused with, or nil. All writes of a
// replica are refused by the writer; those of a leader are refused here from its
// first moment on, if nobody follows it.
func (n *Node) refusals(l standing.Link, now time.Time) (reads, writes error) {
	if set := n.live.Load(); set.MinReplicas > 0 && n.goodReplicas(now, set.MinReplicasLag) < set.MinReplicas {
		writes = errFewReplicas
	}
	switch {
	case l.State == standing.LinkNone:
	case l.Applied == 0:
		reads = errLoading
	default:
		reads = n.stale(l, now)
	}
	return reads, writes
}

// stale returns what reads of a replica that is too far behind are refused with,
// or nil.
func (n *Node) stale(l standing.Link, now time.Time) error {
	most := n.live.Load().ReadStaleness
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
func (n *Node) goodReplicas(now time.Time, lag time.Duration) (count int) {
	for _, r := range n.Replicas() {
		if r.State == standing.LinkStreaming.String() && now.Sub(r.Heard) <= lag {
			count++
		}
	}
	return count
}

// hold returns the number behind which the journal is still needed by a replica,
// 0 for none. One that is too far behind is let go, and finds that it needs a
// full sync.
func (r *replication) hold(ctx context.Context) journal.Seq {
	l := r.leading()
	if l == nil {
		return 0
	}
	st, err := r.n.log.Stat(ctx)
	held, ok := l.Held()
	if err != nil || !ok || st.Last < st.First || held >= st.Last {
		return 0
	}
	behind := int64(float64(st.Bytes) * float64(st.Last-max(held, st.First-1)) / float64(st.Last-st.First+1))
	if behind > r.n.cfg.RetainForReplicas {
		r.n.cfg.Logger.Warn("the journal is truncated in front of a replica that is behind",
			"replica", uint64(held), "last", uint64(st.Last), "bytes", behind)
		return 0
	}
	return max(held, 1)
}
