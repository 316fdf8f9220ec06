package appliance_test

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal"
)

// A shard's slots are seized once it is silent. When it comes back it does not serve them,
// says so, and keeps what they hold until it is told to give them up.
func TestSeize(t *testing.T) {
	var ahead atomic.Int64 // by how much a's clock is
	a := memberOf(t, appliance.Config{Node: "a", Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, "s3cret", nil)
	cfg := appliance.Config{Node: "b", Dir: t.TempDir()}
	b := memberOf(t, cfg, "s3cret", nil)
	a.found()
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	if mv := a.moves("7600-7700", b); mv.Cause != "" { // k's is 7629
		t.Fatal(mv.Cause)
	}
	if err := b.c.Set(t.Context(), "k", "old", 0).Err(); err != nil {
		t.Fatal(err)
	}
	cfg.NATSListen = strings.TrimPrefix(b.Status().NATS, "nats://") // where a looks for it
	at := b.Status().Listen
	b.stop()
	a.seizes(at, func() { ahead.Store(int64(16 * time.Second)) })
	b = memberOf(t, cfg, "s3cret", nil)
	b.moved(a)
	if c := b.cluster(); len(c.Seized) != 1 || c.Seized[0].Slots != "7600-7700" {
		t.Errorf("b says that %v were seized; want 7600-7700", c.Seized)
	}
	b.isSeized("7600-7700")
	within(t, 20*time.Second, "a says that b has not yielded", func() bool { return a.cluster().Shards[1].Unyielded == "7600-7700" })
	if mv := a.moves("7650-7750", b); !strings.Contains(mv.Cause, "ledge cluster yield 7650-7700") {
		t.Errorf("a move back has ended with %q; want it to say what to do", mv.Cause)
	}
	if n := b.c.DBSize(t.Context()).Val(); n != 1 {
		t.Errorf("b has %d keys; want the 1 that it had", n)
	}
	b.givesUp(t)
	b.leaves(t) // at once
	if err := b.join(a.Status().NATS); err != nil {
		t.Errorf("join of a node that has given up what it held, and left: %v", err)
	}
	b.moved(a)
	if got := a.c.Get(t.Context(), "k").Val(); got != "new" {
		t.Errorf("k is %q; want the new value", got)
	}
}

// seizes has the node seize what a shard had that was stopped just now; later has it count as
// gone.
func (m *member) seizes(at string, later func()) {
	m.t.Helper()
	seize := func(from string) error {
		op := m.op()
		defer op.Close()
		_, err := op.ClusterSeize(m.t.Context(), m.name, "7600-7700", from)
		return err
	}
	if err := seize(at); err == nil || !strings.Contains(err.Error(), "less than 15s ago") {
		m.t.Errorf("slots of a shard that was there a moment ago are seized: %v; want it refused", err)
	}
	later()
	within(m.t, 20*time.Second, "the shard counts as failed", func() bool { return seize(at) == nil })
	if err := seize(m.Status().Listen); err == nil {
		m.t.Error("a shard has seized its own slots; want it refused")
	}
	if got, err := m.c.Get(m.t.Context(), "k").Result(); err == nil || got != "" {
		m.t.Errorf("GET of a key that was lost = %q, %v; want nothing", got, err)
	}
	if err := m.c.Set(m.t.Context(), "k", "new", 0).Err(); err != nil {
		m.t.Errorf("%s does not serve what it has seized: %v", m.name, err)
	}
}

// A shard whose directory is set back to before it gave slots does not serve them, once it has
// heard who has them, and says so.
func TestSetBackBeforeMove(t *testing.T) {
	a := memberWith(t, "a", "s3cret", nil)
	cfg := appliance.Config{Node: "b", Dir: t.TempDir()}
	b := memberOf(t, cfg, "s3cret", nil)
	b.found()
	if err := a.join(b.Status().NATS); err != nil {
		t.Fatal(err)
	}
	b.hears(2, 2)
	if err := b.c.Set(t.Context(), "k", "old", 0).Err(); err != nil {
		t.Fatal(err)
	}
	b.stop()
	before := t.TempDir()
	if err := os.CopyFS(before, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	b = memberOf(t, cfg, "s3cret", nil)
	b.hears(2, 2)
	if mv := b.moves("7600-7700", a); mv.Cause != "" {
		t.Fatal(mv.Cause)
	}
	if err := a.c.Set(t.Context(), "k", "new", 0).Err(); err != nil {
		t.Fatal(err)
	}
	b.stop()
	cfg.Dir = before
	b = memberOf(t, cfg, "s3cret", nil)
	if err := a.join(b.Status().NATS); err != nil { // they find each other where each is now
		t.Fatal(err)
	}
	b.moved(a)
	b.isSeized("7600-7700")
	b.yields(t)
	if got := a.c.Get(t.Context(), "k").Val(); got != "new" {
		t.Errorf("k is %q; want the new value", got)
	}
}

// yields has the node give up what was seized, and waits until that is cleared.
func (m *member) yields(t *testing.T) {
	t.Helper()
	m.givesUp(t)
	within(t, 20*time.Second, "what was left is cleared", func() bool { return strings.Contains(m.Metrics(), "\nledge_cluster_clear_pending_keys 0\n") })
	if n := m.c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%s has %d keys; want none", m.name, n)
	}
}

// givesUp has the node give up what was seized, and nothing else.
func (m *member) givesUp(t *testing.T) {
	t.Helper()
	op := m.op()
	defer op.Close()
	if _, err := op.ClusterYield(t.Context(), m.name, "7600-7800"); err == nil {
		t.Error("a shard has yielded slots that nobody has seized; want it refused")
	}
	if c, err := op.ClusterYield(t.Context(), m.name, "7600-7700"); err != nil || len(c.Seized) != 0 {
		t.Errorf("yield: %v, %+v; want that nothing is seized any more", err, c)
	}
}

// leaves has the node's shard leave its cluster, with nothing of what it held there.
func (m *member) leaves(t *testing.T) {
	t.Helper()
	op := m.op()
	defer op.Close()
	if c, err := op.ClusterLeave(t.Context(), m.name); err != nil || c.Cluster != "" {
		t.Errorf("leave: %v, in cluster %q; want that it has left", err, c.Cluster)
	}
	if n := m.c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%s has %d keys after it has left; want none", m.name, n)
	}
}

