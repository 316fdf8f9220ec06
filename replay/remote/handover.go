package remote

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// Handing over goes in three steps, so that there are never two leaders:
//
//	leader   takes no more writes, and offers its lead in the replica's fetch
//	replica  has applied everything, and asks to lead
//	leader   agrees, and from then on follows, whatever becomes of its answer
//
// Until it has agreed the leader can take the offer back, and goes on as before.
// A replica whose answer was lost asks again and gets the same.

// handover is an offer that stands, or has been taken.
type handover struct {
	offer
	id   wire.Name     // of the replica's run
	done chan struct{} // closed when it is taken

	// mu is held while the leader writes down that it agrees, so that the offer is not
	// taken back meanwhile. That waits for the disk; Leader.mu does not.
	mu    sync.Mutex
	taken *leadRequest // once the leader has agreed; mu
	over  bool         // it was taken back; mu
}

// end takes the offer back, unless it has been taken. It returns by whom.
func (h *handover) end() (taken *leadRequest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = h.taken == nil
	return h.taken
}

// agree has the offer taken once yield has written that down. Whoever has taken it may
// ask again.
func (h *handover) agree(q *leadRequest, yield func(leader, password string) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.over:
		return errNoOffer
	case h.taken != nil:
		return nil
	}
	if err := yield(string(q.URL), string(q.Password)); err != nil {
		return err
	}
	h.taken = q
	close(h.done)
	return nil
}

// errNoOffer refuses a replica that wants to lead without having been asked.
var errNoOffer = fault.With(fault.Refused, errors.New("the lead is not offered"))

// ErrLead ends a follower's Run: its leader has agreed that it leads.
var ErrLead = errors.New("the leader has handed over")

