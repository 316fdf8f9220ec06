package appliance

import (
	"ledge/appliance/replication"
	"ledge/replay/wire"
	"ledge/respd/hub"
)

// relay is how what clients publish goes from node to node. The nodes of a shard are a tree,
// of which each knows its leader and its replicas: a message goes to all of them but the one
// from which it came, and so to each node once. In a cluster, the node that leads a shard
// tells the others of what was published in its shard, but for shard channels. A replica
// outside of a cluster keeps what was published there to itself and to its own replicas, as
// Redis does. Nobody is waited for.
type relay struct {
	n   *Node
	hub *hub.Hub
}

// posts are the node's with its replicas and its leader.
func (r relay) posts() replication.Posts { return replication.Posts{Of: r.n.repl} }

// open has clients of the node hear what is published elsewhere, and the other way round.
func (r relay) open() {
	r.hub.SetOthers(r.said)
	if m := r.n.member; m != nil {
		peerPart{m}.hear(r.fromShard)
	}
}

// said is told of what a client of the node has published.
func (r relay) said(t hub.Topic, channel, text string) {
	if r.n.member == nil && !r.posts().Followed() {
		return
	}
	r.pass(wire.Post{Channel: []byte(channel), Text: []byte(text), Sharded: t == hub.ShardChannel}, "")
}

// fromNode takes what the node's leader has told, or the replica of a run.
func (r relay) fromNode(posts []wire.Post, from string) {
	for _, p := range posts {
		r.give(p)
		if p, ok := p.On(); !ok {
			continue
		} else if from == "" {
			r.posts().TellReplicas(p, "")
		} else {
			r.pass(p, from)
		}
	}
}

// fromShard takes what another shard has told.
func (r relay) fromShard(posts []wire.Post) {
	for _, p := range posts {
		p.Sharded, p.Told, p.Hops = false, true, 0
		r.give(p)
		r.pass(p, "")
	}
}

// give has the node's own subscribers hear a message.
func (r relay) give(p wire.Post) {
	t := hub.Channel
	if p.Sharded {
		t = hub.ShardChannel
	}
	r.hub.Publish(t, string(p.Channel), string(p.Text))
}

// pass tells the other nodes of the shard of a message, but for the replica from which it
// came, and the other shards.
func (r relay) pass(p wire.Post, from string) {
	r.posts().TellReplicas(p, from)
	if r.n.member == nil || r.posts().TellLeader(p) || p.Sharded || p.Told {
		return
	}
	r.n.member.peers.Publish(p)
}
