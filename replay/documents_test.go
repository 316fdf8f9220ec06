package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// told returns a document of two masters, of which the first has the slots up to last and the
// second those after it.
func told(version uint64, master string, last int, force bool) *journal.ClusterDocument {
	text := fmt.Sprintf("%s h 1 master - 0-%d\n%s h 2 master - %d-16383", nodeID("a"), last, nodeID("b"), last+1)
	return &journal.ClusterDocument{Version: version, Master: nodeID(master), Force: force, Text: text}
}

func nodeID(name string) string { return strings.Repeat(name, 40) }

// ownedText writes what a node owns.
func ownedText(n *replaytest.Node) string {
	s := ""
	for _, o := range n.Custody().Owned {
		s += fmt.Sprintf("%d-%d@%d ", o.First, o.Last, o.Epoch)
	}
	return strings.TrimSpace(s)
}

var (
	awaySlots = []journal.SlotRange{{First: 50, Last: 99}}
	cameSlots = []journal.SlotRange{{First: 200, Last: 299}}
)

// documentSteps are effects in turn, and what is owned after each.
var documentSteps = []struct {
	op      journal.Op
	refused bool
	owned   string
}{
	{&journal.ClusterDocument{Version: 9, Master: nodeID("a"), Text: nodeID("a") + " h 1 boss -"}, true, ""},
	{told(1, "a", 99, false), false, "0-99@2"},
	{&journal.ClusterJoin{Cluster: "c"}, true, "0-99@2"},
	{told(0, "a", 199, false), true, "0-99@2"},
	{told(0, "a", 199, true), false, "0-99@2 100-199@1"},
	{told(4, "a", 99, false), false, "0-99@5"},
	{told(4, "b", 99, false), false, "100-16383@5"},
	{told(4, "a", 99, false), false, "0-99@5"},

	{&journal.MoveBegin{ID: 1, Side: journal.Source, Ranges: awaySlots, Shard: 7}, false, "0-99@5"},
	{told(5, "a", 49, false), false, "0-49@6"}, // which ends the move
	{&journal.SlotsGive{ID: 1, Epoch: 9}, true, "0-49@6"},
	{told(6, "a", 99, false), false, "0-99@7"},
	{&journal.MoveBegin{ID: 2, Side: journal.Source, Ranges: awaySlots, Shard: 7}, false, "0-99@7"},
	{told(7, "a", 99, false), false, "0-99@8"}, // which does not
	{&journal.SlotsGive{ID: 2, Epoch: 9}, false, "0-49@8"},
	{told(8, "a", 49, true), false, "0-49@9"},
	{told(8, "a", 99, false), true, "0-49@9"},
	{told(9, "a", 99, false), false, "0-49@10"}, // it is not settled yet who has them
	{told(9, "a", 99, true), false, "0-99@10"},  // now it is
	{&journal.MoveTaken{ID: 2}, true, "0-99@10"},
	{&journal.MoveBegin{ID: 22, Side: journal.Source, Ranges: awaySlots, Shard: 7}, false, "0-99@10"},
	{&journal.SlotsGive{ID: 22, Epoch: 12}, false, "0-49@10"},
	{&journal.MoveTaken{ID: 22}, false, "0-49@10"},
	{told(9, "a", 99, true), false, "0-49@10"},
	{&journal.MoveEnd{ID: 22}, false, "0-99@10"}, // as was forced
	{&journal.MoveBegin{ID: 23, Side: journal.Source, Ranges: awaySlots, Shard: 7}, false, "0-99@10"},
	{&journal.SlotsGive{ID: 23, Epoch: 11}, false, "0-49@10"},
	{told(10, "a", 99, true), false, "0-49@11 50-99@12"}, // above that of whoever may have taken them

	{&journal.MoveBegin{ID: 3, Side: journal.Source, Ranges: awaySlots, Shard: 7}, false, "0-49@11 50-99@12"},
	{&journal.SlotsGive{ID: 3, Epoch: 13}, false, "0-49@11"},
	{&journal.MoveTaken{ID: 3}, false, "0-49@11"},
	{&journal.MoveEnd{ID: 3}, false, "0-49@11"},
	{told(11, "a", 99, false), false, "0-49@12"}, // which has not heard of the move
	{told(12, "a", 49, false), false, "0-49@13"},

	{&journal.MoveBegin{ID: 4, Side: journal.Target, Ranges: cameSlots, Shard: 7}, false, "0-49@13"},
	{told(13, "a", 299, false), false, "0-199@14"}, // while they come
	{&journal.SlotsTake{ID: 4, Epoch: 20}, false, "0-199@14 200-299@20"},
	{&journal.MoveEnd{ID: 4}, false, "0-199@14 200-299@20"},
	{told(14, "a", 199, false), false, "0-199@15"},
	{&journal.MoveBegin{ID: 5, Side: journal.Target, Ranges: cameSlots, Shard: 7}, false, "0-199@15"},
	{&journal.SlotsTake{ID: 5, Epoch: 22}, false, "0-199@15 200-299@22"},
	{&journal.MoveEnd{ID: 5}, false, "0-199@15 200-299@22"},
	{&journal.MoveBegin{ID: 6, Side: journal.Source, Ranges: cameSlots, Shard: 7}, true, "0-199@15 200-299@22"},
	{told(15, "a", 199, false), false, "0-199@16 200-299@22"},
	{told(16, "a", 299, false), false, "0-199@17 200-299@22"},
}

// What a shard owns follows from a controller's documents and from the moves between them. A
// document that does not hold changes nothing.
func TestClusterDocuments(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	for _, step := range documentSteps {
		var err error
		digest := n.Pos().Digest
		n.Must(func(d *replay.Draft) error { err = moving(step.op)(d); return nil })
		if refused := fault.Of(err) == fault.Refused && err != nil; refused != step.refused {
			t.Fatalf("%+v: %v; want refused %v", step.op, err, step.refused)
		}
		if step.refused && n.Pos().Digest != digest {
			t.Errorf("%+v: the digest has changed", step.op)
		}
		if got := ownedText(n); got != step.owned {
			t.Errorf("%+v: owned %s; want %s", step.op, got, step.owned)
		}
		sameAfterwards(t, n)
	}
}

// Where the journal's own entries say who owns slots no document is taken.
func TestDocumentWithoutController(t *testing.T) {
	founded := replaytest.Open(t, 1, writer.Config{})
	founded.Must(found("c1", someSlots...))
	founded.Must(func(d *replay.Draft) error {
		if err := d.Moving(told(1, "a", 99, false)); fault.Of(err) != fault.Refused {
			t.Errorf("a document where the journal says who owns slots: %v; want it refused", err)
		}
		return nil
	})
}
