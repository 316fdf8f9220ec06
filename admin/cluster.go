package admin

import "context"

// ClusterBackend is the node as one of a cluster's.
type ClusterBackend interface {
	// ClusterStatus returns who serves which hash slot, as far as the node has heard.
	ClusterStatus(ctx context.Context) (Cluster, error)
	// ClusterFound makes the node's shard the owner of all slots, in a new cluster.
	ClusterFound(ctx context.Context) (Cluster, error)
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
}

// Shard is nodes that hold the same slots.
type Shard struct {
	ID    string   `json:"id"`
	Slots string   `json:"slots"` // ranges: 0-8191,9000
	Count int      `json:"count"` // of slots
	Nodes []Member `json:"nodes"` // the leader first
}

// Member is a node of a cluster.
type Member struct {
	ID    string `json:"id"`
	Redis string `json:"redis"` // address for clients
	Role  string `json:"role"`  // "leader" or "replica"
	Self  bool   `json:"self,omitempty"`
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
