package appliance

import (
	"context"

	"ledge/admin"
)

// clusterBackend is the node as one of a cluster's, as the admin service sees it.
type clusterBackend struct{ m *membership }

var _ admin.ClusterBackend = clusterBackend{}

// ClusterStatus says how the cluster is, as far as the node has heard.
func (b clusterBackend) ClusterStatus(context.Context) (admin.Cluster, error) {
	if b.m == nil {
		return admin.Cluster{Shards: []admin.Shard{}}, errNoCluster
	}
	return orders{b.m}.status(), nil
}

// ClusterFound makes the node's shard the owner of all slots, in a new cluster.
func (b clusterBackend) ClusterFound(ctx context.Context) (admin.Cluster, error) {
	return b.change(func(m orders) (admin.Cluster, error) { return m.found(ctx) })
}

// ClusterJoin makes the node's shard one of the cluster of the node at a URL.
func (b clusterBackend) ClusterJoin(ctx context.Context, url string) (admin.Cluster, error) {
	return b.change(func(m orders) (admin.Cluster, error) { return m.join(ctx, url) })
}

// ClusterLeave ends that the node's shard is one of a cluster.
func (b clusterBackend) ClusterLeave(ctx context.Context) (admin.Cluster, error) {
	return b.change(func(m orders) (admin.Cluster, error) { return m.leave(ctx) })
}

// ClusterForget has a node that is gone for good be none of the cluster's any more.
func (b clusterBackend) ClusterForget(_ context.Context, id string) (admin.Cluster, error) {
	return b.change(func(m orders) (admin.Cluster, error) { return m.forget(id) })
}

// ClusterSeize makes the node's shard the owner of slots of a shard that is gone for good.
func (b clusterBackend) ClusterSeize(ctx context.Context, slots, from string) (admin.Cluster, error) {
	return b.change(func(m orders) (admin.Cluster, error) { return seizures{m}.seize(ctx, slots, from) })
}

// ClusterYield ends that the node's shard owns slots that another one has seized.
// Where a controller says who owns slots it clears what the shard has kept of others'.
func (b clusterBackend) ClusterYield(ctx context.Context, slots string) (admin.Cluster, error) {
	if b.m != nil && b.m.n.cfg.External() {
		return externalPart{b.m}.discard(ctx, slots)
	}
	return b.change(func(m orders) (admin.Cluster, error) { return seizures{m}.yield(ctx, slots) })
}

// change changes the cluster, if the node is one of a cluster's.
func (b clusterBackend) change(do func(orders) (admin.Cluster, error)) (admin.Cluster, error) {
	none := admin.Cluster{Shards: []admin.Shard{}}
	if b.m == nil {
		return none, errNoCluster
	}
	if b.m.n.cfg.External() {
		return none, errExternal
	}
	c, err := do(orders{b.m})
	if err != nil {
		return none, err
	}
	return c, nil
}
