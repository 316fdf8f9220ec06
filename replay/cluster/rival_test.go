package cluster_test

import (
	"testing"

	"ledge/replay/cluster"
)

// made gives a record of a leader the epoch of its journal, and that at which it was made to
// lead.
func made(id string, term, led uint64) cluster.Record {
	r := newer(record(id, "b", true, 1, owned(0, 99, 1)), term, 0)
	r.Led = led
	return r
}

// Of two nodes that lead one shard both come to the same: the one that was made to lead later
// counts, however often the other one was started since, and of two copies of one directory the
// one of the lower id. Others send clients there.
func TestRival(t *testing.T) {
	follows, left := made("b2", 9, 9), made("b2", 9, 9)
	follows.Leads, left.Left = false, true
	for _, tt := range []struct {
		name     string
		own      cluster.Record
		heard    cluster.Record
		outdone  bool // the first
		outdoing bool // of the other, seen from there
		leads    string
	}{
		{"promoted later", made("b1", 5, 5), made("b2", 6, 6), true, false, "b2"},
		{"promoted before", made("b1", 7, 7), made("b2", 6, 6), false, true, "b1"},
		{"started often since", made("b1", 50, 5), made("b2", 6, 6), true, false, "b2"},
		{"copied", made("b1", 5, 5), made("b2", 5, 5), false, true, "b1"},
		{"copied, and started again", made("b2", 9, 5), made("b1", 5, 5), true, false, "b1"},
		{"of an older program", made("b1", 5, 0), made("b2", 6, 0), true, false, "b2"},
		{"it follows", made("b1", 5, 5), follows, false, false, "b1"},
		{"it has left", made("b1", 5, 5), left, false, false, "b1"},
	} {
		for i, side := range []struct {
			own, heard cluster.Record
			want       bool
		}{{tt.own, tt.heard, tt.outdone}, {tt.heard, tt.own, tt.outdoing}} {
			v := cluster.NewView("c1", side.own)
			if _, err := v.Merge([]cluster.Record{side.heard}); err != nil {
				t.Fatal(err)
			}
			if r, got := v.Rival(); got != side.want || got && r.ID != side.heard.ID {
				t.Errorf("%s, side %d: a rival %s: %v; want %v", tt.name, i, r.ID, got, side.want)
			}
		}
		third := cluster.NewView("c1", record("c1", "c", true, 1))
		if _, err := third.Merge([]cluster.Record{tt.own, tt.heard}); err != nil {
			t.Fatal(err)
		}
		m, err := third.Map(nil)
		if err != nil {
			t.Fatal(err)
		}
		if l := m.Shards[1].Leader(); l == nil || l.ID != tt.leads {
			t.Errorf("%s: others have %+v lead; want %s", tt.name, l, tt.leads)
		}
	}
}

// A node that is outdone shows the other one as the leader, as others do, and is asked to serve
// nothing less than before: it refuses that. While the lead changes hands it shows itself.
func TestRivalShown(t *testing.T) {
	v := cluster.NewView("c1", made("b1", 50, 5))
	if _, err := v.Merge([]cluster.Record{made("b2", 6, 6), record("c1", "c", true, 1)}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		outdone bool
		want    string
	}{{false, "b: b1! b2 0-99@1; c: c1!"}, {true, "b: b2! b1 0-99@1; c: c1!"}, {false, "b: b1! b2 0-99@1; c: c1!"}} {
		v.Outdo(tt.outdone)
		if got := shardsOf(t, v); got != tt.want {
			t.Errorf("outdone %v: %s; want %s", tt.outdone, got, tt.want)
		}
		m, err := v.Map(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Leads() || !m.Serves(7) || m.Me().Outdone != tt.outdone {
			t.Errorf("outdone %v: leads %v, serves %v, outdone %v; want it to say that it leads", tt.outdone, m.Leads(), m.Serves(7), m.Me().Outdone)
		}
		if other := m.Shards[0].Nodes[0]; tt.outdone && other.Outdone {
			t.Errorf("the leader %s is outdone", other.ID)
		}
		if m.Refuses() || !m.Refusing().Refuses() {
			t.Errorf("the map refuses %v, and what is made of it %v; want only that", m.Refuses(), m.Refusing().Refuses())
		}
	}
}

// What a leader says that was replaced counts for nothing, though it was started later and so
// has the higher epoch in its journal: it may own slots no more.
func TestReplacedLeaderOwnsNothing(t *testing.T) {
	old, now := made("b1", 50, 5), made("b2", 6, 6)
	now.Owned = nil // it has given them
	v := cluster.NewView("c1", record("c1", "c", true, 1))
	if _, err := v.Merge([]cluster.Record{old, now}); err != nil {
		t.Fatal(err)
	}
	if got, want := shardsOf(t, v), "c: c1!; b: b2! b1"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// Two runs of one id that hear of each other agree which of them gets another id. What an
// earlier run has left behind is none of them, whatever its stamps.
func TestCopy(t *testing.T) {
	run := func(name string, leads bool, led, stamp uint64) *cluster.View {
		r := made("b1", 5, led)
		r.Run, r.Leads, r.Stamp = name, leads, stamp
		return cluster.NewView("c1", r)
	}
	hears := func(v, of *cluster.View) {
		if _, err := v.Merge([]cluster.Record{of.Own()}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		a, b   *cluster.View
		parted bool // a is
	}{
		{"both lead at the same epoch", run("x", true, 5, 7), run("y", true, 5, 9), false},
		{"the other way round", run("y", true, 5, 7), run("x", true, 5, 9), true},
		{"one was promoted", run("x", true, 5, 7), run("y", true, 6, 9), true},
		{"one follows", run("x", false, 0, 7), run("y", true, 5, 9), true},
	} {
		early := tt.a.Own()
		for range 3 { // in turns, as by a third node
			hears(tt.a, tt.b)
			hears(tt.b, tt.a)
		}
		if _, ok := tt.a.Copy(); ok != tt.parted {
			t.Errorf("%s: the first gets another id: %v; want %v", tt.name, ok, tt.parted)
		}
		if _, ok := tt.b.Copy(); ok == tt.parted {
			t.Errorf("%s: the second gets another id: %v; want %v", tt.name, ok, !tt.parted)
		}
		was := tt.a.Own()
		was.Port++
		if _, ok := tt.a.Copy(); !tt.a.SetOwn(was) {
			t.Errorf("%s: another port is no change", tt.name)
		} else if _, still := tt.a.Copy(); ok && still {
			t.Errorf("%s: what was heard before a change counts after it", tt.name)
		}
		later := run("z", true, 1, 1)
		for _, r := range []cluster.Record{early, tt.a.Own(), tt.b.Own()} {
			if _, err := later.Merge([]cluster.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok := later.Copy(); ok || later.Own().Stamp <= tt.a.Own().Stamp {
			t.Errorf("%s: a run after both gets another id: %v, its stamp is %d; want none, and a stamp above all", tt.name, ok, later.Own().Stamp)
		}
	}
}
