package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
	"ledge/replay/wire"
)

// What clients publish at a node that leads is told to the other shards, for their
// subscribers. It is told at most once, to those that are connected, and no further: whoever
// is told of a message hands it to subscribers of its own and to no other shard.

// errLinkEnded is why what was queued for a shard is not told to it.
var errLinkEnded = errors.New("the node leads no more, or the shard has left")

// SubjectPublish is where other shards are told of messages.
const SubjectPublish = "ledge.cluster.publish"

// published is what another shard is told.
type published struct {
	Cluster wire.NodeID `json:"cluster"`
	Posts   []wire.Post `json:"posts"`
}

// Check reports what is missing, or too much.
func (p *published) Check() error {
	if p.Cluster == "" {
		return errors.New("cluster is missing")
	}
	return wire.CheckPosts(p.Posts)
}

// Published returns what answers other shards that tell of messages: they are given to
// whoever has subscribers hear them.
func Published(views wire.Views, give func([]wire.Post)) Answer {
	return func(m *nats.Msg) (*nats.Msg, error) {
		var q published
		if err := wire.DecodeUpTo(m, &q, wire.MaxPostsJSON); err != nil {
			return nil, err
		}
		if string(q.Cluster) != views.Cluster() {
			return nil, fault.With(fault.Operator, fmt.Errorf("the message is of cluster %s, the node in %q", q.Cluster, views.Cluster()))
		}
		give(q.Posts)
		return &nats.Msg{}, nil
	}
}

// Publish tells the other shards of a message. It waits for nobody: what does not fit into a
// shard's queue is dropped, and counted.
func (p *Peers) Publish(m wire.Post) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		if !l.posts.Add(m) {
			p.drop(l.id, 1, wire.ErrPostsFull)
		}
	}
}

// Dropped returns how many messages were not told to a shard, each counted for each shard.
func (p *Peers) Dropped() int64 { return p.dropped.Load() }

// drop counts messages that are not told to a shard.
func (p *Peers) drop(shard string, n int, cause error) {
	p.dropped.Add(int64(n))
	p.rare.Add(slog.LevelWarn, "messages are not told to another shard's subscribers", "shard", shard, "messages", n, "cause", cause)
}

// tell tells the shard of the messages that are queued, until ctx ends. One request is
// answered before the next, so that they keep their order and a shard that is slow fills its
// queue and nothing else.
func (l *link) tell(ctx context.Context) {
	defer func() { // what is left waits for nobody any more
		for b := l.posts.Batch(0); len(b) > 0; b = l.posts.Batch(0) {
			l.p.drop(l.id, len(b), errLinkEnded)
		}
	}()
	for {
		select {
		case <-l.posts.Queued:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil {
			b := l.posts.Batch(0)
			if len(b) == 0 {
				break
			}
			c, cause := l.connection()
			err := errors.New("the shard is not connected: " + cause)
			if c != nil {
				_, err = c.Call(ctx, SubjectPublish, published{wire.NodeID(l.p.cfg.Views.Cluster()), b}, l.p.cfg.Word)
			}
			if err != nil {
				l.p.drop(l.id, len(b), err)
			}
		}
	}
}
