package admin

import (
	"context"
	"time"
)

// ClusterBackend is the node as one of a cluster's.
type ClusterBackend interface {
	// ClusterStatus returns who serves which hash slot, as far as the node has heard.
	ClusterStatus(ctx context.Context) (Cluster, error)
	// ClusterFound makes the node's shard the owner of all slots, in a new cluster.
	ClusterFound(ctx context.Context) (Cluster, error)
	// ClusterJoin makes the node's shard one of the cluster of the node at a URL.
	ClusterJoin(ctx context.Context, url string) (Cluster, error)
	// ClusterLeave ends that the node's shard, which owns no slots, is one of a cluster.
	ClusterLeave(ctx context.Context) (Cluster, error)
	// ClusterForget has a node that is gone for good be none of the cluster's any more.
	ClusterForget(ctx context.Context, id string) (Cluster, error)
	// ClusterMove begins a move of slots that one shard owns to another one, which is
	// named by its id, or the id or the address of one of its nodes.
	ClusterMove(ctx context.Context, slots, to string) (Move, error)
	// ClusterSeize makes the node's shard the owner of slots of a shard that is gone for good,
	// without what they held there.
	ClusterSeize(ctx context.Context, slots, from string) (Cluster, error)
	// ClusterYield ends that the node's shard owns slots that another one has seized, and has
	// what they hold cleared.
	ClusterYield(ctx context.Context, slots string) (Cluster, error)
	// ClusterMoves returns the moves that the node's shard has a part in, or those of all
	// shards of its cluster.
	ClusterMoves(ctx context.Context, all bool) (MoveList, error)
	// ClusterCancel ends a move whose slots are not given yet.
	ClusterCancel(ctx context.Context, id string) (Move, error)
}

// Cluster is who serves which hash slot, as far as a node has heard.
type Cluster struct {
	// Cluster is the cluster's id; none is that it is not founded, or the node has not
	// heard of it yet.
	Cluster  string  `json:"cluster,omitempty"`
	Node     string  `json:"node"`     // what the node that answers is called in it
	Assigned int     `json:"assigned"` // slots that have an owner, of 16384
	Epoch    uint64  `json:"epoch"`    // the highest at which a slot has come to its owner
	Shards   []Shard `json:"shards"`   // the node's own first
	// Seized is what other shards have seized of the slots that the node's own journal has as
	// its shard's. They are not served here, and what they hold is kept until they are yielded.
	Seized []Seized `json:"seized,omitempty"`
	// Waits is what the node waits for before it serves its shard's slots, and Refused is what
	// it refuses all with that concerns data until a person does something about it.
	Waits   string `json:"waits,omitempty"`
	Refused string `json:"refused,omitempty"`
	// Kept is in the answer to a seizure alone: those of the seized slots that the node's own
	// shard had given, and that were never taken as far as it has heard. It has all that they
	// held when they were given.
	Kept string `json:"kept,omitempty"`
}

// Seized is slots that a shard has seized.
type Seized struct {
	Slots string `json:"slots"` // ranges
	By    string `json:"by"`    // the id of the shard
}

// Shard is nodes that hold the same slots.
type Shard struct {
	ID    string   `json:"id"`
	Slots string   `json:"slots"` // ranges: 0-8191,9000
	Count int      `json:"count"` // of slots
	Nodes []Member `json:"nodes"` // the leader first
	// Unyielded is slots that the shard owns by its own journal yet, though another shard has
	// seized them.
	Unyielded string `json:"unyielded,omitempty"`
	// Link is how the node stands with another shard, while it leads its own.
	Link *PeerLink `json:"link,omitempty"`
}

// PeerLink is the connection of a node to another shard.
type PeerLink struct {
	Up    bool       `json:"up"`
	Node  string     `json:"node,omitempty"`  // the id of the node to which it is, or was
	Since time.Time  `json:"since"`           // when up became what it is
	Heard *time.Time `json:"heard,omitempty"` // when the shard was heard of last by it
	Cause string     `json:"cause,omitempty"`
}

