package respd_test

// Clients that wait in blocking commands: who is served first, what ends a wait,
// and that nothing is lost or given twice whatever the journal does. The replies
// are compared with Redis's in respd/compat/testdata/lists/wait.txt.

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// waiting returns when so many clients of the node wait.
func (n *node) waiting(want int) {
	n.t.Helper()
	c := n.dial()
	field := fmt.Sprintf(`blocked_clients:%d\r\n`, want)
	until(n.t, field, func() bool { return strings.Contains(c.do("INFO clients"), field) })
	c.nc.Close()
}

// wait sends a command from a new client and returns when it waits, beside
// others.
func (n *node) wait(others int, line string) *client {
	n.t.Helper()
	c := n.dial()
	c.send(encode(line))
	n.waiting(others + 1)
	return c
}

// Who came first is served first, before whoever takes what is left; one
// push serves as many as it has items for.
func TestBlockedOrder(t *testing.T) {
	n := start(t)
	var cs []*client
	for i, line := range []string{"BLPOP l 0", "BRPOP other l 0", "BLMPOP 0 1 l LEFT COUNT 2", "BLPOP l 0"} {
		cs = append(cs, n.wait(i, line))
	}
	p := n.dial()
	p.send(encode("RPUSH l a b c d", "LPOP l", "LLEN l"))
	p.expect("(integer) 4", "(nil)", "(integer) 0")
	cs[0].expect(`["l" "a"]`)
	cs[1].expect(`["l" "d"]`)
	cs[2].expect(`["l" ["b" "c"]]`)
	n.waiting(1)
	p.send(encode("MULTI", "RPUSH l x", "LPOP l", "RPUSH l y z", "EXEC", "LRANGE l 0 -1"))
	p.expect("OK", "QUEUED", "QUEUED", "QUEUED", `[(integer) 1 "x" (integer) 2]`, `["z"]`)
	cs[3].expect(`["l" "y"]`)
}

// What one who waits does serves the next.
func TestBlockedChain(t *testing.T) {
	const links = 20
	n := start(t)
	var cs []*client
	for i := range links {
		cs = append(cs, n.wait(i, fmt.Sprintf("BLMOVE l%d l%d LEFT RIGHT 0", i, i+1)))
	}
	last := n.wait(links, fmt.Sprintf("BLPOP l%d 0", links))
	p := n.dial()
	p.want("RPUSH l0 x", "(integer) 1")
	for _, c := range cs {
		c.expect(`"x"`)
	}
	last.expect(fmt.Sprintf(`["l%d" "x"]`, links))
	p.want("DBSIZE", "(integer) 0")
}

// In a pipeline the replies before a wait are sent, and what stands after
// it runs when it is over.
func TestBlockedPipeline(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.send(encode("SET k 1", "PING", "BLPOP l 0", "INCR k", "BLPOP l 0", "GET k", "BLPOP l 0.001", "PING"))
	c.expect("OK", "PONG")
	n.waiting(1)
	p := n.dial()
	p.want("RPUSH l x", "(integer) 1")
	c.expect(`["l" "x"]`, "(integer) 2")
	p.want("RPUSH l y", "(integer) 1")
	c.expect(`["l" "y"]`, `"2"`, "(nil array)", "PONG")
	n.waiting(0)
}

// A wait ends when its time is up, when another client says so, or when its
// client has gone. What comes then is nobody's, and the others are served.
func TestBlockedEnds(t *testing.T) {
	const unblocked = "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK"
	for _, tt := range []struct {
		name, timeout string
		end           func(n *node, c *client, id string)
	}{
		{"timeout", "0.02", func(_ *node, c *client, _ string) { c.expect("(nil array)") }},
		{"unblock", "0", func(n *node, c *client, id string) {
			n.dial().want("CLIENT UNBLOCK "+id, "(integer) 1")
			c.expect("(nil array)")
		}},
		{"unblock as timeout", "100", func(n *node, c *client, id string) {
			n.dial().want("CLIENT UNBLOCK "+id+" TIMEOUT", "(integer) 1")
			c.expect("(nil array)")
		}},
		{"unblock with error", "0", func(n *node, c *client, id string) {
			n.dial().want("CLIENT UNBLOCK "+id+" ERROR", "(integer) 1")
			c.expect(unblocked)
		}},
		{"reset", "0", func(_ *node, c *client, _ string) { c.drop() }},
		{"closed", "100", func(_ *node, c *client, _ string) { c.nc.Close() }},
		{"killed", "0", func(n *node, c *client, id string) {
			n.dial().want("CLIENT KILL ID "+id, "(integer) 1")
			c.closed()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := start(t)
			c := n.dial()
			_, id, _ := strings.Cut(c.do("CLIENT ID"), " ")
			n.dial().want("CLIENT UNBLOCK "+id, "(integer) 0")
			sent := time.Now()
			c.send(encode("BLPOP k l " + tt.timeout))
			if tt.name != "timeout" {
				n.waiting(1)
			}
			tt.end(n, c, id)
			if tt.name == "timeout" && time.Since(sent) < 20*time.Millisecond {
				t.Errorf("over after %v; want 20 ms at least", time.Since(sent))
			}
			n.waiting(0)
			p := n.dial()
			p.want("CLIENT UNBLOCK "+id, "(integer) 0")
			p.want("RPUSH l x", "(integer) 1")
			p.want("LRANGE l 0 -1", `["x"]`)
			if tt.name == "reset" || tt.name == "closed" || tt.name == "killed" {
				return
			}
			c.want("BLPOP k l 0", `["l" "x"]`)
			c.want("PING", "PONG")
		})
	}
}

