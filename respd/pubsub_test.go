package respd_test

// Subscribers on real connections: who hears what, in which order beside their
// replies, and what becomes of one that does not listen. What commands answer is
// compared with Redis's in respd/compat/testdata/pubsubs.

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/respd"
	"ledge/respd/resp"
)

// subscriber returns a client that has sent line and read what it was told.
func (n *node) subscriber(proto int, line string) *client {
	n.t.Helper()
	c := n.dial()
	if proto == 3 {
		c.want("HELLO 3", "…")
	}
	c.send(encode(line))
	for range strings.Fields(line)[1:] {
		c.next()
	}
	return c
}

// message is how a message shows in a protocol.
func message(proto int, words ...string) string {
	vals := make([]resp.Value, len(words))
	for i, w := range words {
		vals[i] = resp.Bulk(w)
	}
	if proto == 3 {
		return resp.Push(vals...).String()
	}
	return resp.Array(vals...).String()
}

// What one client publishes arrives in that order, in pipelines too, and is
// answered with the number of receivers.
func TestMessagesInOrder(t *testing.T) {
	const messages = 2000
	n := start(t)
	two, three := n.subscriber(2, "SUBSCRIBE ch"), n.subscriber(3, "PSUBSCRIBE c*")
	p := n.dial()
	var lines []string
	for i := range messages {
		lines = append(lines, fmt.Sprint("PUBLISH ch ", i))
		if i%100 == 0 {
			lines = append(lines, "SET k v") // a batch in between
		}
	}
	p.send(encode(lines...))
	for i := range messages {
		p.expect("(integer) 2")
		if i%100 == 0 {
			p.expect("OK")
		}
	}
	for i := range messages {
		text := strconv.Itoa(i)
		two.expect(message(2, "message", "ch", text))
		three.expect(message(3, "pmessage", "c*", "ch", text))
	}
}

// Subscribers to the same hear the messages of several clients in one order.
func TestMessagesInOneOrder(t *testing.T) {
	const publishers, messages = 4, 200
	n := start(t)
	subs := []*client{n.subscriber(2, "SUBSCRIBE ch"), n.subscriber(3, "SUBSCRIBE ch")}
	ps := make([]*client, publishers)
	for i := range ps {
		ps[i] = n.dial()
	}
	parallel(publishers, func(i int) {
		for j := range messages {
			ps[i].want(fmt.Sprintf("PUBLISH ch %d-%d", i, j), "(integer) 2")
		}
	})
	for range publishers * messages {
		a, b := subs[0].next(), strings.TrimPrefix(subs[1].next(), ">")
		if a != b {
			t.Fatalf("one hears %s, the other %s", a, b)
		}
	}
}

// Once a client has been told that it has left a channel, it hears no more of
// it; and nothing before it has been told that it is subscribed.
func TestLeaving(t *testing.T) {
	const rounds = 300
	n := start(t)
	stop := make(chan struct{})
	var flood sync.WaitGroup
	p := n.dial()
	flood.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				p.do("PUBLISH ch m")
			}
		}
	})
	for _, proto := range []int{2, 3} {
		c := n.subscriber(proto, "SUBSCRIBE other")
		for range rounds {
			c.send(encode("SUBSCRIBE ch", "UNSUBSCRIBE ch"))
			told := c.next()
			if !strings.Contains(told, `"subscribe" "ch"`) {
				t.Fatalf("RESP%d: first %s; want to be told of the subscription", proto, told)
			}
			for told = c.next(); strings.Contains(told, `"message"`); {
				told = c.next()
			}
			if !strings.Contains(told, `"unsubscribe" "ch"`) {
				t.Fatalf("RESP%d: then %s; want to be told of its end", proto, told)
			}
		}
		c.send(encode("UNSUBSCRIBE other", "PING"))
		c.next()
		c.expect("PONG")
	}
	close(stop)
	flood.Wait()
}

