package respd_test

// What clients see while a hash slot moves from this node to another, by maps that the test
// puts in place one after the other.

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/respd"
)

const (
	movedA   = "(error) MOVED 15495 10.0.0.7:6379"
	tryAgain = "(error) TRYAGAIN Slot is moving"
)

var holdA = []journal.SlotRange{{First: aSlot, Last: aSlot}}

// moving is a node of a cluster whose slots can move.
type moving struct {
	*node
	m atomic.Pointer[cluster.Map]
}

// owning is a map of a node that has the slots up to last; another has the others, unless
// nobody has.
func owning(t *testing.T, last uint16, other bool) *cluster.Map {
	t.Helper()
	shards := []cluster.Shard{{ID: "me", Slots: slotsOf(0, last), Nodes: []cluster.Node{{ID: "me1", Host: "h", Port: 1, Leads: true}}}}
	if other {
		shards = append(shards, cluster.Shard{ID: "other", Slots: slotsOf(last+1, journal.MaxSlot),
			Nodes: []cluster.Node{{ID: "other1", Host: "10.0.0.7", Port: 6379, Leads: true}}})
	}
	m, err := cluster.New("c1", "me1", shards...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func startMoving(t *testing.T) *moving {
	n := &moving{}
	n.m.Store(owning(t, journal.MaxSlot, false))
	n.node = start(t, func(cfg *respd.Config) { cfg.Cluster = n.m.Load })
	return n
}

// put has clients routed by another map, as a node does.
func (n *moving) put(m *cluster.Map) {
	before := n.m.Swap(m)
	n.srv.Rerouted()
	n.srv.SlotsGone(m.Gone(before))
}

// parked waits until so many commands have been parked in all.
func (n *moving) parked(want int64) {
	n.t.Helper()
	until(n.t, fmt.Sprint(want, " commands are parked"), func() bool { return n.srv.Stats().Parked.Load() >= want })
}

// Many parked clients go on at once when there is another map, and others are served as if
// there were none.
func TestManyParked(t *testing.T) {
	const clients = 200
	n := startMoving(t)
	whole := n.m.Load()
	free := n.dial()
	for round, next := range []*cluster.Map{whole, owning(t, aSlot-1, true), owning(t, aSlot-1, false)} {
		want := []string{"OK", movedA, notServed}[round]
		n.put(whole.Holding(holdA, nil))
		var cs []*client
		for range clients {
			c := n.dial()
			c.send(encode("SET a 1", "PING"))
			cs = append(cs, c)
		}
		n.parked(int64((round + 1) * clients))
		free.want("SET b 1", "OK")
		free.want("GET b", `"1"`)
		n.put(next)
		for _, c := range cs {
			c.expect(want, "PONG")
		}
		for _, c := range cs {
			c.drop()
		}
	}
}

// A client that goes while it is parked, or is killed, is one no more, and what it asked for
// is not done. One that stays is answered after a time whatever becomes of the move.
func TestParkedEnds(t *testing.T) {
	n := startMoving(t)
	whole := n.m.Load()
	n.put(whole.Holding(holdA, nil))
	gone, killed, stays, admin, tx := n.dial(), n.dial(), n.dial(), n.dial(), n.dial()
	id := strings.TrimPrefix(killed.do("CLIENT ID"), "(integer) ")
	gone.send(encode("SET a gone"))
	killed.send(encode("SET a killed"))
	stays.send(encode("SET a stays", "GET b"))
	tx.want("MULTI", "OK")
	tx.want("SET b tx", "QUEUED")
	tx.want("EVAL redis.call('incr','a') 0", "QUEUED")
	tx.send(encode("EXEC", "GET b"))
	n.parked(4)
	clients := func() int { return strings.Count(admin.do("CLIENT LIST"), " laddr=") }
	until(t, "five clients", func() bool { return clients() == 5 })
	admin.want("CLIENT KILL ID "+id, "(integer) 1")
	killed.closed()
	gone.drop()
	until(t, "the client that went is none", func() bool { return clients() == 3 })
	stays.expect(tryAgain, "(nil)")
	tx.expect(tryAgain, "(nil)")
	n.put(whole)
	admin.want("GET a", "(nil)")
}

// What clears all keys waits while any slot is held; a script waits if it gets to one that
// its keys don't tell of, and nothing of it stands until it has run as a whole.
func TestParkedAtLarge(t *testing.T) {
	const call, notLocal = " 0", "(error) ERR Script attempted to access a non local key…"
	n := startMoving(t)
	whole := n.m.Load()
	admin := n.dial()
	for i, x := range []struct {
		line, here, moved string
		all               bool // waits only while all commands do
	}{
		{"FLUSHALL", "OK", "OK", false},
		{"EVAL return{} 1 a", "[]", movedA, false},
		{"EVAL redis.call('incr','b')return{redis.call('incr','a')}" + call, "[(integer) 2]", notLocal, false},
		{"EVAL pcall(redis.call,'incr','b')pcall(redis.call,'incr','a')return{redis.call('get','b')}" + call, `["2"]`, `["2"]`, false},
		{"EVAL return{redis.call('get','a')}" + call, `["1"]`, notLocal, true},
		{"EVAL_RO return{redis.call('get','a')}" + call, `["1"]`, notLocal, true},
		{"EVAL return{redis.call('flushall').ok}" + call, `["OK"]`, `["OK"]`, false},
	} {
		for round, next := range []*cluster.Map{whole, owning(t, aSlot-1, true)} {
			n.put(whole)
			admin.want("SET a 1", "OK")
			admin.want("SET b 1", "OK")
			n.put(whole.Holding(holdA, nil))
			if x.all {
				n.put(whole.Holding(nil, holdA))
			}
			c := n.dial()
			c.send(encode(x.line))
			n.parked(int64(2*i + round + 1))
			admin.want("GET b", `"1"`)
			n.put(next)
			c.expect([]string{x.here, x.moved}[round])
		}
	}
}

// A transaction waits if a script of it gets to a held slot, and then runs anew as a whole:
// what came before the script is taken back, and a key that is watched may change meanwhile.
func TestParkedTransactionAtLarge(t *testing.T) {
	const notLocal = "(error) ERR Script attempted to access a non local key…"
	n := startMoving(t)
	whole := n.m.Load()
	admin, parked := n.dial(), int64(0)
	for _, x := range []struct {
		script, moved string
		all           bool // waits only while all commands do
	}{
		{"EVAL return{redis.call('incr','a')} 0", notLocal, false},
		{"EVAL pcall(redis.call,'incr','a')return{redis.call('incr','c')} 0", "[(integer) 1] (integer) 0]", false},
		{"EVAL_RO return{#redis.call('get','a')} 0", notLocal, true},
	} {
		for round, next := range []*cluster.Map{whole, owning(t, aSlot-1, true), whole} {
			n.put(whole)
			admin.want("SET a 0", "OK")
			admin.want("SET b 0", "OK")
			admin.want("DEL c", "(integer) …")
			n.put(whole.Holding(holdA, nil))
			if x.all {
				n.put(whole.Holding(nil, holdA))
			}
			c := n.dial()
			c.want("WATCH b", "OK")
			c.want("MULTI", "OK")
			c.want("INCR b", "QUEUED")
			c.want("READONLY", "QUEUED")
			c.want(x.script, "QUEUED")
			c.want("PUBLISH b x", "QUEUED")
			c.send(encode("EXEC", "PING"))
			parked++
			n.parked(parked)
			admin.want("GET b", `"0"`)
			if round == 2 {
				admin.want("INCR b", "(integer) 1")
			}
			n.put(next)
			c.expect([]string{"[(integer) 1 OK [(integer) 1] (integer) 0]", "[(integer) 1 OK " + x.moved, "(nil array)"}[round], "PONG")
			admin.want("GET b", `"1"`)
		}
	}
}

// Who is blocked on a key of a slot that goes hears where it is, subscribers to its shard
// channels are let go, and watched keys there have changed, also if the slot comes back.
func TestSlotsGone(t *testing.T) {
	n := startMoving(t)
	whole, moved := n.m.Load(), owning(t, aSlot-1, true)
	for _, x := range []struct {
		next *cluster.Map
		want string
	}{{moved, movedA}, {owning(t, aSlot-1, false), notServed}} {
		blocked, other := n.wait(0, "BLPOP a 0"), n.wait(1, "BLPOP b 0")
		old := n.subscriber(2, "SSUBSCRIBE a")
		sub := n.dial()
		sub.want("HELLO 3", "…")
		sub.want("SSUBSCRIBE {a}1", `>["ssubscribe" "{a}1" (integer) 1]`)
		sub.want("SSUBSCRIBE b", `>["ssubscribe" "b" (integer) 2]`)
		watcher, bystander := n.dial(), n.dial()
		for c, key := range map[*client]string{watcher: "a", bystander: "b"} {
			c.want("WATCH "+key, "OK")
			c.want("MULTI", "OK")
			c.want("SET b 1", "QUEUED")
		}
		n.put(whole.Holding(nil, holdA))
		n.put(x.next.Holding(nil, holdA)) // given, and it is not known whether it is taken
		n.waiting(2)
		n.put(x.next)
		blocked.expect(x.want)
		blocked.want("PING", "PONG")
		n.waiting(1)
		old.expect(`["sunsubscribe" "a" (integer) 0]`)
		old.want("GET b", "(nil)") // which a subscriber of RESP2 may not
		sub.expect(`>["sunsubscribe" "{a}1" (integer) 1]`)
		bystander.want("SPUBLISH b x", "QUEUED")
		n.put(whole)
		watcher.want("EXEC", "(nil array)")
		bystander.want("EXEC", "[OK (integer) 1]")
		sub.expect(`>["smessage" "b" "x"]`)
		admin := n.dial()
		admin.want("DEL b", "(integer) 1")
		admin.want("RPUSH b x", "(integer) 1")
		other.expect(`["b" "x"]`)
		sub.drop()
		until(t, "the subscriber is gone", func() bool { return admin.do("PUBSUB SHARDCHANNELS") == "[]" })
	}
}

// Whoever begins to wait or to subscribe as a slot goes is found as well.
func TestSlotsGoneRace(t *testing.T) {
	const clients = 16
	n := startMoving(t)
	whole, moved := n.m.Load(), owning(t, aSlot-1, true)
	for range 30 {
		var cs []*client
		for i := range clients {
			c := n.dial()
			c.send(encode([]string{"BLPOP a 0", "SSUBSCRIBE a"}[i%2]))
			cs = append(cs, c)
		}
		n.put(moved)
		for i, c := range cs {
			got := c.next()
			if i%2 == 1 && got == `["ssubscribe" "a" (integer) 1]` {
				if got = c.next(); got == `["sunsubscribe" "a" (integer) 0]` {
					got = movedA
				}
			}
			if got != movedA {
				t.Fatalf("client %d: %s; want to be sent on", i, got)
			}
			c.drop()
		}
		n.put(whole)
	}
	n.waiting(0)
}