// When the journal refuses what would have served somebody, nobody has anything:
// those who wait hear why, and the connections go on.
func TestBlockedFailure(t *testing.T) {
	n := start(t)
	a, b := n.wait(0, "BLPOP l 0"), n.wait(1, "BLMOVE l m LEFT LEFT 0")
	p := n.dial()
	n.journal.FailNext(errFull)
	p.want("RPUSH l x y z", misconf)
	a.expect(misconf)
	b.expect(misconf)
	p.want("DBSIZE", "(integer) 0")
	a.want("PING", "PONG")
	b.want("PING", "PONG")
	n.waiting(0)
}

// While the append is under way that brings an item, its client may go: the item
// has been given, as if it had gone an instant later, and nobody else is harmed.
func TestBlockedGoneWhileServed(t *testing.T) {
	n := start(t)
	c := n.wait(0, "BLPOP l 0")
	held := n.journal.Hold()
	appends := n.journal.Appends()
	p := n.dial()
	p.send(encode("RPUSH l x y"))
	n.behind(appends)
	c.drop()
	held()
	p.expect("(integer) 2")
	p.want("LRANGE l 0 -1", `["y"]`)
	n.waiting(0)
}

// Other ways for a key to get something.
func TestBlockedReady(t *testing.T) {
	for _, tt := range []struct{ before, bring []string }{
		{[]string{"RPUSH k x"}, []string{"RENAME k l"}},
		{[]string{"RPUSH k x"}, []string{"COPY k l"}},
		{[]string{"RPUSH k x"}, []string{"LMOVE k l LEFT LEFT"}},
		{[]string{"SELECT 1", "RPUSH l x"}, []string{"MOVE l 0"}},
		{[]string{"SELECT 1", "RPUSH l x"}, []string{"SWAPDB 0 1"}},
		{nil, []string{"SET l 1", "DEL l", "RPUSH l x"}},
		{nil, []string{"FLUSHALL", "RPUSH l x"}},
		{nil, []string{"MULTI", "RPUSH l y", "DEL l", "EXEC", "RPUSH l x"}},
	} {
		t.Run(strings.Join(tt.bring, ","), func(t *testing.T) {
			n := start(t)
			c := n.wait(0, "BLPOP l 0")
			p := n.dial()
			for _, line := range append(tt.before, tt.bring...) {
				if got := p.do(line); strings.HasPrefix(got, "(error)") {
					t.Errorf("%s = %s", line, got)
				}
			}
			c.expect(`["l" "x"]`)
		})
	}
}

// Many clients push and pop, with and without transactions, timeouts and clients
// that give up: each item arrives once.
func TestBlockedRandom(t *testing.T) {
	const producers, consumers, items = 3, 6, 300
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	n := start(t)
	got := make([]map[string]int, consumers)
	parallel(producers+consumers, func(i int) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		c := n.dial()
		if i < producers {
			produce(c, rnd, i, items)
			return
		}
		got[i-producers] = consume(c, rnd)
	})
	all := make(map[string]int)
	for _, m := range got {
		for item, times := range m {
			all[item] += times
		}
	}
	for i := range producers {
		for j := range items {
			if item := fmt.Sprintf("%d-%d", i, j); all[item] != 1 {
				t.Errorf("seed %d: item %s arrived %d times; want once", seed, item, all[item])
			}
		}
	}
}

// produce pushes items and then, so that consumers end, stops: two consumers for
// each producer.
func produce(c *client, rnd *rand.Rand, id, items int) {
	for j := 0; j < items; {
		var line strings.Builder
		fmt.Fprintf(&line, "RPUSH q%d", rnd.IntN(3))
		for range min(1+rnd.IntN(4), items-j) {
			fmt.Fprintf(&line, " %d-%d", id, j)
			j++
		}
		if rnd.IntN(3) == 0 {
			c.send(encode("MULTI", line.String(), "EXEC"))
			c.expect("OK", "QUEUED", "[(integer) …]")
		} else {
			c.want(line.String(), "(integer) …")
		}
	}
	c.want("RPUSH stops stop stop", "(integer) …")
}

// consume pops until it gets a stop, and then what is left. It returns how often
// it got each item.
func consume(c *client, rnd *rand.Rand) map[string]int {
	got := make(map[string]int)
	timeouts := []string{"0", "0.001", "1"}
	take := func(reply string) bool {
		words := strings.Fields(strings.NewReplacer("[", "", "]", "", `"`, "").Replace(reply))
		if len(words) < 2 || words[0] == "(nil" {
			return false
		}
		for _, item := range words[1:] {
			got[item]++
		}
		return true
	}
	for got["stop"] == 0 {
		timeout := timeouts[rnd.IntN(len(timeouts))]
		switch rnd.IntN(3) {
		case 0:
			take(c.do("BLPOP q0 q1 q2 stops " + timeout))
		case 1:
			take(c.do("BRPOP q2 q1 q0 stops " + timeout))
		case 2:
			take(c.do("BLMPOP " + timeout + " 3 q1 q0 stops LEFT COUNT " + strconv.Itoa(1)))
		}
	}
	for take(c.do("LMPOP 3 q0 q1 q2 LEFT COUNT 10")) {
	}
	return got
}
