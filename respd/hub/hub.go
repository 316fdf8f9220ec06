// Package hub knows which clients subscribe to what, and hands each message to
// those who are to hear it: what clients publish, and the keyspace events of the
// writer.
package hub

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"ledge/respd/glob"
	"ledge/respd/resp"
)

// Topic is what a subscription is to.
type Topic uint8

// The topics. Shard channels have names of their own: a message to a channel
// is not one to the shard channel of that name.
const (
	Channel Topic = iota
	Pattern
	ShardChannel

	topics
)

// Hub knows which clients subscribe to what, and puts messages into their
// queues. It never waits for a client: Receiver.Push doesn't.
//
// All messages go through one lock, so that clients which hear of the same
// messages hear of them in the same order.
type Hub struct {
	events    atomic.Uint32 // EventFlags
	listening atomic.Int64  // subscriptions of all clients
	// others is told what clients publish, nil if there is nobody else.
	others atomic.Pointer[func(t Topic, channel, text string)]

	mu   sync.Mutex
	subs [topics]map[string]map[*Member]Receiver // mu
}

// Member is a client's part in a hub. It belongs to the goroutine that owns the
// client at the moment; the counts may be looked at by any. Expel takes subscriptions
// away from any goroutine.
type Member struct {
	// Joined is set by a command that subscribed: messages that have come since
	// must wait until its reply has been given.
	Joined bool
	subs   [topics]map[string]struct{} // mu of the hub
	// Subscriptions to channels, to patterns and to shard channels.
	Channels, Patterns, Shards atomic.Int32
	// Bytes is about what the subscriptions take in all.
	Bytes atomic.Int64
}

// subscriptionBytes is about what a subscription takes besides its name, which stands in
// the hub and in the member.
const subscriptionBytes = 360

// Cost returns about how much memory a subscription to a name takes, in bytes.
func Cost(name int) int { return name + subscriptionBytes }

// Receiver is where a member's messages go.
type Receiver interface {
	// Push takes a message from any goroutine, without waiting.
	Push(m *Message)
}

// New returns a hub without subscriptions.
func New() *Hub {
	h := &Hub{}
	for i := range h.subs {
		h.subs[i] = make(map[string]map[*Member]Receiver)
	}
	return h
}

// Subscribe makes m hear of a topic, through to. What is sent from here on must
// not reach the client before it has been told that it is subscribed; m.Joined
// says so. The caller owns m; the same holds for Unsubscribe, Leave and Subscribed.
func (h *Hub) Subscribe(m *Member, to Receiver, t Topic, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m.Joined = true
	if _, ok := m.subs[t][name]; ok {
		return
	}
	if m.subs[t] == nil {
		m.subs[t] = make(map[string]struct{})
	}
	m.subs[t][name] = struct{}{}
	all := h.subs[t][name]
	if all == nil {
		all = make(map[*Member]Receiver)
		h.subs[t][name] = all
	}
	all[m] = to
	m.count(t).Add(1)
	m.Bytes.Add(int64(Cost(len(name))))
	h.listening.Add(1)
}

// Unsubscribe ends m's subscription to a topic, if there is one. Nothing more
// is put into its queue for it.
func (h *Hub) Unsubscribe(m *Member, t Topic, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unsubscribeLocked(m, t, name)
}

func (h *Hub) unsubscribeLocked(m *Member, t Topic, name string) {
	if _, ok := m.subs[t][name]; !ok {
		return
	}
	delete(m.subs[t], name)
	delete(h.subs[t][name], m)
	if len(h.subs[t][name]) == 0 {
		delete(h.subs[t], name)
	}
	m.count(t).Add(-1)
	m.Bytes.Add(-int64(Cost(len(name))))
	h.listening.Add(-1)
}

// Leave ends all of m's subscriptions.
func (h *Hub) Leave(m *Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for t := range topics {
		for name := range m.subs[t] {
			h.unsubscribeLocked(m, t, name)
		}
	}
}

