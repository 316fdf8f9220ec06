package appliance_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// listener is a client that subscribes to one channel.
type listener struct {
	name string
	sub  *redis.PubSub
}

// listen subscribes at a node, by SSUBSCRIBE if the channel is a shard channel.
func (m *member) listen(channel string, sharded bool) listener {
	m.t.Helper()
	subscribe := m.c.Subscribe
	if sharded {
		subscribe = m.c.SSubscribe
	}
	sub := subscribe(m.t.Context(), channel)
	m.t.Cleanup(func() { sub.Close() })
	if _, err := sub.Receive(m.t.Context()); err != nil {
		m.t.Fatalf("%s: subscribe to %s: %v", m.name, channel, err)
	}
	return listener{m.name, sub}
}

// hears expects some messages in any order, and no other among them.
func (l listener) hears(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for range want {
		msg, err := l.sub.ReceiveTimeout(t.Context(), 20*time.Second)
		if err != nil {
			t.Fatalf("%s has heard %q, and then %v; want %q", l.name, got, err, want)
		}
		got = append(got, msg.(*redis.Message).Payload)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has heard %q; want %q", l.name, got, want)
	}
}

// Two shards, one of which has a replica that has one itself, and the other one replica. What
// is published at any node is heard at all once, and on a shard channel at all of its shard.
func TestPublishReachesReplicas(t *testing.T) {
	a, b := twoShards(t)
	a2 := memberWith(t, "a2", "s3cret", a)
	a3, b2 := memberWith(t, "a3", "s3cret", a2), memberWith(t, "b2", "s3cret", b)
	all, shard := []*member{a, a2, a3, b, b2}, []*member{a, a2, a3}
	for _, m := range all {
		m.hears(2, len(all))
		m.streaming()
	}
	var hear, hearShard []listener
	for _, m := range all {
		hear = append(hear, m.listen("news", false))
	}
	for _, m := range shard {
		hearShard = append(hearShard, m.listen("k", true))
	}
	// A message that comes twice would be among those of the next round.
	for round := range 3 {
		var said, saidShard []string
		for _, m := range all {
			text := fmt.Sprint(m.name, " says ", round)
			if n, err := m.c.Publish(t.Context(), "news", text).Result(); err != nil || n != 1 {
				t.Errorf("%s: PUBLISH = %d, %v; want 1 of its own", m.name, n, err)
			}
			said = append(said, text)
		}
		for _, m := range shard {
			text := fmt.Sprint(m.name, " says ", round)
			if n, err := m.c.SPublish(t.Context(), "k", text).Result(); err != nil || n != 1 {
				t.Errorf("%s: SPUBLISH = %d, %v; want 1 of its own", m.name, n, err)
			}
			saidShard = append(saidShard, text)
		}
		for _, l := range hear {
			l.hears(t, said...)
		}
		for _, l := range hearShard {
			l.hears(t, saidShard...)
		}
	}
	for _, m := range []*member{b, b2} {
		if err := m.c.SPublish(t.Context(), "k", "x").Err(); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
			t.Errorf("%s: SPUBLISH = %v; want the client sent to the channel's shard", m.name, err)
		}
	}
}

// streaming waits until a replica streams what its leader has.
func (m *member) streaming() {
	m.t.Helper()
	within(m.t, 20*time.Second, m.name+" streams", func() bool {
		l := m.Link()
		return l.Leader == "" || l.State.String() == "streaming"
	})
}

// Outside of a cluster a replica's subscribers hear what is published at the leader, and who
// reads a key there has what was written before. What is published at a replica stays there.
func TestPublishReachesReplicasInOrder(t *testing.T) {
	p := leadAndFollow(t)
	leader, replica := p.nodes[0].client(), p.nodes[1].client()
	var subs [2]listener
	for i, c := range []*redis.Client{leader, replica} {
		sub := c.Subscribe(t.Context(), "news")
		defer sub.Close()
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		subs[i] = listener{names[i], sub}
	}
	if err := replica.Publish(t.Context(), "news", "stays").Err(); err != nil {
		t.Fatal(err)
	}
	subs[1].hears(t, "stays")
	const rounds = 300
	go func() {
		for i := range rounds {
			pipe := leader.Pipeline()
			pipe.Set(t.Context(), "k", i, 0)
			pipe.Publish(t.Context(), "news", i)
			if _, err := pipe.Exec(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for i := range rounds {
		subs[1].hears(t, strconv.Itoa(i))
		if n, err := replica.Get(t.Context(), "k").Int(); err != nil || n < i {
			t.Fatalf("GET k = %d, %v after message %d; want that or a later number", n, err, i)
		}
		subs[0].hears(t, strconv.Itoa(i))
	}
}
