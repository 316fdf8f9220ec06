package appliance

import (
	"testing"

	"ledge/replay/cluster"
)

// A shard whose leader was known and is another one now is told of, once. One that is led by
// nobody for a while, or was not known before, is not.
func TestLeaders(t *testing.T) {
	led := make(leaders)
	for i, c := range []struct {
		leaders map[string]string // by shard; "" is nobody
		want    []string          // the shards that are told of
	}{
		{map[string]string{"s": "a", "r": "x"}, nil},
		{map[string]string{"s": "a", "r": "x"}, nil},
		{map[string]string{"s": "", "r": "x"}, nil},
		{map[string]string{"s": "b", "r": "x"}, []string{"s"}},
		{map[string]string{"s": "b"}, nil},
		{map[string]string{"s": "b", "r": "y"}, nil}, // it was not in the map meanwhile
	} {
		m := &cluster.Map{}
		for shard, node := range c.leaders {
			m.Shards = append(m.Shards, cluster.Shard{ID: shard, Nodes: []cluster.Node{{ID: node, Leads: node != ""}}})
		}
		got := led.note(m)
		if len(got) != len(c.want) || len(got) > 0 && got[0].ID != c.want[0] {
			t.Errorf("map %d: %d shards are told of; want %v", i, len(got), c.want)
		}
	}
	if len(led) != 2 {
		t.Errorf("leaders of %d shards are kept; want 2", len(led))
	}
}
