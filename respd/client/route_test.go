package client

import (
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/command/strs"
	"ledge/respd/command/zsets"
)

// Finding the slot of usual commands takes no memory, and that of all is the first key's.
func TestSlotOfCommand(t *testing.T) {
	table := command.NewTable(strs.Table(), zsets.Table())
	for _, x := range []struct {
		args []string
		key  string // the first that counts
		same bool
		free bool // takes no memory
	}{
		{[]string{"GET", "user:1"}, "user:1", true, true},
		{[]string{"SET", "a key that is longer than a few bytes are", "v"}, "a key that is longer than a few bytes are", true, true},
		{[]string{"MGET", "{x}a", "{x}b", "x"}, "x", true, true},
		{[]string{"MSET", "a", "1", "b", "2"}, "a", false, true},
		{[]string{"ZUNION", "2", "{z}1", "{z}2"}, "z", true, false},
		{[]string{"ZUNIONSTORE", "to", "1", "from"}, "from", false, false},
	} {
		args := make(command.Args, len(x.args))
		for i, a := range x.args {
			args[i] = []byte(a)
		}
		spec := table.Lookup(args[0])
		slot := noSlot
		if same := slot.add(spec, args); same != x.same || slot != slotOf(value.Slot(x.key)) {
			t.Errorf("%q: slot %d, all the same %v; want that of %q, %v", x.args, slot, same, x.key, x.same)
		}
		if n := testing.AllocsPerRun(100, func() { slot = noSlot; slot.add(spec, args) }); x.free && n > 0 {
			t.Errorf("%q: finding the slot allocates %v times; want 0", x.args, n)
		}
	}
}

// Nobody is sent to the address that they have come to: of a node that was there before this
// one nothing is to be had.
func TestNotSentBack(t *testing.T) {
	for _, port := range []int{6379, 6380} {
		own := cluster.Shard{ID: "a", Nodes: []cluster.Node{{ID: "1", Host: "10.0.0.1", Port: 6379, Leads: true}}}
		other := cluster.Shard{ID: "b", Nodes: []cluster.Node{{ID: "2", Host: "10.0.0.1", Port: port, Leads: true}},
			Slots: cluster.With(nil, []journal.SlotRange{{First: 7, Last: 7}}, 1)}
		m, err := cluster.New("c", "1", own, other)
		if err != nil {
			t.Fatal(err)
		}
		want := "CLUSTERDOWN Hash slot not served"
		if port != 6379 {
			want = "MOVED 7 10.0.0.1:6380"
		}
		if got := (&Conn{}).elsewhere(m, 7); got == nil || got.Error() != want {
			t.Errorf("the other node has port %d: %v; want %s", port, got, want)
		}
	}
}