// Offer offers the lead to a replica that streams, named by its node, and waits
// until it has asked for it or ctx ends. The node must take no writes meanwhile.
// What it returns without an error can't be undone: the replica leads, at that
// URL, and lets the node follow with that password.
func (l *Leader) Offer(ctx context.Context, node string, last journal.Seq) (url, password string, err error) {
	h := &handover{offer: offer{wire.Name(rand.Text()), last}, done: make(chan struct{})}
	l.mu.Lock()
	for _, f := range l.presentLocked() {
		switch {
		case f.Node != node || f.State != standing.LinkStreaming.String():
		case h.id != "":
			l.mu.Unlock()
			return "", "", fault.With(fault.Refused, fmt.Errorf("two replicas that stream are called %q", node))
		default:
			h.id = wire.Name(f.ID)
		}
	}
	if h.id == "" {
		l.mu.Unlock()
		return "", "", fault.With(fault.Refused, fmt.Errorf("no replica %q streams", node))
	}
	l.handing = h
	l.mu.Unlock()
	l.cfg.Source.Feed().Wake()
	select {
	case <-h.done:
	case <-ctx.Done():
	}
	if taken := h.end(); taken != nil {
		return string(taken.URL), string(taken.Password), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handing = nil
	at := journal.Seq(0)
	if f := l.replicas[h.id]; f != nil {
		at = f.Applied
	}
	return "", "", fault.With(fault.Retryable, fmt.Errorf(
		"replica %q, which has come to number %d of %d, has not taken the lead: %w", node, at, last, ctx.Err()))
}

// A replica is near that is no more than nearNumbers behind, or that has, within nearTime,
// come to where the leader was before: so long, about, clients wait while it stores the
// rest, with syncs of its own. How many numbers that is depends on how fast they are
// written.
const (
	nearNumbers = 32
	nearTime    = 300 * time.Millisecond
)

// lap is how far a replica is to come, and since when.
type lap struct {
	to    journal.Seq
	began time.Time
}

// near reports whether a replica is near that has applied so much. A lap that has taken
// too long is followed by another one.
func (p *lap) near(applied, last journal.Seq, now time.Time) bool {
	if applied+nearNumbers >= last {
		return true
	}
	if applied >= p.to {
		if !p.began.IsZero() && now.Sub(p.began) <= nearTime {
			return true
		}
		*p = lap{last, now}
	}
	return false
}

// Near waits until a replica, named by its node, streams and is hardly behind.
func (l *Leader) Near(ctx context.Context, node string) error {
	var p lap
	for {
		known, near, names := false, false, []string(nil)
		var at standing.Replica // how the replica stands
		last := l.cfg.Source.State().Pos().Seq
		l.mu.Lock()
		for _, f := range l.presentLocked() {
			names = append(names, f.Node)
			if f.Node == node {
				known, at = true, f.Replica
				near = near || f.State == standing.LinkStreaming.String() && p.near(f.Applied, last, l.cfg.Clock())
			}
		}
		moved := l.moved
		l.mu.Unlock()
		switch {
		case near:
			return nil
		case !known:
			return fault.With(fault.Refused, fmt.Errorf("no replica %q is known: %s", node, listed(names)))
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fault.With(fault.Retryable, fmt.Errorf("replica %q is too far behind: it is %s, with number %d of %d: %w",
				node, at.State, at.Applied, last, ctx.Err()))
		case <-l.ctx.Done():
			return fault.With(fault.Retryable, errors.New("the node stops answering replicas"))
		}
	}
}

// listed words which replicas are known.
func listed(names []string) string {
	if len(names) == 0 {
		return "there is none"
	}
	slices.Sort(names)
	return "there is " + strings.Join(slices.Compact(names), ", ")
}

// offered returns the message that offers the lead to a replica which has all up
// to next, if there is such an offer.
func (l *Leader) offered(id wire.Name, next journal.Seq) *nats.Msg {
	l.mu.Lock()
	h := l.handing
	l.mu.Unlock()
	if h == nil || h.id != id || next != h.Number+1 {
		return nil
	}
	b, err := json.Marshal(h.offer)
	if err != nil {
		return nil
	}
	return l.message(kindOffer, b)
}

// lead agrees with a replica that takes an offer.
func (l *Leader) lead(m *nats.Msg) error {
	var q leadRequest
	if err := wire.Decode(m, &q); err != nil {
		return err
	}
	pos := l.cfg.Source.State().Pos()
	l.mu.Lock()
	h := l.handing
	l.mu.Unlock()
	switch {
	case h == nil || h.Token != q.Token || h.id != q.ID:
		return errNoOffer
	case pos.Seq != q.Number || pos.Digest != journal.Digest(q.Digest):
		return diverged("it takes the lead at number %d with digest %016x; here is %s", q.Number, uint64(q.Digest), pos)
	}
	if err := h.agree(&q, l.cfg.Source.Yield); err != nil {
		return err
	}
	return l.replyJSON(m, struct{}{})
}

// acceptTries is how often a replica asks before it gives an offer up: the leader
// may have agreed and its answer been lost.
const acceptTries = 3

// acceptLead answers an offer. ErrLead is that the leader has agreed.
func (f *Follower) acceptLead(ctx context.Context, c *conn, m *nats.Msg) error {
	var o offer
	if err := wire.Decode(m, &o); err != nil {
		return err
	}
	pos := f.cfg.Target.State().Pos()
	if pos.Seq != o.Number || f.cfg.Reach == nil {
		return nil // it stands until it is taken back
	}
	url, password, err := f.cfg.Reach(c.Local)
	if err != nil {
		f.cfg.Logger.Warn("the lead is not taken", "cause", err)
		return nil
	}
	q := leadRequest{ID: c.id, Token: o.Token, Number: o.Number, Digest: wire.Hex(pos.Digest),
		URL: wire.Text(url), Password: wire.Text(password)}
	for range acceptTries {
		if _, err = c.call(ctx, subjectLead, q, f.cfg.Timeouts().Fetch); err == nil {
			return ErrLead
		}
		if fault.Of(err) != fault.Retryable {
			break
		}
	}
	return fmt.Errorf("take the lead: %w", err)
}
