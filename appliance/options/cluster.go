package options

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Bounds of what concerns moves of slots. A move ends at each of them: the least rate
// brings a piece of it in some seconds, and a hold that is too short grows.
const (
	minHold     = 10 * time.Millisecond
	maxHold     = 5 * time.Second
	minMoveRate = 64 << 10
	maxMoves    = 16
	// minNodeTimeout leaves room for the word that nodes have of each other each second.
	minNodeTimeout = 3 * time.Second
)

// What a node does that leads its shard, and hears of none of the others.
const (
	AloneServe  = "serve"
	AloneRefuse = "refuse"
)

// clusterRows are about a cluster and moves of its slots.
func clusterRows() []Row {
	return []Row{
		{Name: "cluster", Hint: "WHETHER", Doc: "the node is one of a cluster's, and serves the hash slots that its shard owns; yes or no",
			Default: No, More: "a cluster has database 0 alone; see [the cluster](../../packaging/docs/cluster.md)",
			Params: shown("cluster-enabled", func(c *Config) string { return c.Cluster }),
			value:  choice(func(c *Config) *string { return &c.Cluster }, No, Yes), clash: clashCluster},
		{Name: "cluster-authority", Hint: "WHO", Doc: "who says which shard owns which hash slots: the shards' journals, or an external controller",
			Default: AuthorityJournal, More: "the latter by CLUSTERX, as in Kvrocks; see [Coming from Kvrocks](../../packaging/docs/cluster.md#coming-from-kvrocks)",
			Params: fixed("ledge-cluster-authority"),
			value:  choice(func(c *Config) *string { return &c.ClusterAuthority }, AuthorityJournal, AuthorityExternal), clash: clashAuthority},
		{Name: "cluster-secret-file", Hint: "FILE", Doc: "where the cluster's secret is, by which nodes of its shards know each other",
			Otherwise: "systemd's credential cluster-secret, else DIR/auth/peer",
			value:     text(func(c *Config) *string { return &c.ClusterSecretFile }, nil), clash: clashClusterSecret},
		{Name: "cluster-hold", Hint: "DURATION", Doc: "for how long writes to slots wait at a time while these change hands, at most",
			Default: "250ms", More: "where it was too short for a move twice it is doubled each time, up to 5s",
			Params: live("ledge-cluster-hold"),
			value:  span(func(c *Config) *time.Duration { return &c.ClusterHold }, minHold, maxHold)},
		{Name: "cluster-move-rate", Hint: "SIZE", Doc: "how much of the slots' keys each move into the node's shard copies a second; 0 is no bound",
			Otherwise: "no bound", More: "what is written to the slots meanwhile comes besides, so that the move ends",
			Params: live("ledge-cluster-move-rate"),
			value: size(func(c *Config) *int64 { return &c.ClusterMoveRate }, minMoveRate, maxSize).
				zeroIsNone(func(c *Config) *int64 { return &c.ClusterMoveRate })},
		{Name: "cluster-moves", Hint: "N", Doc: "moves of slots that may be under way at a time out of the node's shard, and as many into it",
			Default: "4", More: "further ones are refused, and tried again if their source has begun them",
			Params: live("ledge-cluster-moves"),
			value:  count(func(c *Config) *int { return &c.ClusterMoves }, 1, maxMoves)},
		{Name: "cluster-alone", Hint: "WHAT", Doc: "what a leader does with its slots that has asked the other shards for theirs, and heard of none: serve or refuse",
			Default: AloneServe, More: "refuse is until a node of another shard is heard; a cluster of one shard is served",
			Params: live("ledge-cluster-alone"),
			value:  choice(func(c *Config) *string { return &c.ClusterAlone }, AloneServe, AloneRefuse)},
		{Name: "cluster-node-timeout", Hint: "DURATION", Doc: "after how long without a word a node is shown as failed",
			Default: "15s", More: "it decides nothing; the parameter is in milliseconds, as in Redis",
			Params: []Param{{Name: "cluster-node-timeout", Live: true, show: nodeTimeoutMillis, read: ofMillis}},
			value:  span(func(c *Config) *time.Duration { return &c.ClusterNodeTimeout }, minNodeTimeout, 24*time.Hour)},
	}
}

func nodeTimeoutMillis(c *Config) string {
	return strconv.FormatInt(c.ClusterNodeTimeout.Milliseconds(), 10)
}

// ofMillis writes a whole number of milliseconds as a duration.
func ofMillis(v string) (string, error) {
	n, err := parseCap(v)
	return strconv.Itoa(n) + "ms", err
}

// InCluster reports whether the node is one of a cluster's.
func (c *Config) InCluster() bool { return c.Cluster == Yes }

// External reports whether a controller says which shard owns which slots.
func (c *Config) External() bool { return c.ClusterAuthority == AuthorityExternal }

// clashAuthority wants a cluster that the controller could speak of.
func clashAuthority(c *Config) error {
	if c.External() && !c.InCluster() {
		return &besideError{"", "cluster", " is no, so there are no slots that a controller could give"}
	}
	return nil
}

func clashCluster(c *Config) error {
	var errs []error
	if c.InCluster() && c.Databases > 1 {
		errs = append(errs, &besideError{"", "databases", fmt.Sprintf(" is %d, and a cluster has one database", c.Databases)})
	}
	if c.InCluster() && c.NATSListen == Off && c.ClusterSecretFile != "" {
		errs = append(errs, &besideError{"", "nats-listen", " is off, and by it nodes of other shards come, whose secret cluster-secret-file has"})
	}
	return errors.Join(errs...)
}

// clashClusterSecret wants a cluster whose secret it is.
func clashClusterSecret(c *Config) error {
	if c.ClusterSecretFile != "" && !c.InCluster() {
		return &besideError{"", "cluster", " is no, so there is no cluster whose secret it could be"}
	}
	return nil
}
