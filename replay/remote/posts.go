package remote

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/wire"
)

// What clients publish at a node is told to its replicas, in what their fetches are answered
// with, and to its leader, on a subject of its own. It is told at most once, waits for
// nobody, and is no part of the journal. A replica is told of a message once it has been sent
// all that the journal had when the message was published, so that its subscribers read what
// they are told of.

// tell is messages, as a replica tells its leader of them.
type tell struct {
	ID    wire.Name   `json:"id"`
	Posts []wire.Post `json:"posts"`
}

func (t *tell) Check() error {
	if t.ID == "" {
		return errNameless
	}
	return wire.CheckPosts(t.Posts)
}

// posts is messages, as a leader tells its replicas of them.
type posts struct {
	Posts []wire.Post `json:"posts"`
}

func (p *posts) Check() error { return wire.CheckPosts(p.Posts) }

// Tell tells the replicas of a message, but for the one of that run, from which it came. It
// waits for nobody: what does not fit into a replica's queue is dropped, and counted.
func (l *Leader) Tell(p wire.Post, except string) {
	feed := l.cfg.Source.Feed()
	p.After = feed.Last()
	told, full := false, ""
	l.mu.Lock()
	for id, f := range l.replicas {
		switch {
		case f.posts == nil || f.line != l.line || string(id) == except:
		case f.posts.Add(p):
			told = true
		default:
			l.cfg.Untold.Add(1)
			full = f.Node
		}
	}
	l.mu.Unlock()
	if told {
		feed.Wake()
	}
	if full != "" {
		l.rare.Add(slog.LevelWarn, "messages are not told to a replica's subscribers", "replica", full, "cause", wire.ErrPostsFull)
	}
}

// Followed reports whether there may be replicas to be told of messages.
func (l *Leader) Followed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.replicas) > 0
}

// postsFor returns the queue of messages for a replica, nil if it takes none.
func (l *Leader) postsFor(q *fetchRequest, f *follower) *wire.PostQueue {
	switch {
	case !q.Posts:
		f.posts = nil
	case f.posts == nil:
		f.posts = wire.NewPostQueue()
	}
	return f.posts
}

// sendPosts answers a fetch with the messages that a replica is to be told of which has all
// frames before next. It returns how much they count of what a fetch brings: as much as a
// message of frames at least, since there is room for so many messages.
func (l *Leader) sendPosts(m *nats.Msg, queue *wire.PostQueue, next journal.Seq) (sent int) {
	if queue == nil {
		return 0
	}
	for b := queue.Batch(next - 1); len(b) > 0 && sent < fetchBytes; b = queue.Batch(next - 1) {
		body, err := json.Marshal(posts{b})
		if err != nil {
			l.cfg.Logger.Debug("messages can't be told", "cause", err)
			continue
		}
		l.reply(m, l.message(kindPosts, body))
		sent += max(len(body), messageBytes)
	}
	return sent
}

// published takes what clients have published at a replica.
func (l *Leader) published(m *nats.Msg) error {
	var q tell
	if err := wire.DecodeUpTo(m, &q, wire.MaxPostsJSON); err != nil {
		return err
	}
	if l.cfg.Heard == nil {
		return fault.With(fault.Refused, errors.New("the leader takes no messages"))
	}
	if err := l.with(q.ID, func(*follower) error { return nil }); err != nil {
		return err
	}
	l.cfg.Heard(q.Posts, string(q.ID))
	l.reply(m, &nats.Msg{})
	return nil
}

// Tell tells the leader of a message. It waits for nobody: what does not fit into the queue,
// and what the leader can't be told of, is dropped, and counted.
func (f *Follower) Tell(p wire.Post) {
	if !f.telling.Load() {
		f.dropPosts(1, errors.New("there is no link"))
	} else if !f.posts.Add(p) {
		f.dropPosts(1, wire.ErrPostsFull)
	}
}

// dropPosts counts messages of which the leader is not told.
func (f *Follower) dropPosts(n int, cause error) {
	f.cfg.Untold.Add(int64(n))
	f.cfg.Logger.Debug("messages are not told to the leader's subscribers", "messages", n, "cause", cause)
}

// keepPosting tells the leader of messages until end is called. One request is answered
// before the next, so that they keep their order, and a leader that is slow fills the queue
// and nothing else.
func (f *Follower) keepPosting(ctx context.Context, c *conn) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	f.dropRest()
	f.telling.Store(true)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-f.posts.Queued:
			case <-c.Gone:
				return
			case <-ctx.Done():
				return
			}
			for ctx.Err() == nil { // what is left then is dropped below
				b := f.posts.Batch(0)
				if len(b) == 0 {
					break
				}
				if _, err := c.call(ctx, subjectPublish, tell{c.id, b}, f.cfg.Timeouts().Fetch); err != nil {
					f.dropPosts(len(b), err)
				}
			}
		}
	})
	return func() {
		f.telling.Store(false)
		cancel()
		done.Wait()
		f.dropRest()
	}
}

// dropRest drops what was queued for a link that has ended.
func (f *Follower) dropRest() {
	for b := f.posts.Batch(0); len(b) > 0; b = f.posts.Batch(0) {
		f.dropPosts(len(b), errors.New("the link has ended"))
	}
}

// take has subscribers here hear messages that the leader tells of.
func (c *conn) take(m *nats.Msg) error {
	var p posts
	if err := wire.DecodeUpTo(m, &p, wire.MaxPostsJSON); err != nil {
		return fault.With(fault.Retryable, err)
	}
	if c.heard != nil {
		c.heard(p.Posts)
	}
	return nil
}
