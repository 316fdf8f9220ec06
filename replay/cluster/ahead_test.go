package cluster_test

import (
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
)

// A document that a node was told holds until the journal has it, or a newer one. What moves
// make of the journal's is none.
func TestAhead(t *testing.T) {
	topology := func(version uint64, slots string) *cluster.Topology {
		d, err := cluster.ParseDocument(named("a") + " h 1 master - " + slots + "\n" + named("b") + " h 2 master -")
		if err != nil {
			t.Fatal(err)
		}
		return &cluster.Topology{Version: version, Master: named("a"), Document: d}
	}
	first := topology(5, "0-99")
	moved := first.Gave([]journal.SlotRange{{First: 1, Last: 2}})
	for name, tt := range map[string]struct {
		told   *cluster.Topology // its version and document
		force  bool
		before *cluster.Topology
		now    *cluster.Topology
		want   bool
	}{
		"the journal has none":                   {topology(1, "0"), false, nil, nil, true},
		"a newer one":                            {topology(6, "0"), false, first, first, true},
		"a newer one after a move":               {topology(6, "0"), false, first, moved, true},
		"the journal has it":                     {topology(6, "0"), false, first, topology(6, "0"), false},
		"the journal has a newer one":            {topology(6, "0"), false, first, topology(7, "0"), false},
		"forced":                                 {topology(3, "0"), true, first, first, true},
		"forced, after a move":                   {topology(3, "0"), true, first, moved, true},
		"forced, after a restart of the journal": {topology(3, "0"), true, first, topology(5, "0-99"), true},
		"forced, after a newer one":              {topology(3, "0"), true, first, topology(6, "0-99"), false},
		"forced, after another of the version":   {topology(3, "0"), true, first, topology(5, "0-98"), false},
		"forced, and the journal has it":         {topology(3, "0"), true, first, topology(3, "0"), false},
		"forced, and the journal is set back":    {topology(3, "0"), true, first, topology(2, "0"), true},
		"forced, of the version that there is":   {topology(5, "0"), true, first, moved, true},
		"forced, as it is":                       {topology(5, "0-99"), true, moved, moved, true},
		"forced, as it is, and is again":         {topology(5, "0-99"), true, moved, topology(5, "0-99"), false},
		"forced before the journal had any":      {topology(3, "0"), true, nil, first, false},
	} {
		a := &cluster.Ahead{Version: tt.told.Version, Document: tt.told.Document, Force: tt.force, Before: tt.before}
		if got := a.Holds(tt.now); got != tt.want {
			t.Errorf("%s: it holds %v; want %v", name, got, tt.want)
		}
	}
}
