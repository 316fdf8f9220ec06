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
	return b.m.status(), nil
}

// ClusterFound makes the node's shard the owner of all slots, in a new cluster.
func (b clusterBackend) ClusterFound(ctx context.Context) (admin.Cluster, error) {
	if b.m == nil {
		return admin.Cluster{Shards: []admin.Shard{}}, errNoCluster
	}
	return b.m.found(ctx)
}
