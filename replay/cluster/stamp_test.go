package cluster_test

import (
	"fmt"
	"testing"

	"ledge/replay/cluster"
)

// Somebody who has the cluster's secret says of a node what it likes, with whatever stamps,
// to each node another one. As soon as that ends the nodes have the node's own record again,
// and take what it says next. (What has the very stamp of a record that the node has made stays until
// that.)
func TestHostileStamps(t *testing.T) {
	const now = 1_700_000_000_000
	const half = cluster.MaxStamp / 2
	stamps := []uint64{1, now - 1, now + 1, now + half - 9, now + half, now + half + 9, cluster.MaxStamp - 1, cluster.MaxStamp}
	for _, first := range stamps {
		for _, second := range stamps {
			for _, toSelf := range []bool{false, true} {
				name := fmt.Sprint(first, " and ", second, ", to itself ", toSelf)
				victim := cluster.NewView("c1", record("v", "v", true, now, owned(0, 99, 1)))
				known := cluster.NewView("c1", record("k", "k", true, now))
				fresh := cluster.NewView("c1", record("f", "f", true, now)) // has not heard of the victim
				all := []*cluster.View{victim, known, fresh}
				merge := func(to *cluster.View, records ...cluster.Record) {
					if _, err := to.Merge(records); err != nil {
						t.Fatal(err)
					}
				}
				settle := func() {
					for round := 0; round < 5; round++ {
						for _, a := range all {
							for _, b := range all {
								merge(b, a.Newer(b.Have())...)
							}
						}
					}
				}
				merge(known, victim.Own())
				posed := []cluster.Record{record("v", "v", false, first, owned(5, 6, 9)), record("v", "x", true, second)}
				merge(known, posed[0])
				merge(fresh, posed[1])
				if toSelf {
					merge(victim, posed...)
				}
				settle()
				for round := range 2 {
					for i, view := range all {
						for _, r := range view.Records() {
							if r.ID == "v" && (r.Shard != "v" || len(r.Owned) != 1 || r.Owned[0].Last != uint16(99+round) || r.Stamp != victim.Own().Stamp || r.Stamp == 0 || r.Stamp > cluster.MaxStamp) {
								t.Fatalf("%s: node %d has %+v; want what the node says itself, %+v", name, i, r, victim.Own())
							}
						}
					}
					victim.SetOwn(record("v", "v", true, 0, owned(0, 100, 1)))
					settle()
				}
			}
		}
	}
}
