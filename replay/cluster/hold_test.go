package cluster_test

import (
	"reflect"
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
)

func slots(first, last uint16) []journal.SlotRange {
	return []journal.SlotRange{{First: first, Last: last}}
}

// A hold is of a map that is made for it: the one there was stays as it is, and another
// hold takes its place.
func TestHolding(t *testing.T) {
	m := three(t)
	held := m.Holding(slots(10, 250), slots(20, 20))
	for slot, want := range map[uint16]cluster.Hold{9: cluster.Free, 10: cluster.HoldWrites, 20: cluster.HoldAll,
		250: cluster.HoldWrites, 251: cluster.Free, journal.MaxSlot: cluster.Free} {
		if got := held.Held(slot); got != want {
			t.Errorf("Held(%d) = %d; want %d", slot, got, want)
		}
		if held.Owner(slot) != m.Owner(slot) || held.Serves(slot) != m.Serves(slot) {
			t.Errorf("a hold changes who serves slot %d", slot)
		}
	}
	if !held.HoldsAny() || m.HoldsAny() || m.Held(20) != cluster.Free {
		t.Errorf("HoldsAny = %v, and %v before; want true, and false before", held.HoldsAny(), m.HoldsAny())
	}
	over := held.Holding(nil, slots(journal.MaxSlot, 1<<16-1))
	if over.Held(20) != cluster.Free || over.Held(journal.MaxSlot) != cluster.HoldAll || !over.HoldsAny() {
		t.Errorf("a second hold: Held(20) = %d, of the last slot %d; want only that held", over.Held(20), over.Held(journal.MaxSlot))
	}
	if free := over.Holding(nil, nil); free.HoldsAny() || free.Held(journal.MaxSlot) != cluster.Free {
		t.Error("a map holds slots after a hold of none")
	}
}

// Slots are gone when the shard has them no more, and they are not held either.
func TestGone(t *testing.T) {
	of := func(first, last uint16) *cluster.Map {
		m, err := cluster.New("c1", "a1", cluster.Shard{ID: "a", Slots: []journal.OwnedRange{owned(first, last, 1)},
			Nodes: []cluster.Node{{ID: "a1", Leads: true}}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before, after := of(0, 99), of(10, 89)
	want := []journal.SlotRange{{First: 0, Last: 9}, {First: 90, Last: 99}}
	if got := after.Gone(before); !reflect.DeepEqual(got, want) {
		t.Errorf("Gone = %v; want %v", got, want)
	}
	given := after.Holding(nil, slots(90, 99))
	if got := given.Gone(before); !reflect.DeepEqual(got, want[:1]) {
		t.Errorf("Gone while some are held = %v; want %v", got, want[:1])
	}
	if got := after.Gone(given); !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("Gone once none are held = %v; want %v", got, want[1:])
	}
	for slot, here := range map[uint16]bool{5: false, 50: true, 95: true, 100: false} {
		if got := given.Here(slot); got != here {
			t.Errorf("Here(%d) = %v while others are held; want %v", slot, got, here)
		}
	}
	if got := before.Gone(after); got != nil {
		t.Errorf("Gone = %v as slots come; want none", got)
	}
}