// A subscriber that does not read is closed at the bound. Nobody waits for it:
// the publisher is answered and the others hear everything.
func TestSlowSubscriber(t *testing.T) {
	const size = 32 << 10
	var out bytes.Buffer
	n := start(t, func(cfg *respd.Config) {
		cfg.Push.Hard = 256 << 10
		cfg.Logger = slog.New(slog.NewTextHandler(&out, nil))
	})
	slow, good := n.subscriber(2, "SUBSCRIBE ch"), n.subscriber(3, "SUBSCRIBE ch")
	p := n.dial()
	text := strings.Repeat("x", size)
	sent := 0
	for want := "(integer) 2"; want == "(integer) 2"; sent++ {
		if want = p.do("PUBLISH ch " + text); sent*size > 256<<20 {
			t.Fatalf("%d bytes, and the slow client is still there", sent*size)
		}
		if got := good.next(); got != message(3, "message", "ch", text) {
			t.Fatalf("message %d: %.50s…", sent, got)
		}
	}
	got := 0
	for {
		v, err := slow.r.ReadValue()
		if err != nil {
			break
		}
		if v.String() != message(2, "message", "ch", text) {
			t.Fatalf("the slow client read %.50s…", v.String())
		}
		got++
	}
	if got >= sent-1 {
		t.Errorf("the slow client read %d messages of %d; want it to have missed some", got, sent)
	}
	p.want("PUBSUB NUMSUB ch", `["ch" (integer) 1]`)
	n.stop()
	n.served <- within(t, "Run of the server", n.served) // the log is complete
	if !strings.Contains(out.String(), "level=WARN") || !strings.Contains(out.String(), "does not read the messages") {
		t.Errorf("log: %s; want a warning", out.String())
	}
}

// Messages that come while a client's write is under way wait for its reply.
func TestMessageWhileWriting(t *testing.T) {
	n := start(t)
	c, p := n.subscriber(3, "SUBSCRIBE ch"), n.dial()
	release := n.journal.Hold()
	appends := n.journal.Appends()
	c.send(encode("GET k", "SET k 1", "GET k"))
	n.behind(appends)
	p.want("PUBLISH ch m", "(integer) 1")
	release()
	c.expect("(nil)", "OK", `"1"`, message(3, "message", "ch", "m"))
}

// What a client that has gone or was reset subscribed to is forgotten.
func TestLeft(t *testing.T) {
	n := start(t)
	admin := n.dial()
	counts := `["ch" (integer) %d]`
	reset := n.subscriber(2, "SUBSCRIBE ch other")
	gone, killed, quit := n.subscriber(3, "SUBSCRIBE ch"), n.subscriber(2, "SUBSCRIBE ch"),
		n.subscriber(2, "SSUBSCRIBE shard")
	n.subscriber(2, "PSUBSCRIBE p*")
	admin.want("PUBSUB NUMSUB ch", fmt.Sprintf(counts, 3))
	admin.want("INFO stats", "…pubsub_channels:2…pubsub_patterns:1…pubsubshard_channels:1…")
	admin.want("INFO clients", "…pubsub_clients:5…")
	admin.want("CLIENT LIST TYPE pubsub", "…flags=P …sub=2 psub=0 ssub=0…ssub=1…psub=1 …")
	reset.want("RESET", "RESET")
	reset.want("GET k", "(nil)")
	admin.want("PUBSUB NUMSUB ch", fmt.Sprintf(counts, 2))
	gone.drop()
	until(t, "PUBSUB NUMSUB", func() bool { return admin.do("PUBSUB NUMSUB ch") == fmt.Sprintf(counts, 1) })
	quit.want("QUIT", "OK")
	until(t, "PUBSUB SHARDCHANNELS", func() bool { return admin.do("PUBSUB SHARDCHANNELS") == "[]" })
	admin.want("CLIENT KILL TYPE pubsub", "(integer) 2")
	killed.closed()
	until(t, "PUBSUB CHANNELS", func() bool { return admin.do("PUBSUB CHANNELS") == "[]" })
	admin.want("PUBLISH ch m", "(integer) 0")
	admin.want("PUBSUB NUMPAT", "(integer) 0")
}

