package cli

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"ledge/admin"
	"ledge/journal"
)

// shardsOf is a cluster of shards called a, b, …, that own those slots.
func shardsOf(slots ...string) (c admin.Cluster) {
	for i, text := range slots {
		n := 0
		if text != "" {
			ranges, err := journal.ParseSlots(text)
			if err != nil {
				panic(err)
			}
			for _, r := range ranges {
				n += r.Len()
			}
		}
		name := string(rune('a' + i))
		c.Shards = append(c.Shards, admin.Shard{ID: name, Slots: text, Count: n, Nodes: []admin.Member{{ID: name + "1", Redis: name + ":6379"}}})
	}
	return c
}

// A plan moves no more slots than it must, in long ranges.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name    string
		slots   []string
		weights []string
		want    []transfer
	}{
		{"a cluster that was just joined", []string{"0-16383", ""}, nil, []transfer{{"8192-16383", 8192, "a", "b"}}},
		{"nothing to do", []string{"0-8191", "8192-16383"}, nil, nil},
		{"a slot more is a share", []string{"0-8190", "8191-16381"}, nil, nil},
		{"a range that is as long as it must be", []string{"0-9,20-29,40-1039", "10-19,30-39,1040-1059"}, nil, []transfer{{"550-1039", 490, "a", "b"}}},
		{"whole ranges before a part", []string{"0-9,20-25,30-31", ""}, []string{"b=15", "a:6379=3"}, []transfer{{"0-9,21-25", 15, "a", "b"}}},
		{"a shard that is to be empty", []string{"0-99", "100-199"}, []string{"a1=0"}, []transfer{{"0-99", 100, "a", "b"}}},
		{"twice as much", []string{"0-299", ""}, []string{"b=2"}, []transfer{{"100-299", 200, "a", "b"}}},
	} {
		cl := shardsOf(c.slots...)
		weights, err := weigh(cl, c.weights)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := plan(cl, weights)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: the plan is %v; want %v", c.name, got, c.want)
		}
	}
}

// A shard that has not yielded what was seized from it is to get none of that: it would refuse
// it. What is to be done is said before anything moves.
func TestPlanOfUnyieldedSlots(t *testing.T) {
	c := shardsOf("0-16383", "")
	for _, tt := range []struct{ unyielded, want string }{{"0-99", ""}, {"8000-8200,9000", "ledge cluster yield 8000-8200,9000"}} {
		c.Shards[1].Unyielded = tt.unyielded
		_, err := plan(c, nil)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("with %s that b has not yielded: %v; want %q", tt.unyielded, err, tt.want)
		}
	}
}

// Whatever shards own, after a plan each has its share, give or take a slot, and no slot has
// moved twice or from a shard that had too few.
func TestPlanOfAnyCluster(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 100 {
		n := 2 + r.IntN(6)
		owned := make([][]journal.SlotRange, n)
		for at := 0; at <= journal.MaxSlot; {
			last := min(journal.MaxSlot, at+r.IntN(4000))
			i := r.IntN(n)
			owned[i] = append(owned[i], journal.SlotRange{First: uint16(at), Last: uint16(last)})
			at = last + 1
		}
		var texts []string
		for _, ranges := range owned {
			texts = append(texts, journal.SlotsText(ranges))
		}
		c := shardsOf(texts...)
		got, err := plan(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		has, moved, least := make(map[string]int), 0, 0
		for _, s := range c.Shards {
			has[s.ID] = s.Count
			least += max(0, s.Count-(journal.MaxSlot+1+n-1)/n)
		}
		for _, m := range got {
			has[m.From], has[m.To], moved = has[m.From]-m.Count, has[m.To]+m.Count, moved+m.Count
		}
		for id, count := range has {
			if share := (journal.MaxSlot + 1) / n; count < share || count > share+1 {
				t.Errorf("seed %d: shard %s of %d has %d slots after the plan %v of %v", seed, id, n, count, got, texts)
			}
		}
		if len(got) >= n || moved > least+n {
			t.Errorf("seed %d: %d moves of %d slots for %d shards; want fewer moves than shards, and about %d slots", seed, len(got), moved, n, least)
		}
	}
}

// A shard that is gone, and has nothing, is no part of a plan. Names of nodes stand for their
// shards if they are of one alone.
func TestPlanWithoutGone(t *testing.T) {
	c := shardsOf("0-99", "", "")
	for i, name := range []string{"one", "two", "two"} {
		c.Shards[i].Nodes = []admin.Member{{ID: fmt.Sprint("id", i), Name: name, Self: i == 0, Failed: i == 2}}
	}
	got, err := plan(c, nil)
	if err != nil || len(got) != 1 || got[0].To != c.Shards[1].ID || got[0].Count != 50 {
		t.Errorf("plan = %+v, %v; want half of the slots to the shard that is there", got, err)
	}
	if w, err := weigh(c, []string{"one=2"}); err != nil || w[c.Shards[0].ID] != 2 {
		t.Errorf("a weight by a name is %v, %v; want that of its shard", w, err)
	}
	if _, err := weigh(c, []string{"two=2"}); err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("a name of two nodes: %v; want it refused", err)
	}
}

// Weights that make no sense, and shards that there are not, are refused.
func TestWeights(t *testing.T) {
	c := shardsOf("0-99", "")
	for _, word := range []string{"a", "a=", "a=-1", "a=x", "a=Inf", "nobody=1"} {
		if w, err := weigh(c, []string{word}); err == nil {
			t.Errorf("--weight %s is %v; want an error", word, w)
		}
	}
	if _, err := plan(c, map[string]float64{"a": 0, "b": 0}); err == nil || !strings.Contains(err.Error(), "0") {
		t.Errorf("a plan in which no shard has slots: %v; want an error", err)
	}
}
