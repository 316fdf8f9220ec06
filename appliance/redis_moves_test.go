package appliance_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal"
)

// countingAcross has a client of clusters count in many slots until stop is called, which returns
// how far each key was counted by what was acknowledged.
func countingAcross(t *testing.T, at *member, keys int) (stop func() map[string]int64) {
	t.Helper()
	c := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: time.Minute, Addrs: []string{at.Status().Listen}, MaintNotificationsConfig: plainly, MaxRedirects: 16})
	counted := make(map[string]int64)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprint("count", i%keys)
			n, err := c.Incr(context.Background(), key).Result()
			if err != nil || n != counted[key]+1 {
				t.Errorf("INCR %s = %d, %v; want %d", key, n, err, counted[key]+1)
				return
			}
			counted[key] = n
		}
	})
	stop = sync.OnceValue(func() map[string]int64 {
		cancel()
		wg.Wait()
		c.Close()
		return counted
	})
	t.Cleanup(func() { stop() })
	return stop
}

// said returns what a node answers, as text.
func (m *member) said(args ...any) string {
	m.t.Helper()
	v, err := m.c.Do(m.t.Context(), args...).Result()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

// task returns a move as CLUSTER MIGRATION STATUS tells of it.
func (m *member) task(id string) map[any]any {
	m.t.Helper()
	list, err := m.c.Do(m.t.Context(), "cluster", "migration", "status", "id", id).Slice()
	if err != nil || len(list) != 1 {
		m.t.Fatalf("CLUSTER MIGRATION STATUS ID %s at %s = %v, %v; want one", id, m.name, list, err)
	}
	return list[0].(map[any]any)
}

// Slots move by the orders of Redis 8.4, asked of the target, and by those of Valkey 9, asked
// of the source, while a client writes to them; both sides tell how that goes.
func TestMovesByOrdersOfRedisAndValkey(t *testing.T) {
	a, b := twoShards(t)
	stop := countingAcross(t, a, 300)
	id, err := b.c.Do(t.Context(), "cluster", "migration", "import", 0, 4999, 6000, 6999).Text()
	if err != nil || len(id) != 40 {
		t.Fatalf("CLUSTER MIGRATION IMPORT = %q, %v; want an id of 40 digits", id, err)
	}
	for _, m := range []*member{b, a} { // at once: the target knows of it
		m.task(id)
	}
	ids := map[*member]string{a: a.cluster().Node, b: b.cluster().Node}
	for m, operation := range map[*member]string{a: "migrate", b: "import"} {
		within(t, time.Minute, m.name+" has the move completed", func() bool { return m.task(id)["state"] == "completed" })
		is := m.task(id)
		if is["operation"] != operation || is["slots"] != "0-4999 6000-6999" || is["source"] != ids[a] || is["dest"] != ids[b] || is["last_error"] != "" ||
			is["create_time"].(int64) <= 0 || is["end_time"].(int64) < is["create_time"].(int64) {
			t.Errorf("%s tells of the move %v; want %s of 0-4999 6000-6999 from %s to %s, with times", m.name, is, operation, ids[a], ids[b])
		}
	}
	if got := b.said("cluster", "migratesLots", "slotsrange", 0, 999, "node", ids[a], "slotsrange", 6000, 6000, 6500, 6599, "node", ids[a]); got != "OK" {
		t.Fatalf("CLUSTER MIGRATESLOTS = %s; want OK", got)
	}
	for _, ranges := range []string{"0-999", "6000-6000 6500-6599"} {
		for m, operation := range map[*member]string{b: "EXPORT", a: "IMPORT"} {
			want := fmt.Sprintf("operation:%s slot_ranges:%s source_node:%s state:success target_node:%s", operation, ranges, ids[b], ids[a])
			within(t, time.Minute, m.name+" says "+want, func() bool { return strings.Contains(m.jobs(), want) })
		}
	}
	cc := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: time.Minute, Addrs: []string{b.Status().Listen}, MaintNotificationsConfig: plainly})
	defer cc.Close()
	counted := stop()
	for key, n := range counted {
		if got, err := cc.Get(t.Context(), key).Int64(); err != nil || got != n {
			t.Errorf("GET %s = %d, %v; want %d", key, got, err, n)
		}
	}
	if len(counted) == 0 {
		t.Error("nothing was written while slots moved")
	}
}

// jobs returns the fields of what CLUSTER GETSLOTMIGRATIONS says that don't change.
func (m *member) jobs() string {
	m.t.Helper()
	list, err := m.c.Do(m.t.Context(), "cluster", "getslotmigrations").Slice()
	if err != nil {
		m.t.Fatal(err)
	}
	var text strings.Builder
	for _, row := range list {
		row := row.(map[any]any)
		for _, field := range []string{"operation", "slot_ranges", "source_node", "state", "target_node"} {
			fmt.Fprintf(&text, "%s:%v ", field, row[field])
		}
	}
	return text.String()
}