// What is published in a transaction, or after a write, is sent when the
// outcome is known, and not at all if there is none.
func TestPublishWaits(t *testing.T) {
	n := start(t)
	c, p := n.subscriber(2, "SUBSCRIBE ch"), n.dial()
	n.journal.FailNext(errFull)
	p.send(encode("MULTI", "SET k 1", "PUBLISH ch lost", "EXEC", "PUBLISH ch next"))
	p.expect("OK", "QUEUED", "QUEUED", execMisconf, "(integer) 1")
	c.expect(message(2, "message", "ch", "next"))

	n = start(t)
	c, p = n.subscriber(2, "SUBSCRIBE ch"), n.dial()
	other := n.dial()
	release := n.journal.Hold()
	appends := n.journal.Appends()
	p.send(encode("MULTI", "SET k 1", "PUBLISH ch exec", "EXEC", "SET k 2", "PUBLISH ch behind"))
	n.behind(appends)
	other.want("PUBLISH ch first", "(integer) 1")
	release()
	p.expect("OK", "QUEUED", "QUEUED", "[OK (integer) 1]", "OK", "(integer) 1")
	for _, text := range []string{"first", "exec", "behind"} {
		c.expect(message(2, "message", "ch", text))
	}
}

// A client in RESP3 gets its own message before PUBLISH's reply, as in
// Redis. In a transaction that would be in the middle of EXEC's reply; there it
// comes after.
func TestOwnMessage(t *testing.T) {
	n := start(t)
	c := n.subscriber(3, "SUBSCRIBE ch")
	c.send(encode("PUBLISH ch 1", "PUBLISH ch 2", "PING", "MULTI", "PUBLISH ch 3", "PING", "EXEC", "PING"))
	c.expect(message(3, "message", "ch", "1"), "(integer) 1", message(3, "message", "ch", "2"), "(integer) 1",
		"PONG", "OK", "QUEUED", "QUEUED", "[(integer) 1 PONG]", message(3, "message", "ch", "3"), "PONG")
	c.send(encode("PUBLISH ch 4", "HELLO 2"))
	c.expect(message(3, "message", "ch", "4"), "(integer) 1", "…")
	p := n.dial()
	p.want("PUBLISH ch 5", "(integer) 1")
	c.expect(message(2, "message", "ch", "5"))
}

// CLIENT REPLY keeps no messages back, nor what a transaction subscribes to.
func TestMessagesSilenced(t *testing.T) {
	n := start(t)
	c, p := n.dial(), n.dial()
	c.send(encode("CLIENT REPLY OFF", "MULTI", "PING", "SUBSCRIBE a b", "EXEC"))
	c.expect(`["subscribe" "a" (integer) 1]`, `["subscribe" "b" (integer) 2]`)
	p.want("PUBLISH a m", "(integer) 1")
	c.expect(message(2, "message", "a", "m"))
}

// CLIENT PAUSE WRITE holds messages back, as in Redis, and not subscriptions.
func TestPausePublish(t *testing.T) {
	n := start(t)
	c, p, admin := n.subscriber(2, "SUBSCRIBE ch"), n.dial(), n.dial()
	admin.want("CLIENT PAUSE 100000 WRITE", "OK")
	p.send(encode("PUBLISH ch m"))
	p.noAnswer(20 * time.Millisecond)
	c.want("SUBSCRIBE other", `["subscribe" "other" (integer) 2]`)
	admin.want("CLIENT UNPAUSE", "OK")
	p.expect("(integer) 1")
	c.expect(message(2, "message", "ch", "m"))
}

// A message longer than the bound closes its receivers.
func TestLongMessage(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Push.Hard = 1000 })
	c, p := n.subscriber(2, "SUBSCRIBE ch"), n.dial()
	p.want("PUBLISH ch "+strings.Repeat("x", 900), "(integer) 1")
	c.expect(message(2, "message", "ch", strings.Repeat("x", 900)))
	p.want("PUBLISH ch "+strings.Repeat("x", 1000), "(integer) 1")
	c.closed()
}
