package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// A leader keeps what its replicas have told it in one place, with two spans of
// memory. What counts for a write, or is shown, are those that are present: they
// have said hello on the node's present line and have been heard of lately. The
// journal, and snapshots, are kept a while longer for those that are not.

// meet notes a replica that has said hello when the node was on a line.
func (l *Leader) meet(q *helloRequest, from start, line int) error {
	now := l.cfg.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if line != l.line {
		return errStranger // the node's role has changed meanwhile
	}
	l.forgetIdleLocked(now)
	f := l.replicas[q.ID]
	if f == nil {
		l.replacedLocked(q)
		if err := l.makeRoomLocked(now); err != nil {
			return err
		}
		f = &follower{}
		l.replicas[q.ID] = f
	}
	for _, other := range l.replicas {
		if other.Node == string(q.Node) {
			// Most likely the same replica before it was restarted, which must not
			// count twice. A namesake says within a second how it stands.
			other.State, other.Applied, other.Synced = standing.LinkConnecting.String(), 0, 0
		}
	}
	f.ID, f.Node, f.Redis, f.NATS, f.Heard, f.line = string(q.ID), string(q.Node), string(q.Redis), string(q.NATS), now, l.line
	f.State, f.posts = standing.LinkHandshake.String(), nil
	if f.needs = q.Number; from == startBegin {
		f.needs = 0
	}
	return nil
}

// replacedLocked forgets the run of a replica that was before this one: it has
// its name and its address.
func (l *Leader) replacedLocked(q *helloRequest) {
	for id, f := range l.replicas {
		if f.Node == string(q.Node) && f.Redis == string(q.Redis) {
			l.forgetLocked(id)
		}
	}
}

// makeRoomLocked sees to it that one more replica can be known: of those that
// count no longer it forgets the one that has been silent longest.
func (l *Leader) makeRoomLocked(now time.Time) error {
	if len(l.replicas) < l.cfg.MaxReplicas {
		return nil
	}
	var silent wire.Name
	for id, f := range l.replicas {
		if !l.present(f, now) && (silent == "" || f.Heard.Before(l.replicas[silent].Heard)) {
			silent = id
		}
	}
	if silent == "" {
		return fault.With(fault.Retryable, fmt.Errorf("the leader has %d replicas, and takes no more", len(l.replicas)))
	}
	l.forgetLocked(silent)
	return nil
}

// Dismiss is called when the node's role changes, or whom it follows. Whoever has
// said hello before that does not count from then on, and has to say it again.
func (l *Leader) Dismiss() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line++
	for _, f := range l.replicas {
		if f.cancel != nil {
			f.cancel()
		}
	}
	l.movedLocked()
}

// present reports whether a replica counts.
func (l *Leader) present(f *follower, now time.Time) bool {
	return f.line == l.line && now.Sub(f.Heard) <= l.cfg.Present()
}

// presentLocked returns the replicas that count. The node itself and its own
// leader never do.
func (l *Leader) presentLocked() (list []*follower) {
	now, upstream := l.cfg.Clock(), l.upstream()
	for _, f := range l.replicas {
		if l.present(f, now) && f.ID != upstream && f.ID != l.cfg.ID {
			list = append(list, f)
		}
	}
	return list
}

// forgetIdleLocked forgets replicas of which nothing has been heard for long.
func (l *Leader) forgetIdleLocked(now time.Time) {
	for id, f := range l.replicas {
		if now.Sub(f.Heard) > l.cfg.Idle {
			l.forgetLocked(id)
		}
	}
}

func (l *Leader) forgetLocked(id wire.Name) {
	f := l.replicas[id]
	if f.cancel != nil {
		f.cancel()
	}
	if f.file != nil {
		f.file.Close()
	}
	delete(l.replicas, id)
}

// errStranger sends a replica that the leader does not know back to hello.
var errStranger = fault.With(fault.Retryable, errors.New("the leader does not know this replica; say hello first"))

// with calls fn with a replica, which has just been heard of.
func (l *Leader) with(id wire.Name, fn func(*follower) error) error {
	now := l.cfg.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.replicas[id]
	if f == nil || f.line != l.line {
		return errStranger
	}
	f.Heard = now
	return fn(f)
}

// report notes how far a replica has come.
func (l *Leader) report(m *nats.Msg) error {
	var q report
	if err := wire.Decode(m, &q); err != nil {
		return err
	}
	last, streams := l.cfg.Source.Feed().Last(), false
	if err := l.with(q.ID, func(f *follower) error {
		streams = f.State != standing.LinkStreaming.String() && q.State.LinkState == standing.LinkStreaming
		// It can't have more than there is, whatever it says.
		f.State, f.Applied, f.Synced = q.State.String(), min(q.Applied, last), min(q.Synced, last)
		if q.Redis != "" {
			f.Redis = string(q.Redis)
		}
		if q.State.LinkState == standing.LinkStreaming {
			if f.needs = f.Applied; f.file != nil {
				f.file.Close()
				f.file = nil
			}
		}
		l.movedLocked()
		return nil
	}); err != nil {
		return err
	}
	if streams && l.cfg.Followed != nil {
		l.cfg.Followed()
	}
	if m.Reply == "" {
		return nil
	}
	return l.replyJSON(m, reportReply{Last: last})
}

// movedLocked wakes those who wait for replicas.
func (l *Leader) movedLocked() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// Replicas returns those that count, by name.
func (l *Leader) Replicas() []standing.Replica {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetIdleLocked(l.cfg.Clock())
	list := make([]standing.Replica, 0, len(l.replicas))
	for _, f := range l.presentLocked() {
		list = append(list, f.Replica)
	}
	slices.SortFunc(list, func(a, b standing.Replica) int {
		return strings.Compare(a.Node+" "+a.ID, b.Node+" "+b.ID)
	})
	return list
}

// Held returns the number after which some replica still needs the journal, also
// one that does not count at present.
func (l *Leader) Held() (held journal.Seq, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetIdleLocked(l.cfg.Clock())
	for _, f := range l.replicas {
		if !ok || f.needs < held {
			held, ok = f.needs, true
		}
	}
	return held, ok
}

// Await waits until want replicas have come to seq, applied or synced too, or
// ctx ends, and returns how many have.
func (l *Leader) Await(ctx context.Context, seq journal.Seq, want int, synced bool) int {
	for {
		n := 0
		l.mu.Lock()
		for _, f := range l.presentLocked() {
			if f.Applied >= seq && (!synced || f.Synced >= seq) {
				n++
			}
		}
		moved := l.moved
		l.mu.Unlock()
		if n >= want {
			return n
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return n
		case <-l.ctx.Done():
			return n
		}
	}
}