// Moves that wait are cancelled by either side's orders: at the target, at the source, and at
// a shard that has no part in one by its id alone.
func TestMovesCancelledByOrdersOfRedisAndValkey(t *testing.T) {
	a, b := twoShards(t)
	c := memberWith(t, "c", "s3cret", nil)
	if err := c.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*member{a, b, c} {
		m.hears(3, 3)
	}
	b.stop() // so that what moves to it waits
	bID := a.cluster().Node
	for _, s := range a.cluster().Shards {
		for _, n := range s.Nodes {
			if n.Redis == b.Status().Listen {
				bID = n.ID
			}
		}
	}
	begin := func() (id string) {
		t.Helper()
		if got := a.said("cluster", "migrateslots", "slotsrange", 0, 99, "node", bID); got != "OK" {
			t.Fatalf("CLUSTER MIGRATESLOTS = %s; want OK", got)
		}
		list, err := a.c.Do(t.Context(), "cluster", "getslotmigrations").Slice()
		if err != nil {
			t.Fatal(err)
		}
		return list[0].(map[any]any)["name"].(string)
	}
	id := begin()
	if is := c.task(id); is["state"] != "none" || is["dest"] != bID || is["operation"] != "migrate" {
		t.Errorf("a third shard tells of the move %v; want one to %s that has not begun", is, bID)
	}
	if got := c.said("cluster", "migration", "cancel", "all"); got != "0" {
		t.Errorf("CANCEL ALL where there are no moves = %s; want 0", got)
	}
	if got := c.said("cluster", "migration", "cancel", "id", id); got != "1" {
		t.Errorf("CANCEL ID = %s; want 1", got)
	}
	if is := a.task(id); is["state"] != "canceled" {
		t.Errorf("the source tells of the move %v; want it canceled", is)
	}
	begin()
	if got := a.said("cluster", "cancelslotmigrations"); got != "OK" {
		t.Errorf("CANCELSLOTMIGRATIONS = %s; want OK", got)
	}
	begin()
	if got := a.said("cluster", "migration", "cancel", "all"); got != "1" {
		t.Errorf("CANCEL ALL at the source = %s; want 1", got)
	}
	if got := a.said("cluster", "cancelslotmigrations"); got != "ERR No migrations ongoing" {
		t.Errorf("CANCELSLOTMIGRATIONS without a move = %s; want that there are none", got)
	}
	if got := a.said("cluster", "migration", "cancel", "id", id); got != "0" {
		t.Errorf("CANCEL ID of a move that is over = %s; want 0", got)
	}
}

// While slots are copied the source tells operators how much of them it has sent.
func TestSourceTellsOfItsMove(t *testing.T) {
	a, b := twoShards(t)
	if err := b.c.ConfigSet(t.Context(), "ledge-cluster-move-rate", "1000000").Err(); err != nil {
		t.Fatal(err)
	}
	const keys = 300
	for i := range keys {
		if err := a.c.Set(t.Context(), fmt.Sprint("k", i), strings.Repeat("v", 32<<10), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	op := a.op()
	defer op.Close()
	begun, err := op.ClusterMove(t.Context(), a.name, "0-16383", b.Status().Listen)
	if err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "the source has sent some of the keys", func() bool {
		list, err := op.ClusterMoves(t.Context(), a.name)
		if err != nil || len(list) != 1 || list[0].Side != "source" || list[0].Phase == "ended" {
			t.Fatalf("the source's moves are %+v, %v; want the one that goes on", list, err)
		}
		mv := list[0]
		return mv.ID == begun.ID && mv.OfKeys == keys && mv.Keys > 0 && mv.Keys < keys && mv.Bytes > 0 && mv.Done > 0 && mv.Done < 1 && mv.Began != nil
	})
	if err := b.c.ConfigSet(t.Context(), "ledge-cluster-move-rate", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if mv := a.ended(begun.ID); mv.Cause != "" || mv.Bytes < keys*32<<10 {
		t.Errorf("the move ends: %+v; want all bytes sent, and no cause", mv)
	}
}

// A slot moves by the orders of redis-cli while clients wait for another one, which was given to
// a shard that is gone, and nobody waits for that.
func TestSetSlotBesideOneThatIsHeld(t *testing.T) {
	a, b := twoShards(t)
	if err := appliance.Journal(t.Context(), a.Node,
		&journal.MoveBegin{ID: 5, Side: journal.Source, Ranges: []journal.SlotRange{{First: 7600, Last: 7700}}, Shard: 0xdead}, &journal.SlotsGive{ID: 5, Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the slots are held", func() bool { // k's is among them
		return strings.HasPrefix(a.said("get", "k"), "TRYAGAIN")
	})
	c := redis.NewClient(&redis.Options{Addr: a.Status().Listen, DisableIdentity: true, MaxRetries: -1, ReadTimeout: patience(30 * time.Second), MaintNotificationsConfig: plainly})
	defer c.Close()
	for slot := range 3 {
		if err := c.Do(t.Context(), "cluster", "setslot", slot, "migrating", b.cluster().Node).Err(); err != nil {
			t.Errorf("CLUSTER SETSLOT %d MIGRATING: %v; want OK", slot, err)
		}
	}
}