// Topology is what was done with a cluster.
type Topology struct {
	What    string `json:"what"` // "founded", "joined", "left", "forgotten", "led", "seized", "yielded" or "document"
	Cluster string `json:"cluster"`
	Shard   string `json:"shard,omitempty"` // the id of the one that another node leads now
	Node    string `json:"node,omitempty"`  // the id of the one that was forgotten, or leads
	Name    string `json:"name,omitempty"`  // what operators call the node that leads
	Slots   string `json:"slots,omitempty"` // those that were seized or yielded
}

type (
	joinRequest struct {
		URL string `json:"url"`
	}
	seizeRequest struct {
		Slots string `json:"slots"`
		From  string `json:"from"`
		// AcceptLoss says that whoever asks knows that what the slots held is lost.
		AcceptLoss bool `json:"accept_loss"`
	}
	yieldRequest struct {
		Slots string `json:"slots"`
	}
	forgetRequest struct {
		ID string `json:"id"`
	}
)

func join(b Backend, ctx context.Context, r joinRequest) (Cluster, error) {
	if r.URL == "" {
		return Cluster{}, bad(`request: no url; want {"url":"nats://host:port"}`)
	}
	return b.ClusterJoin(ctx, r.URL)
}

func forget(b Backend, ctx context.Context, r forgetRequest) (Cluster, error) {
	if r.ID == "" {
		return Cluster{}, bad(`request: no id; want {"id":"…"} of a node`)
	}
	return b.ClusterForget(ctx, r.ID)
}

func seize(b Backend, ctx context.Context, r seizeRequest) (Cluster, error) {
	switch {
	case r.Slots == "" || r.From == "":
		return Cluster{}, bad(`request: no slots, or nobody to seize them from; want {"slots":"0-99","from":"…","accept_loss":true}`)
	case !r.AcceptLoss:
		return Cluster{}, bad(`request: what the slots held at the other shard is lost to clients: accept_loss says that this is known`)
	}
	return b.ClusterSeize(ctx, r.Slots, r.From)
}

func yield(b Backend, ctx context.Context, r yieldRequest) (Cluster, error) {
	if r.Slots == "" {
		return Cluster{}, bad(`request: no slots; want {"slots":"0-99"}`)
	}
	return b.ClusterYield(ctx, r.Slots)
}

// Member is a node of a cluster.
type Member struct {
	ID string `json:"id"`
	// Name is what its operators call it, none if it has not said so.
	Name  string `json:"name,omitempty"`
	Redis string `json:"redis"` // address for clients
	Role  string `json:"role"`  // "leader" or "replica"
	Self  bool   `json:"self,omitempty"`
	// Outdone says that it says that it leads, too, and that the leader which is shown counts
	// more.
	Outdone bool `json:"outdone,omitempty"`
	// Failed says that nothing was heard of it for 15 s.
	Failed bool `json:"failed,omitempty"`
}

// ClusterStatus returns who serves which hash slot, as far as a node has heard.
func (c *Conn) ClusterStatus(ctx context.Context, node string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.status", nil)
}

// ClusterFound makes a node's shard the owner of all slots, in a new cluster.
func (c *Conn) ClusterFound(ctx context.Context, node string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.found", nil)
}

// ClusterJoin makes a node's shard one of the cluster of the node at a URL.
func (c *Conn) ClusterJoin(ctx context.Context, node, url string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.join", joinRequest{url})
}

// ClusterLeave ends that a node's shard is one of a cluster.
func (c *Conn) ClusterLeave(ctx context.Context, node string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.leave", nil)
}

// ClusterForget has a node that is gone for good be none of a node's cluster any more.
func (c *Conn) ClusterForget(ctx context.Context, node, id string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.forget", forgetRequest{id})
}

// ClusterSeize makes a node's shard the owner of slots of a shard that is gone for good,
// without what they held there.
func (c *Conn) ClusterSeize(ctx context.Context, node, slots, from string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.seize", seizeRequest{slots, from, true})
}

// ClusterYield ends that a node's shard owns slots that another one has seized.
func (c *Conn) ClusterYield(ctx context.Context, node, slots string) (Cluster, error) {
	return ask[Cluster](ctx, c, node, "cluster.yield", yieldRequest{slots})
}
