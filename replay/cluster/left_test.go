package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"ledge/replay/cluster"
)

// A node that is forgotten stays so although somebody who has not heard of it tells of the
// node, until the node makes a record itself.
func TestForget(t *testing.T) {
	v := cluster.NewView("c1", record("b1", "b", true, 1, owned(0, 99, 1)))
	before := record("a1", "a", true, 5, owned(100, 200, 1))
	if _, err := v.Merge([]cluster.Record{before, record("a2", "a", false, 5)}); err != nil {
		t.Fatal(err)
	}
	if !v.Forget("a1") || v.Forget("a1") || v.Forget("b1") || v.Forget("nobody") {
		t.Error("Forget takes another one than a node that is there and is not the node itself")
	}
	if _, err := v.Merge([]cluster.Record{before}); err != nil {
		t.Fatal(err)
	}
	if got, want := shardsOf(t, v), "b: b1! 0-99@1; a: a2"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	other := cluster.NewView("c1", before)
	if _, err := other.Merge(v.Newer(other.Have())); err != nil || other.Own().Stamp != 7 || other.Own().Left {
		t.Errorf("the node that lives has %+v, %v; want it there with stamp 7", other.Own(), err)
	}
	if _, err := v.Merge(other.Newer(v.Have())); err != nil {
		t.Fatal(err)
	}
	if got, want := shardsOf(t, v), "b: b1! 0-99@1; a: a1! a2 100-200@1"; got != want {
		t.Errorf("once it is back: %s; want %s", got, want)
	}
}

// A shard that leaves is told of by records of all its nodes, and nobody lists it.
func TestDeparture(t *testing.T) {
	a := cluster.NewView("c1", record("a1", "a", true, 3))
	b := cluster.NewView("c1", record("b1", "b", true, 1, owned(0, 99, 1)))
	if _, err := a.Merge([]cluster.Record{record("a2", "a", false, 9), b.Own()}); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]cluster.Record{a.Records(), a.Departure()} {
		if _, err := b.Merge(list); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := shardsOf(t, b), "b: b1! 0-99@1"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// Those that have left don't add up, and make room for nodes that come.
func TestLeftBound(t *testing.T) {
	v := cluster.NewView("c1", record("b1", "b", true, 1))
	for i := range 3 * cluster.MostNodes {
		id := fmt.Sprintf("n%05d", i)
		if _, err := v.Merge([]cluster.Record{record(id, "s", false, 1)}); err != nil {
			t.Fatalf("node %d: %v; want it taken", i, err)
		}
		v.Forget(id)
	}
	left := 0
	for _, r := range v.Records() {
		if r.Left {
			left++
		}
	}
	if left == 0 || left > 200 {
		t.Errorf("%d records of nodes that have left; want some, and a bound", left)
	}
	for i := range cluster.MostNodes - 1 {
		if _, err := v.Merge([]cluster.Record{record(fmt.Sprint("m", i), "s", false, 1)}); err != nil {
			t.Fatalf("node %d: %v; want those that have left to make room", i, err)
		}
	}
	if got := shardsOf(t, v); strings.Contains(got, "n0") {
		t.Errorf("%.200s; want no node that has left", got)
	}
}