// Expel ends the subscriptions to shard channels that gone says yes to, of m alone if it is
// not nil, and tells those who had them, as if they had left by themselves.
func (h *Hub) Expel(m *Member, gone func(channel string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for channel, all := range h.subs[ShardChannel] {
		if !gone(channel) {
			continue
		}
		for who, to := range all {
			if m != nil && who != m {
				continue
			}
			h.unsubscribeLocked(who, ShardChannel, channel)
			to.Push(&Message{val: resp.Push(resp.Bulk("sunsubscribe"), resp.Bulk(channel), resp.Int(int64(who.Shards.Load())))})
		}
	}
}

// Subscriptions returns what m subscribes to, in order.
func (h *Hub) Subscriptions(m *Member, t Topic) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(m.subs[t]))
}

// Subscribed reports whether a client subscribes to anything.
func (m *Member) Subscribed() bool {
	return m.Channels.Load()+m.Patterns.Load()+m.Shards.Load() > 0
}

// count is the number of m's subscriptions that others may look at.
func (m *Member) count(t Topic) *atomic.Int32 {
	return [...]*atomic.Int32{&m.Channels, &m.Patterns, &m.Shards}[t]
}

// SetOthers has what clients publish told to others as well: to nodes whose subscribers hear
// of it, too. It must not wait.
func (h *Hub) SetOthers(tell func(t Topic, channel, text string)) { h.others.Store(&tell) }

// Announce is Publish of what a client says, which others are told of, too.
func (h *Hub) Announce(t Topic, channel, text string) int {
	if tell := h.others.Load(); tell != nil {
		(*tell)(t, channel, text)
	}
	return h.Publish(t, channel, text)
}

// Publish sends a message to a channel, and returns how many subscriptions it
// went to. Patterns fit channels, not shard channels.
func (h *Hub) Publish(t Topic, channel, text string) int {
	if h.listening.Load() == 0 {
		return 0
	}
	word := "message"
	if t == ShardChannel {
		word = "smessage"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n := push(h.subs[t][channel], word, channel, text)
	if t == ShardChannel {
		return n
	}
	for pattern, to := range h.subs[Pattern] {
		if glob.Match(pattern, channel) {
			n += push(to, "pmessage", pattern, channel, text)
		}
	}
	return n
}

// push puts one message into the queues of its receivers.
func push(to map[*Member]Receiver, words ...string) int {
	if len(to) == 0 {
		return 0
	}
	vals := make([]resp.Value, len(words))
	for i, w := range words {
		vals[i] = resp.Bulk(w)
	}
	m := &Message{val: resp.Push(vals...)}
	for _, r := range to {
		r.Push(m)
	}
	return len(to)
}

// Names returns what anybody subscribes to and filter says yes to, in order.
func (h *Hub) Names(t Topic, filter func(name string) bool) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for name := range h.subs[t] {
		if filter(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Receivers returns how many clients subscribe to a topic.
func (h *Hub) Receivers(t Topic, name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs[t][name])
}

// Reach returns how many subscriptions a message to a channel would go to.
func (h *Hub) Reach(t Topic, channel string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.subs[t][channel])
	if t == ShardChannel {
		return n
	}
	for pattern, to := range h.subs[Pattern] {
		if glob.Match(pattern, channel) {
			n += len(to)
		}
	}
	return n
}

// Topics returns how many topics have subscribers.
func (h *Hub) Topics(t Topic) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs[t])
}

// Message is one message on its way to its receivers. It is encoded at most
// once for each protocol, and is for the goroutine that sends it.
type Message struct {
	val     resp.Value
	encoded [2][]byte // RESP2, RESP3
}

// Bytes returns the message as it goes to a client. They must not be changed.
func (m *Message) Bytes(proto int) []byte {
	b := &m.encoded[proto-resp.RESP2]
	if *b == nil {
		*b = resp.Append(nil, m.val, proto)
	}
	return *b
}
