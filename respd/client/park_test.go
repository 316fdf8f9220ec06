package client_test

import (
	"sync/atomic"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/respd/client"
)

// The slots of keys: "a" has 15495, "b" another.
const aSlot = 15495

func only(slot uint16) []journal.SlotRange { return []journal.SlotRange{{First: slot, Last: slot}} }

// charts is a cluster's map that a test changes.
type charts struct{ atomic.Pointer[cluster.Map] }

// own is a map of a node that has the slots up to last; another has the others.
func own(t *testing.T, last uint16) *cluster.Map {
	t.Helper()
	owned := func(first, last uint16) []journal.OwnedRange {
		return []journal.OwnedRange{{SlotRange: journal.SlotRange{First: first, Last: last}, Epoch: 1}}
	}
	shards := []cluster.Shard{{ID: "me", Slots: owned(0, last), Nodes: []cluster.Node{{ID: "me1", Host: "h", Port: 1, Leads: true}}}}
	if last < journal.MaxSlot {
		shards = append(shards, cluster.Shard{ID: "other", Slots: owned(last+1, journal.MaxSlot), Nodes: []cluster.Node{{ID: "o1", Host: "h", Port: 2, Leads: true}}})
	}
	m, err := cluster.New("c1", "me1", shards...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// inCluster is a bench whose node has all slots.
func inCluster(t *testing.T) (*bench, *charts) {
	b, m := open(t), new(charts)
	m.Store(own(t, journal.MaxSlot))
	b.shared.Cluster = m.Load
	return b, m
}

// held serves what has arrived and expects the next command to be parked.
func (b *bench) held(line string) {
	b.t.Helper()
	what := b.Serve(&b.views)
	b.views.Close()
	if by, until := b.Parked(); what != client.Held || by == nil || until == 0 {
		b.t.Fatalf("%s: Serve = %d, parked by %p until %v; want it parked", line, what, by, until)
	}
	b.hear("")
}

// Commands that write are parked first, and then all. They go on by the next map, here or
// elsewhere; commands on other slots are answered all the time.
func TestParked(t *testing.T) {
	const toOther = "-MOVED 15495 h:2\r\n"
	for _, x := range []struct {
		line        string
		writes      bool // is parked while writes are
		here, moved string
		before      string // what runs before it
	}{
		{line: "SET a 1", writes: true, here: "+OK\r\n", moved: toOther},
		{line: "GET a", here: "$-1\r\n", moved: toOther},
		{line: "BLPOP a 1", before: "RPUSH a x", writes: true, here: "*2\r\n$1\r\na\r\n$1\r\nx\r\n", moved: toOther},
		{line: "WATCH a", here: "+OK\r\n", moved: toOther},
	} {
		for _, moves := range []bool{false, true} {
			b, m := inCluster(t)
			whole := m.Load()
			if x.before != "" {
				b.send(commands(x.before))
				b.settle()
				b.hear(":1\r\n")
			}
			m.Store(whole.Holding(only(aSlot), nil))
			if !x.writes {
				b.send(commands(x.line))
				b.settle()
				b.hear(x.here)
			}
			m.Store(whole.Holding(nil, only(aSlot)))
			b.send(commands("SET b 1", x.line, "GET b"))
			if what := b.Serve(&b.views); what != client.Propose {
				t.Fatalf("Serve = %d; want Propose", what)
			}
			b.views.Close()
			if err := b.shared.Writer.Submit(b.Conn); err != nil {
				t.Fatal(err)
			}
			<-b.back
			b.hear("+OK\r\n")
			for range 3 {
				b.held(x.line)
			}
			other := dial(t, b.shared)
			other.send(commands("SET b 2", "GET b"))
			other.settle()
			other.hear("+OK\r\n$1\r\n2\r\n")
			if m.Store(whole); moves {
				m.Store(own(t, aSlot-1))
				x.here = x.moved
			}
			b.settle()
			b.hear(x.here + "$1\r\n2\r\n")
			if by, _ := b.Parked(); by != nil || b.shared.Stats.Parked.Load() != 1 || b.shared.Stats.ParkedMost.Load() <= 0 {
				t.Errorf("%s: parked by %p, %d in all, at most %d ns; want nil, 1, some", x.line, by,
					b.shared.Stats.Parked.Load(), b.shared.Stats.ParkedMost.Load())
			}
		}
	}
}

// EXEC waits for the slot of its keys, of its watched keys if nobody knows whose it is, and
// for all slots if it clears them; what it queues does not wait.
func TestParkedTransaction(t *testing.T) {
	const queued = "+OK\r\n+QUEUED\r\n"
	for _, x := range []struct {
		lines []string
		said  string
		all   bool // waits only while all do
		here  string
		moved string
	}{
		{[]string{"MULTI", "SET a 1", "EXEC"}, queued, false, "*1\r\n+OK\r\n", "-MOVED 15495 h:2\r\n"},
		{[]string{"MULTI", "GET a", "EXEC"}, queued, true, "*1\r\n$-1\r\n", "-MOVED 15495 h:2\r\n"},
		{[]string{"WATCH a", "MULTI", "SET b 1", "EXEC"}, "+OK\r\n" + queued, true, "*1\r\n+OK\r\n", "*-1\r\n"},
	} {
		for _, moves := range []bool{false, true} {
			b, m := inCluster(t)
			whole := m.Load()
			last := len(x.lines) - 1
			b.send(commands(x.lines[:last]...))
			b.settle()
			b.hear(x.said)
			m.Store(whole.Holding(only(aSlot), nil))
			if x.all {
				m.Store(whole.Holding(nil, only(aSlot)))
			}
			b.send(commands("EXEC"))
			b.held("EXEC")
			want := x.here
			if m.Store(whole); moves {
				m.Store(own(t, aSlot-1))
				want = x.moved
			}
			b.settle()
			b.hear(want)
		}
	}
	b, m := inCluster(t)
	whole := m.Load()
	given := own(t, aSlot-1).Holding(nil, only(aSlot))
	m.Store(given)
	b.send(commands("MULTI", "SET a 1"))
	b.settle()
	b.hear("+OK\r\n+QUEUED\r\n")
	b.send(commands("EXEC"))
	b.held("EXEC")
	m.Store(whole)
	b.settle()
	b.hear("*1\r\n+OK\r\n")
}

// barrier is a proposal that does nothing.
type barrier struct{ done chan struct{} }

func (*barrier) Step(*replay.Draft) bool { return false }
func (*barrier) Settle(error)            {}
func (b *barrier) Done()                 { close(b.done) }

// What the loop has judged by the map before is not written once another map holds its slot:
// a barrier that is queued after the map is in place comes after the last such write. What
// stands before it in the pipeline stands.
func TestParkedByWriter(t *testing.T) {
	for _, lines := range [][]string{
		{"SET a 2"}, {"SET b 2", "SET a 2"}, {"MULTI", "SET a 2", "EXEC"}, {"SET b 2", "MULTI", "SET a 2", "EXEC"},
	} {
		b, m := inCluster(t)
		whole := m.Load()
		b.send(commands(lines...))
		if what := b.Serve(&b.views); what != client.Propose {
			t.Fatalf("%v: Serve = %d; want Propose", lines, what)
		}
		b.views.Close()
		m.Store(whole.Holding(only(aSlot), nil))
		if err := b.shared.Writer.Submit(b.Conn); err != nil {
			t.Fatal(err)
		}
		w := &barrier{make(chan struct{})}
		if err := b.shared.Writer.Submit(w); err != nil {
			t.Fatal(err)
		}
		<-b.back
		<-w.done
		said := string(b.Output())
		b.Emptied()
		b.held(lines[len(lines)-1])
		reader := dial(t, b.shared)
		reader.send(commands("GET a"))
		reader.settle()
		reader.hear("$-1\r\n")
		m.Store(whole)
		b.settle()
		said += string(b.Output())
		b.Emptied()
		reader.send(commands("GET a"))
		reader.settle()
		reader.hear("$1\r\n2\r\n")
		if lines[0] == "SET b 2" && len(said) < 10 {
			t.Errorf("%v: replies %q; want those of all commands", lines, said)
		}
	}
}

// A write that the state refuses, since its slot has come to be held after the command was
// judged, is parked as one is that is judged later.
func TestParkedByState(t *testing.T) {
	for _, x := range []struct {
		judged int64 // by the writer
		lines  []string
	}{{1, []string{"SET a 2"}}, {2, []string{"SET b 2", "SET a 2"}}, {1, []string{"MULTI", "SET a 2", "EXEC"}}} {
		b, m := inCluster(t)
		whole, lines := m.Load(), x.lines
		var early atomic.Int64 // for how many questions more the map is the one before
		b.shared.Cluster = func() *cluster.Map {
			if early.Add(-1) >= 0 {
				return whole
			}
			return m.Load()
		}
		b.send(commands(lines...))
		if what := b.Serve(&b.views); what != client.Propose {
			t.Fatalf("%v: Serve = %d; want Propose", lines, what)
		}
		b.views.Close()
		m.Store(whole.Holding(only(aSlot), nil))
		b.shared.State.HoldSlots(only(aSlot))
		early.Store(x.judged)
		if err := b.shared.Writer.Submit(b.Conn); err != nil {
			t.Fatal(err)
		}
		<-b.back
		b.Emptied()
		b.held(lines[len(lines)-1])
		b.shared.State.HoldSlots(nil)
		m.Store(whole)
		b.settle()
		b.Emptied()
		reader := dial(t, b.shared)
		reader.send(commands("GET a"))
		reader.settle()
		reader.hear("$1\r\n2\r\n")
	}
}