// isSeized tells whether the node's health names the slots that were seized.
func (m *member) isSeized(want string) {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	if h, err := op.Health(m.t.Context(), m.name); err != nil || h.SlotsSeized != want {
		m.t.Errorf("%s: the health has slots %q that were seized, %v; want %s", m.name, h.SlotsSeized, err, want)
	}
}

// Slots that were given to a shard which died before it took them are the giver's to seize, with
// what they hold, whether the other one is listed still or was forgotten.
func TestSeizeGiven(t *testing.T) {
	for _, forgotten := range []bool{false, true} {
		var ahead atomic.Int64
		a := memberOf(t, appliance.Config{Node: "a", Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, "s3cret", nil)
		b := memberWith(t, "b", "s3cret", nil)
		a.found()
		if err := b.join(a.Status().NATS); err != nil {
			t.Fatal(err)
		}
		a.hears(2, 2)
		if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err != nil { // in slot 7629
			t.Fatal(err)
		}
		id, shard := b.cluster().Node, b.cluster().Shards[0].ID
		b.stop()
		ahead.Store(int64(16 * time.Second))
		op := a.op()
		defer op.Close()
		if forgotten {
			within(t, 20*time.Second, "b is forgotten", func() bool {
				_, err := op.ClusterForget(t.Context(), "a", id)
				return err == nil
			})
		}
		lineage, err := strconv.ParseUint(strings.TrimLeft(shard, "0"), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		ranges := []journal.SlotRange{{First: 7600, Last: 7700}}
		if err := appliance.Journal(t.Context(), a.Node,
			&journal.MoveBegin{ID: 5, Side: journal.Source, Ranges: ranges, Shard: journal.Lineage(lineage)}, &journal.SlotsGive{ID: 5, Epoch: 2}); err != nil {
			t.Fatal(err)
		}
		if err := a.c.Get(t.Context(), "k").Err(); err == nil {
			t.Error("a slot that was given is answered for; want nothing before it is seized")
		}
		a.saysOfGiven(op)
		var c admin.Cluster
		within(t, 20*time.Second, "the slots are seized", func() bool {
			c, err = op.ClusterSeize(t.Context(), "a", "7600-7700", shard)
			return err == nil
		})
		if c.Kept != "7600-7700" || c.Assigned != 16384 || c.Shards[0].Count != 16384 {
			t.Errorf("forgotten %v: seize: kept %q, %d slots assigned, %d of them the node's; want 7600-7700, and all", forgotten, c.Kept, c.Assigned, c.Shards[0].Count)
		}
		if got, err := a.c.Get(t.Context(), "k").Result(); got != "v" || err != nil {
			t.Errorf("forgotten %v: GET = %q, %v; want what it held when it was given", forgotten, got, err)
		}
	}
}

// saysOfGiven checks that a giver says what to do about a move whose target is not there, where
// people look for that.
func (m *member) saysOfGiven(op *admin.Conn) {
	m.t.Helper()
	const way, id = "ledge cluster seize 7600-7700 --from ", "0000000000000005"
	within(m.t, 20*time.Second, "the move says what to do", func() bool {
		list, err := op.ClusterMoves(m.t.Context(), m.name)
		return err == nil && len(list) == 1 && strings.Contains(list[0].Cause, way)
	})
	if h, err := op.Health(m.t.Context(), m.name); err != nil || h.SlotsGiven != "7600-7700" {
		m.t.Errorf("the health has slots %q given, %v; want 7600-7700", h.SlotsGiven, err)
	}
	if _, err := op.ClusterCancel(m.t.Context(), m.name, id); err == nil || !strings.Contains(err.Error(), "ledge cluster seize") {
		m.t.Errorf("cancel: %v; want it refused, with what to do", err)
	}
}

// A move whose target is gone before anything is given says how it is ended, and one that has
// ended says so when it is cancelled, at either side and whether the other one is there or not.
func TestMoveToNobody(t *testing.T) {
	a, b := memberWith(t, "a", "s3cret", nil), memberWith(t, "b", "s3cret", nil)
	a.found()
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	done := a.moves("100-199", b)
	aOp, bOp := a.op(), b.op()
	defer aOp.Close()
	defer bOp.Close()
	for name, op := range map[string]*admin.Conn{"a": aOp, "b": bOp} {
		if _, err := op.ClusterCancel(t.Context(), name, done.ID); err == nil || !strings.Contains(err.Error(), "has ended: the slots have moved") {
			t.Errorf("cancel at %s of a move that has ended: %v; want that said", name, err)
		}
	}
	if want := "b at " + b.Status().Listen; done.Node != want {
		t.Errorf("the move is to %q; want %q", done.Node, want)
	}
	shard := b.cluster().Shards[0].ID
	lineage, err := strconv.ParseUint(strings.TrimLeft(shard, "0"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	within(t, 20*time.Second, "b is not connected", func() bool { l := a.cluster().Shards[1].Link; return l != nil && !l.Up })
	if _, err := aOp.ClusterCancel(t.Context(), "a", done.ID); err == nil || !strings.Contains(err.Error(), "has ended: the slots have moved") {
		t.Errorf("cancel of a move that has ended, with b away: %v; want that said", err)
	}
	ranges := []journal.SlotRange{{First: 200, Last: 299}}
	if err := appliance.Journal(t.Context(), a.Node, &journal.MoveBegin{ID: 6, Side: journal.Source, Ranges: ranges, Shard: journal.Lineage(lineage)}); err != nil {
		t.Fatal(err)
	}
	const id = "0000000000000006"
	within(t, 20*time.Second, "the move says how it is ended", func() bool {
		list, err := aOp.ClusterMoves(t.Context(), "a")
		return err == nil && strings.Contains(list[len(list)-1].Cause, "ledge cluster cancel "+id)
	})
	if mv, err := aOp.ClusterCancel(t.Context(), "a", id); err != nil || mv.Phase != "ended" {
		t.Errorf("cancel: %v, %+v; want it ended", err, mv)
	}
	if _, err := aOp.ClusterCancel(t.Context(), "a", id); err == nil || !strings.Contains(err.Error(), "has ended, and has moved nothing: cancelled") {
		t.Errorf("cancel once more: %v; want that it has ended", err)
	}
}
