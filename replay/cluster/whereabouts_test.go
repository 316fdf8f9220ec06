package cluster_test

import (
	"fmt"
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
)

// What has moved is where the journal's moves say, whoever claims it at a higher epoch: that one
// may not have heard of a document that has set the version back. Where the journal does not
// say it any more a node that is heard of counts more than one that is not.
func TestWhereabouts(t *testing.T) {
	id := func(l journal.Lineage) string { return fmt.Sprintf("%040x", uint64(l)) }
	const own, taker, stale, next = journal.Lineage(1), journal.Lineage(2), journal.Lineage(3), journal.Lineage(4)
	slots := []journal.SlotRange{{First: 10, Last: 19}}
	moved := func(phase cluster.Phase, side journal.Side, to journal.Lineage, epoch uint64) cluster.Move {
		return cluster.Move{ID: 1, Side: side, Phase: phase, Ranges: slots, Shard: to, Epoch: epoch}
	}
	failing := moved(cluster.Ended, journal.Source, stale, 0)
	failing.Cause = "cancelled"
	for name, tt := range map[string]struct {
		claims map[journal.Lineage]uint64 // the epochs at which shards say that they own the slots
		dead   journal.Lineage
		moves  []cluster.Move
		want   journal.Lineage // 0 is none
	}{
		"nobody says anything":                 {nil, 0, nil, 0},
		"one claim":                            {map[journal.Lineage]uint64{taker: 5}, 0, nil, taker},
		"the higher of two":                    {map[journal.Lineage]uint64{taker: 5, stale: 21}, 0, nil, stale},
		"the higher of two is dead":            {map[journal.Lineage]uint64{taker: 5, stale: 21}, stale, nil, taker},
		"only a dead one":                      {map[journal.Lineage]uint64{stale: 21}, stale, nil, stale},
		"given, and not heard of":              {map[journal.Lineage]uint64{stale: 21}, 0, []cluster.Move{moved(cluster.Given, journal.Source, taker, 5)}, taker},
		"taken":                                {map[journal.Lineage]uint64{stale: 21}, stale, []cluster.Move{moved(cluster.Taken, journal.Source, taker, 5)}, taker},
		"moved":                                {map[journal.Lineage]uint64{taker: 5, stale: 21}, 0, []cluster.Move{moved(cluster.Ended, journal.Source, taker, 5)}, taker},
		"moved, and the old owner is dead":     {map[journal.Lineage]uint64{taker: 5, stale: 21}, stale, []cluster.Move{moved(cluster.Ended, journal.Source, taker, 5)}, taker},
		"moved, and the new owner is dead":     {map[journal.Lineage]uint64{taker: 5, stale: 21}, taker, []cluster.Move{moved(cluster.Ended, journal.Source, taker, 5)}, taker},
		"moved on":                             {map[journal.Lineage]uint64{next: 6}, 0, []cluster.Move{moved(cluster.Ended, journal.Source, taker, 5)}, next},
		"moved, and another says an older":     {map[journal.Lineage]uint64{next: 4}, 0, []cluster.Move{moved(cluster.Ended, journal.Source, taker, 5)}, 0},
		"moved twice":                          {map[journal.Lineage]uint64{taker: 5, next: 7}, 0, []cluster.Move{moved(cluster.Ended, journal.Source, next, 3), moved(cluster.Ended, journal.Source, taker, 5)}, taker},
		"a move that failed":                   {map[journal.Lineage]uint64{taker: 5}, 0, []cluster.Move{failing}, taker},
		"on their way here":                    {map[journal.Lineage]uint64{taker: 5, stale: 21}, stale, []cluster.Move{moved(cluster.Copying, journal.Target, taker, 0)}, taker},
		"to have come here, from who lacks it": {map[journal.Lineage]uint64{stale: 21}, stale, []cluster.Move{moved(cluster.Copying, journal.Target, taker, 0)}, 0},
		"given to who is not known":            {map[journal.Lineage]uint64{stale: 21}, 0, []cluster.Move{moved(cluster.Given, journal.Source, 9, 5)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := cluster.NewView("c1", record("own", id(own), true, 1))
			for _, l := range []journal.Lineage{taker, stale, next} {
				r := record(id(l), id(l), true, 1)
				if e := tt.claims[l]; e > 0 {
					r.Owned = []journal.OwnedRange{owned(10, 19, e)}
				}
				if _, err := v.Merge([]cluster.Record{r}); err != nil {
					t.Fatal(err)
				}
			}
			w := v.Whereabouts(tt.moves, map[string]bool{id(tt.dead): true})
			got := ""
			if s := w.Of(15); s != nil {
				got = s.ID
			}
			if want := id(tt.want); got != want && !(got == "" && tt.want == 0) {
				t.Errorf("the slots are at %q; want %s", got, want)
			}
			if s := w.Of(20); s != nil {
				t.Errorf("a slot that nobody has is at %s", s.ID)
			}
		})
	}
}
