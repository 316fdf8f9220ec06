package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
)

// record returns what a node says of itself.
func record(id, shard string, leads bool, stamp uint64, slots ...journal.OwnedRange) cluster.Record {
	return cluster.Record{Node: cluster.Node{ID: id, Host: "h", Port: 1, Leads: leads}, Shard: shard, Stamp: stamp, Owned: slots}
}

// In whatever order and however often nodes hear of each other, they come to the same view.
func TestViewsConverge(t *testing.T) {
	var all []cluster.Record
	for i := range 5 {
		id := fmt.Sprint("n", i)
		for stamp := range uint64(4) {
			all = append(all, record(id, fmt.Sprint("s", i/2), i%2 == 0, stamp+1, owned(uint16(100*i), uint16(100*i+99), stamp+1)))
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var want uint64
	for round := range 100 {
		v := cluster.NewView("c1", all[3])
		heard := append(slices.Clone(all), all[rng.IntN(len(all))], all[rng.IntN(len(all))])
		rng.Shuffle(len(heard), func(i, j int) { heard[i], heard[j] = heard[j], heard[i] })
		for len(heard) > 0 {
			n := 1 + rng.IntN(len(heard))
			if _, err := v.Merge(heard[:n]); err != nil {
				t.Fatal(err)
			}
			heard = heard[n:]
		}
		if round == 0 {
			want = v.Hash()
		}
		if got := v.Hash(); got != want || len(v.Records()) != 5 {
			t.Fatalf("round %d: hash %x of %d records; want %x of 5", round, got, len(v.Records()), want)
		}
		if changed, err := v.Merge(all); changed || err != nil {
			t.Fatalf("what was heard changes the view again: %v, %v", changed, err)
		}
	}
}

// shardsOf writes a map in short, with some nodes failed.
func shardsOf(t *testing.T, v *cluster.View, failed ...string) string {
	t.Helper()
	lost := make(map[string]bool)
	for _, id := range failed {
		lost[id] = true
	}
	m, err := v.Map(lost)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range m.Shards {
		s := &m.Shards[i]
		fmt.Fprintf(&b, "%s:", s.ID)
		for _, n := range s.Nodes {
			fmt.Fprintf(&b, " %s", n.ID)
			if n.Leads {
				b.WriteString("!")
			}
		}
		for _, r := range s.Slots {
			fmt.Fprintf(&b, " %d-%d@%d", r.First, r.Last, r.Epoch)
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// What was seized from a shard is told from what it has just given, which others hear of as its
// own for a while.
func TestUnyielded(t *testing.T) {
	seized := cluster.With(nil, []journal.SlotRange{{First: 5, Last: 9}, {First: 12, Last: 12}}, 2+journal.SeizeEpochs)
	taken := cluster.With(seized, []journal.SlotRange{{First: 20, Last: 29}}, 3)
	giver := record("b1", "b", true, 1, owned(0, 99, 2))
	v := cluster.NewView("c1", record("c1", "c", true, 1, taken...))
	if _, err := v.Merge([]cluster.Record{giver}); err != nil {
		t.Fatal(err)
	}
	m, err := v.Map(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "5-9,12"} { // the node's own shard is the first
		if got := journal.SlotsText(v.Unyielded(m, &m.Shards[i])); got != want {
			t.Errorf("shard %s has not yielded %q; want %q", m.Shards[i].ID, got, want)
		}
	}
}

// A slot is of the shard that has come to it last, and a shard is led by the node of the
// highest epoch that says so; but what the node knows by its own journal is so.
func TestViewMap(t *testing.T) {
	leads, follows := record("b1", "b", true, 1, owned(0, 99, 1)), record("b1", "b", false, 1, owned(0, 99, 1))
	for _, tt := range []struct {
		name  string
		own   cluster.Record
		heard []cluster.Record
		want  string
	}{
		{"alone", leads, nil, "b: b1! 0-99@1"},
		{"two shards", leads, []cluster.Record{record("a1", "a", true, 1, owned(100, 200, 1))}, "b: b1! 0-99@1; a: a1! 100-200@1"},
		{"given by one to another", leads, []cluster.Record{record("a1", "a", true, 1, owned(100, 200, 1)),
			record("c1", "c", true, 1, owned(150, 159, 2))}, "b: b1! 0-99@1; a: a1! 100-149@1 160-200@1; c: c1! 150-159@2"},
		{"cloned", leads, []cluster.Record{record("c1", "c", true, 1, owned(100, 110, 1)), record("a1", "a", true, 1, owned(105, 120, 1))},
			"b: b1! 0-99@1; a: a1! 105-120@1; c: c1! 100-104@1"},
		{"its own slots are claimed", leads, []cluster.Record{record("a1", "a", true, 1, owned(0, 100, 1))}, "b: b1! 0-99@1; a: a1! 100-100@1"},
		{"its own slots are another's by now", leads, []cluster.Record{record("a1", "a", true, 1, owned(50, 100, 2))}, "b: b1! 0-49@1; a: a1! 50-100@2"},
		{"its own slots are seized", leads, []cluster.Record{record("a1", "a", true, 1, owned(50, 100, 1<<32+1))}, "b: b1! 0-49@1; a: a1! 50-100@4294967297"},
		{"a replica", leads, []cluster.Record{record("b0", "b", false, 1, owned(0, 99, 1))}, "b: b1! b0 0-99@1"},
		{"its own lead is claimed", leads, []cluster.Record{newer(record("b0", "b", true, 1, owned(0, 50, 1)), 1<<62, 0)}, "b: b1! b0 0-99@1"},
		{"two others lead", follows, []cluster.Record{record("b0", "b", true, 1), newer(record("b2", "b", true, 1), 1, 0)}, "b: b2! b0 b1 0-99@1"},
		{"a replica that is ahead", leads, []cluster.Record{newer(record("b0", "b", false, 1, owned(0, 50, 1)), 0, 1)}, "b: b1! b0 0-99@1"},
		{"a replica elsewhere that is ahead", leads, []cluster.Record{record("a1", "a", true, 1, owned(100, 200, 1)),
			newer(record("a2", "a", false, 1, owned(100, 150, 1)), 0, 1)}, "b: b1! 0-99@1; a: a1! a2 100-150@1"},
	} {
		v := cluster.NewView("c1", tt.own)
		if _, err := v.Merge(tt.heard); err != nil {
			t.Fatal(err)
		}
		if got := shardsOf(t, v); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

// Where a controller's documents say who owns slots, versions may be set back by force, of which
// a node that is away has not heard: what it claims counts less than the claim of one that is
// there, at whatever epoch. Elsewhere epochs only rise, and the highest one counts.
func TestViewMapOfLostClaims(t *testing.T) {
	for _, tt := range []struct {
		cluster, lost, want string
	}{
		{cluster.External, "a1", "b: b1! 0-99@4; a: a1! 120-199@51; c: c1! 100-119@5"},
		{cluster.External, "", "b: b1! 0-49@4; a: a1! 50-199@51; c: c1!"},
		{"c1", "a1", "b: b1! 0-49@4; a: a1! 50-199@51; c: c1!"},
	} {
		v := cluster.NewView(tt.cluster, record("b1", "b", true, 1, owned(0, 99, 4)))
		if _, err := v.Merge([]cluster.Record{record("a1", "a", true, 1, owned(50, 199, 51)), record("c1", "c", true, 1, owned(100, 119, 5))}); err != nil {
			t.Fatal(err)
		}
		if got := shardsOf(t, v, tt.lost); got != tt.want {
			t.Errorf("in cluster %s without %q: %s; want %s", tt.cluster, tt.lost, got, tt.want)
		}
	}
}

// newer gives a record another term and number.
func newer(r cluster.Record, term uint64, number journal.Seq) cluster.Record {
	r.Term, r.Number = term, number
	return r
}

// A node's own record is made by the node alone: what others still have of an earlier run
// is overtaken.
func TestViewOwn(t *testing.T) {
	v := cluster.NewView("c1", record("b1", "b", true, 1, owned(0, 99, 1)))
	if v.SetOwn(v.Own()) || v.Own().Stamp != 1 {
		t.Errorf("the same record again is a change; stamp %d", v.Own().Stamp)
	}
	changed, err := v.Merge([]cluster.Record{record("b1", "b", false, 7, owned(5, 6, 9))})
	if err != nil || !changed || v.Own().Stamp != 8 || !v.Own().Leads || v.Own().Owned[0].Epoch != 1 {
		t.Errorf("own record %+v after one of an earlier run (%v, %v); want what it was, stamp 8", v.Own(), changed, err)
	}
	if !v.SetOwn(record("", "b", false, 0)) || v.Own().Stamp != 9 || v.Own().Leads || v.Own().ID != "b1" {
		t.Errorf("own record %+v; want one of b1 that leads no more, stamp 9", v.Own())
	}
	if v.Forget("b1") || v.Forget("nobody") {
		t.Error("a node is forgotten that is the node itself, or isn't there")
	}
}

// Two nodes tell each other what the other one lacks, in pieces if it is much.
func TestViewNewer(t *testing.T) {
	a, b := cluster.NewView("c1", record("a1", "a", true, 1)), cluster.NewView("c1", record("b1", "b", true, 1))
	var scattered []journal.OwnedRange
	for slot := uint16(0); slot < 6000; slot += 2 {
		scattered = append(scattered, owned(slot, slot, 1))
	}
	if _, err := a.Merge([]cluster.Record{record("x", "x", true, 3, scattered...), record("y", "y", true, 3, scattered...)}); err != nil {
		t.Fatal(err)
	}
	rounds := 0
	for ; a.Hash() != b.Hash() && rounds < 10; rounds++ {
		for _, pair := range [][2]*cluster.View{{a, b}, {b, a}} {
			if _, err := pair[1].Merge(pair[0].Newer(pair[1].Have())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if rounds != 2 || len(b.Records()) != 4 || len(a.Newer(b.Have())) != 0 {
		t.Errorf("the same after %d rounds, with %d records; want 2 rounds, 4 records", rounds, len(b.Records()))
	}
}

// A view takes so many nodes and no more, and goes on with those that it has.
func TestViewBound(t *testing.T) {
	v := cluster.NewView("c1", record("b1", "b", true, 1))
	var many []cluster.Record
	for i := range cluster.MostNodes {
		many = append(many, record(fmt.Sprint("n", i), "s", false, 1))
	}
	if _, err := v.Merge(many); err == nil || len(v.Records()) != cluster.MostNodes {
		t.Errorf("%d records, %v; want %d and an error", len(v.Records()), err, cluster.MostNodes)
	}
	many[0].Stamp++
	if changed, err := v.Merge(many[:1]); !changed || err != nil {
		t.Errorf("a known node's record: %v, %v; want it taken", changed, err)
	}
	if !v.Forget("n0") {
		t.Error("n0 is not forgotten")
	}
}

// Slots are claimed once others own all of them, each at the epoch or later.
func TestClaimed(t *testing.T) {
	v := cluster.NewView("c1", record("b1", "b", true, 1, owned(0, 9, 9)))
	if _, err := v.Merge([]cluster.Record{record("a1", "a", true, 1, owned(10, 14, 3)), record("c1", "c", true, 1, owned(15, 20, 5))}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		first, last uint16
		epoch       uint64
		want        bool
	}{{10, 20, 3, true}, {10, 20, 4, false}, {15, 20, 5, true}, {10, 21, 3, false}, {0, 9, 9, false}} {
		if got := v.Claimed([]journal.SlotRange{{First: tt.first, Last: tt.last}}, tt.epoch); got != tt.want {
			t.Errorf("slots %d to %d at epoch %d are claimed: %v; want %v", tt.first, tt.last, tt.epoch, got, tt.want)
		}
	}
}

// What was given is the other shard's for the node itself, and its own still for others
// until they hear of the new owner.
func TestLent(t *testing.T) {
	own := record("b1", "b", true, 1, owned(0, 9, 1))
	own.Lent = []cluster.Lent{{Ranges: []journal.SlotRange{{First: 10, Last: 20}}, Epoch: 4, To: "a"}, {Ranges: []journal.SlotRange{{First: 30, Last: 30}}, Epoch: 2, To: "nobody"}}
	v, other := cluster.NewView("c1", own), cluster.NewView("c1", record("c1", "c", true, 1))
	taker := record("a1", "a", true, 1)
	if _, err := v.Merge([]cluster.Record{taker}); err != nil {
		t.Fatal(err)
	}
	if got, want := shardsOf(t, v), "b: b1! 0-9@1; a: a1! 10-20@4"; got != want {
		t.Errorf("the map of who has given is %s; want %s", got, want)
	}
	if _, err := other.Merge(v.Newer(nil)); err != nil {
		t.Fatal(err)
	}
	if got, want := shardsOf(t, other), "c: c1!; a: a1!; b: b1! 0-9@1 10-20@3 30-30@1"; got != want {
		t.Errorf("the map of another is %s; want %s", got, want)
	}
	taker.Stamp, taker.Owned = 2, []journal.OwnedRange{owned(10, 20, 4)}
	if _, err := other.Merge([]cluster.Record{taker}); err != nil {
		t.Fatal(err)
	}
	if got, want := shardsOf(t, other), "c: c1!; a: a1! 10-20@4; b: b1! 0-9@1 30-30@1"; got != want {
		t.Errorf("once it is taken: %s; want %s", got, want)
	}
	own.Lent = nil
	if !v.SetOwn(own) || v.Own().Stamp != 2 {
		t.Error("what is lent no more is no change")
	}
}
