package cluster_test

import (
	"fmt"
	"reflect"
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
)

func owned(first, last uint16, epoch uint64) journal.OwnedRange {
	return journal.OwnedRange{SlotRange: journal.SlotRange{First: first, Last: last}, Epoch: epoch}
}

// three is a cluster of three shards: the node's own, one with a replica, and one of which
// nobody is known.
func three(t *testing.T) *cluster.Map {
	t.Helper()
	m, err := cluster.New("c1", "a1",
		cluster.Shard{ID: "a", Slots: []journal.OwnedRange{owned(0, 99, 1), owned(100, 199, 3), owned(300, 300, 2)},
			Nodes: []cluster.Node{{ID: "a1", Host: "::1", Port: 1, Leads: true}}},
		cluster.Shard{ID: "b", Slots: []journal.OwnedRange{owned(200, 299, 4), owned(301, journal.MaxSlot-1, 1)},
			Nodes: []cluster.Node{{ID: "b1", Host: "h", Port: 2, Leads: true}, {ID: "b2", Host: "h", Port: 3}}},
		cluster.Shard{ID: "c", Slots: []journal.OwnedRange{owned(journal.MaxSlot, journal.MaxSlot, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A map says of each slot whose it is, and of each shard what it has.
func TestMap(t *testing.T) {
	m := three(t)
	for slot, want := range map[uint16]string{0: "a", 199: "a", 200: "b", 299: "b", 300: "a", 301: "b", journal.MaxSlot: "c"} {
		if s := m.Owner(slot); s == nil || s.ID != want || m.Own(slot) != (want == "a") {
			t.Errorf("slot %d is of %+v, own %v; want shard %s", slot, s, m.Own(slot), want)
		}
	}
	if m.Epoch() != 4 || m.Assigned() != journal.MaxSlot+1 || m.Shards[0].Count() != 201 {
		t.Errorf("epoch %d, %d slots, %d of the first; want 4, all, 201", m.Epoch(), m.Assigned(), m.Shards[0].Count())
	}
	if l := m.Shards[1].Leader(); l == nil || l.Addr(false) != "h:2" {
		t.Errorf("leader of b = %+v; want b1 at h:2", l)
	}
	if l := m.Shards[2].Leader(); l != nil {
		t.Errorf("leader of c = %+v; want none", l)
	}
	if n := m.Me(); n == nil || n.Addr(false) != "[::1]:1" || n.Addr(true) != "[::1]:1" {
		t.Errorf("Me = %+v; want a1 at [::1]:1", n)
	}
	if s, n := m.Find("b2"); n == nil || n.Port != 3 || s.ID != "b" {
		t.Errorf("Find(b2) = %+v, %+v; want b's second", s, n)
	}
	if _, n := m.Find("x"); n != nil {
		t.Errorf("Find(x) = %+v; want nil", n)
	}
}

// A node serves the slots of its shard while it leads that, and no other.
func TestServes(t *testing.T) {
	all := []journal.OwnedRange{owned(0, 63, 1), owned(64, journal.MaxSlot, 2)}
	for name, c := range map[string]struct {
		slots  []journal.OwnedRange
		leads  bool
		others []cluster.Shard
		want   func(slot uint16) bool
	}{
		"all":      {all, true, nil, func(uint16) bool { return true }},
		"follower": {all, false, nil, func(uint16) bool { return false }},
		"none":     {nil, true, nil, func(uint16) bool { return false }},
		"some": {[]journal.OwnedRange{owned(63, 64, 1)}, true, []cluster.Shard{{ID: "b", Slots: []journal.OwnedRange{owned(65, 128, 1)}}},
			func(slot uint16) bool { return slot == 63 || slot == 64 }},
	} {
		m, err := cluster.New("c1", "a1", append([]cluster.Shard{
			{ID: "a", Slots: c.slots, Nodes: []cluster.Node{{ID: "a1", Leads: c.leads}}}}, c.others...)...)
		if err != nil {
			t.Fatal(err)
		}
		every := true
		for slot := range uint16(journal.MaxSlot + 1) {
			every = every && c.want(slot)
			if m.Serves(slot) != c.want(slot) {
				t.Errorf("%s: Serves(%d) = %v; want %v", name, slot, m.Serves(slot), c.want(slot))
			}
		}
		if m.ServesAll() != every {
			t.Errorf("%s: ServesAll = %v; want %v", name, m.ServesAll(), every)
		}
	}
}

// Clients are told of ranges that are as long as they can be, in the order of slots, of
// shards that can be reached.
func TestRanges(t *testing.T) {
	m := three(t)
	want := []journal.SlotRange{{First: 0, Last: 199}, {First: 300, Last: 300}}
	if got := m.Shards[0].Ranges(); !reflect.DeepEqual(got, want) {
		t.Errorf("Ranges = %v; want %v", got, want)
	}
	var got []string
	m.EachRange(func(s *cluster.Shard, r journal.SlotRange) { got = append(got, fmt.Sprint(s.ID, r.First, "-", r.Last)) })
	all := []string{"a0-199", "b200-299", "a300-300", fmt.Sprint("b301-", journal.MaxSlot-1)}
	if !reflect.DeepEqual(got, all) {
		t.Errorf("EachRange = %v; want %v", got, all)
	}
}

// A slot has one owner, and is one.
func TestRefused(t *testing.T) {
	for name, shards := range map[string][]cluster.Shard{
		"no shard":          nil,
		"two owners":        {{ID: "a", Slots: []journal.OwnedRange{owned(0, 5, 1)}}, {ID: "b", Slots: []journal.OwnedRange{owned(5, 5, 2)}}},
		"backwards":         {{ID: "a", Slots: []journal.OwnedRange{owned(6, 5, 1)}}},
		"past the last one": {{ID: "a", Slots: []journal.OwnedRange{owned(0, journal.MaxSlot+1, 1)}}},
	} {
		if m, err := cluster.New("c1", "a1", shards...); err == nil {
			t.Errorf("%s: New = %+v; want an error", name, m)
		}
	}
}
