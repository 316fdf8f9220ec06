package compat_test

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/respd/redistest"
)

// In a cluster, the scripts must get the same replies from redis-server and from ledge: a
// node that has two thirds of the slots, while nobody has the others.
func TestScriptsInCluster(t *testing.T) {
	theirs := redistest.Start(t, "--enable-debug-command", "yes", "--cluster-enabled", "yes",
		"--cluster-require-full-coverage", "no")
	const last = 10922
	c := redis.NewClient(&redis.Options{Addr: theirs})
	defer c.Close()
	ctx := context.Background()
	if err := c.ClusterAddSlotsRange(ctx, 0, last).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(c.ClusterInfo(ctx).Val(), "cluster_state:ok"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) { // another process: there is nothing to wait on
			t.Fatal("redis-server's cluster does not come up")
		}
	}
	id, err := c.Do(ctx, "CLUSTER", "MYID").Text()
	if err != nil {
		t.Fatal(err)
	}
	_, p, _ := net.SplitHostPort(theirs)
	port, _ := strconv.Atoi(p)
	m, err := cluster.New("c1", id, cluster.Shard{ID: id,
		Slots: []journal.OwnedRange{{SlotRange: journal.SlotRange{Last: last}}},
		Nodes: []cluster.Node{{ID: id, Port: port, BusPort: port + 10000, Leads: true}}})
	if err != nil {
		t.Fatal(err)
	}
	ours := startLedgeIn(t, 1, func() *cluster.Map { return m })
	scripts, err := filepath.Glob("testdata/incluster/*/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		steps := readScript(t, path)
		for _, proto := range []int{2, 3} {
			t.Run(filepath.Base(path)+"/resp"+strconv.Itoa(proto), func(t *testing.T) {
				runScript(t, path, steps, dial(t, theirs, proto), dial(t, ours, proto))
			})
		}
	}
}
