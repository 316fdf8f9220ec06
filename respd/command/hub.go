package command

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
// queues. It never waits for a client: Connection.Push doesn't.
//
// All messages go through one lock, so that clients which hear of the same
// messages hear of them in the same order.
type Hub struct {
	events    atomic.Uint32 // EventFlags
	listening atomic.Int64  // subscriptions of all clients

	mu   sync.Mutex
	subs [topics]map[string]map[*Session]struct{} // mu
}

// NewHub returns a hub without subscriptions.
func NewHub() *Hub {
	h := &Hub{}
	for i := range h.subs {
		h.subs[i] = make(map[string]map[*Session]struct{})
	}
	return h
}

// Subscribe makes s hear of a topic. What is sent from here on must not reach
// the client before it has been told that it is subscribed; s.Joined says so.
// The caller owns s; the same holds for Unsubscribe, Leave and Subscribed.
func (h *Hub) Subscribe(s *Session, t Topic, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Joined = true
	if _, ok := s.subs[t][name]; ok {
		return
	}
	if s.subs[t] == nil {
		s.subs[t] = make(map[string]struct{})
	}
	s.subs[t][name] = struct{}{}
	all := h.subs[t][name]
	if all == nil {
		all = make(map[*Session]struct{})
		h.subs[t][name] = all
	}
	all[s] = struct{}{}
	s.count(t).Add(1)
	h.listening.Add(1)
}

// Unsubscribe ends s's subscription to a topic, if there is one. Nothing more
// is put into its queue for it.
func (h *Hub) Unsubscribe(s *Session, t Topic, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := s.subs[t][name]; !ok {
		return
	}
	delete(s.subs[t], name)
	delete(h.subs[t][name], s)
	if len(h.subs[t][name]) == 0 {
		delete(h.subs[t], name)
	}
	s.count(t).Add(-1)
	h.listening.Add(-1)
}

// Leave ends all of s's subscriptions.
func (h *Hub) Leave(s *Session) {
	for t := range topics {
		for name := range s.subs[t] {
			h.Unsubscribe(s, t, name)
		}
	}
}

// Subscriptions returns what s subscribes to, in order.
func (s *Session) Subscriptions(t Topic) []string {
	return slices.Sorted(maps.Keys(s.subs[t]))
}

// Subscribed reports whether a client subscribes to anything.
func (s *Session) Subscribed() bool {
	return s.Channels.Load()+s.Patterns.Load()+s.Shards.Load() > 0
}

// count is the number of s's subscriptions that others may look at.
func (s *Session) count(t Topic) *atomic.Int32 {
	return [...]*atomic.Int32{&s.Channels, &s.Patterns, &s.Shards}[t]
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
func push(to map[*Session]struct{}, words ...string) int {
	if len(to) == 0 {
		return 0
	}
	vals := make([]resp.Value, len(words))
	for i, w := range words {
		vals[i] = resp.Bulk(w)
	}
	m := &Message{val: resp.Push(vals...)}
	for s := range to {
		s.Conn.Push(m)
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
