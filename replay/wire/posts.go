package wire

import (
	"errors"
	"fmt"
	"sync"

	"ledge/journal"
)

// What clients publish at one node is told to others, for their subscribers. It is told at
// most once, and waits in a queue of a bounded size for each of those that are told.

// Bounds of what waits to be told to one node, of what is told at a time, unless there is
// one message alone, and of what that may be as JSON, in which bytes take a third more.
const (
	mostQueued      = 1024
	mostQueuedBytes = 8 << 20
	batchBytes      = 256 << 10
	MaxPostsJSON    = (mostQueuedBytes+batchBytes)/3*4 + mostQueued*96
)

// mostHops is how often a message is told on, from a replica to its leader or the other way:
// nodes that follow each other in a circle must not tell it for ever.
const mostHops = 16

// Post is one message to a channel, of any bytes.
type Post struct {
	Channel []byte `json:"channel"`
	Text    []byte `json:"text"`
	// Sharded says that the channel is a shard channel, whose messages are for the nodes of
	// one shard.
	Sharded bool `json:"sharded,omitempty"`
	// Told says that the other shards are told of it, or need not be.
	Told bool `json:"told,omitempty"`
	// Hops is how often it was told on.
	Hops int `json:"hops,omitempty"`
	// After is the number that the journal had come to: who is told has that first.
	After journal.Seq `json:"-"`
}

func (p *Post) size() int { return len(p.Channel) + len(p.Text) }

// On returns the message as it is told on. It reports false if it has come far enough.
func (p Post) On() (Post, bool) {
	p.Hops++
	return p, p.Hops <= mostHops
}

// CheckPosts reports too many messages, or none.
func CheckPosts(list []Post) error {
	if len(list) == 0 || len(list) > mostQueued {
		return fmt.Errorf("%d posts; want 1 to %d", len(list), mostQueued)
	}
	for i := range list {
		if h := list[i].Hops; h < 0 || h > mostHops {
			return fmt.Errorf("a post that was told on %d times; want at most %d", h, mostHops)
		}
	}
	return nil
}

// ErrPostsFull says that there was no room in a queue.
var ErrPostsFull = errors.New("more is published than it takes")

// PostQueue is messages that wait to be told to one node.
type PostQueue struct {
	// Queued has a token once messages are queued.
	Queued chan struct{}

	mu    sync.Mutex
	posts []Post // mu
	bytes int    // of posts; mu
}

// NewPostQueue returns a queue that is empty.
func NewPostQueue() *PostQueue { return &PostQueue{Queued: make(chan struct{}, 1)} }

// Add queues a message, and reports whether there was room.
func (q *PostQueue) Add(p Post) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.posts) >= mostQueued || q.bytes+p.size() > mostQueuedBytes {
		return false
	}
	q.posts, q.bytes = append(q.posts, p), q.bytes+p.size()
	select {
	case q.Queued <- struct{}{}:
	default:
	}
	return true
}

// Batch takes the next messages that come after no later number: as many as are told at a
// time, at least one if there are any.
func (q *PostQueue) Batch(upTo journal.Seq) (b []Post) {
	q.mu.Lock()
	defer q.mu.Unlock()
	size, n := 0, 0
	for n < len(q.posts) && q.posts[n].After <= upTo && (n == 0 || size+q.posts[n].size() <= batchBytes) {
		size += q.posts[n].size()
		n++
	}
	if b, q.posts, q.bytes = q.posts[:n:n], q.posts[n:], q.bytes-size; len(q.posts) == 0 {
		q.posts = nil
	}
	return b
}
