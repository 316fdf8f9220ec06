package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"ledge/replay/wire"
)

// The pause between attempts grows from the least to the most. So long is the pause, too,
// until it is tried again to reach a shard's leader where another of its nodes was.
const (
	retryLeast = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// tellGap is how soon after one exchange the next may be that something new asks for.
const tellGap = 20 * time.Millisecond

// link is the connection to another shard. Its goroutine alone makes and ends it.
type link struct {
	p    *Peers
	id   string        // of the shard
	wake chan struct{} // has a token once there is something to tell
	end  context.CancelFunc
	// spoke has a token once a node of the shard has spoken since it was tried last to
	// connect.
	spoke chan struct{}

	mu    sync.Mutex
	nodes []Node     // mu
	conn  *wire.Conn // nil while it is down; mu
	now   Link       // mu

	posts *wire.PostQueue // to be told to the shard
}

func newLink(p *Peers, id string) *link {
	return &link{p: p, id: id, wake: make(chan struct{}, 1), posts: wire.NewPostQueue(), spoke: make(chan struct{}, 1), end: func() {},
		now: Link{Shard: id, Since: p.cfg.Clock(), Cause: "it is being connected"}}
}

func (l *link) setNodes(nodes []Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes = nodes
}

// candidates returns the shard's nodes that can be asked.
func (l *link) candidates() []Node {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes
}

// at reports whether a node is that one, where it was.
func (n Node) at(other Node) bool { return n.ID == other.ID && n.URL == other.URL }

func (l *link) state() Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// connection returns the one there is, or why there is none.
func (l *link) connection() (c *wire.Conn, cause string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn, l.now.Cause
}

// up notes that there is a connection to a node, which has just been heard of.
func (l *link) up(c *wire.Conn, node string) {
	now := l.p.cfg.Clock()
	l.mu.Lock()
	was := l.now.Up
	if !was {
		l.now.Since = now
	}
	l.conn, l.now.Node, l.now.Up, l.now.Heard, l.now.Cause = c, node, true, now, ""
	l.mu.Unlock()
	if !was {
		l.p.cfg.Logger.Info("another shard is connected", "shard", l.id, "node", node)
	}
	if told := l.p.cfg.Told; told != nil {
		told()
	}
}

// down notes that there is none.
func (l *link) down(err error) {
	l.mu.Lock()
	was := l.now
	if l.now.Up {
		l.now.Since = l.p.cfg.Clock()
	}
	l.conn, l.now.Up, l.now.Cause = nil, false, err.Error()
	l.mu.Unlock()
	if was.Up || was.Cause != err.Error() {
		l.p.cfg.Logger.Warn("another shard is not connected", "shard", l.id, "node", was.Node, "cause", err)
	}
}

// run keeps a connection to the shard until ctx ends.
func (l *link) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		drain(l.spoke)
		s, err := l.connect(ctx)
		if err == nil {
			failures = 0
			err = s.hold(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		l.down(err)
		failures++
		if !l.pause(ctx, backoff(failures)) {
			return
		}
	}
}

// pause waits until it is time to try again, or a node of the shard speaks: it was started
// again, or can be reached again. It reports whether ctx still goes on.
func (l *link) pause(ctx context.Context, d time.Duration) bool {
	if !sleep(ctx, min(d, retryLeast)) { // so long at least, however often it speaks
		return false
	}
	t := time.NewTimer(max(0, d-retryLeast))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.spoke:
		return true
	case <-ctx.Done():
		return false
	}
}

// drain takes a token if there is one.
func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// backoff is how long to wait after so many failures in a row, give or take a fifth.
func backoff(failures int) time.Duration {
	d := min(retryMost, retryLeast<<min(failures-1, 16))
	return d - d/5 + rand.N(2*d/5+1)
}

// sleep waits. It reports whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errNobody says that it is not known where a shard can be asked.
var errNobody = errors.New("it is not known where the shard's nodes can be asked")

// connect connects to the first of the shard's nodes that answers: the one that leads, if it
// does.
func (l *link) connect(ctx context.Context) (*session, error) {
	err := errNobody
	for i, n := range l.candidates() {
		s, nerr := l.reach(ctx, n)
		if nerr == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, nerr
		}
		if i == 0 {
			err = nerr // what keeps us from the leader says the most
		}
	}
	return nil, err
}

// session is a connection to one of the shard's nodes.
type session struct {
	*link
	c    *wire.Conn
	node Node
	has  map[string]uint64 // the records that the node had at the last exchange
}

// reach connects to a node, and exchanges views with it.
func (l *link) reach(ctx context.Context, n Node) (*session, error) {
	c, err := dial(ctx, &l.p.cfg, n.URL)
	if err != nil {
		return nil, err
	}
	s := &session{link: l, c: c, node: n}
	s.has, err = exchange(ctx, &l.p.cfg, c, nil)
	if err == nil { // it is known what the node lacks
		err = s.exchange(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

// exchange has the two nodes tell each other what has changed.
func (s *session) exchange(ctx context.Context) (err error) {
	if s.has, err = exchange(ctx, &s.p.cfg, s.c, s.has); err == nil {
		s.up(s.c, s.node.ID)
	}
	return err
}

// hold exchanges views until the connection fails. Once another node is known to lead the
// connection is made to that one.
func (s *session) hold(ctx context.Context) error {
	defer func() { s.c.Close() }()
	tick := time.NewTicker(s.p.cfg.Every)
	defer tick.Stop()
	tried, last := "", time.Time{} // which leader was tried last that could not be reached
	for {
		select {
		case <-tick.C:
		case <-s.wake:
			if !sleep(ctx, tellGap) {
				return ctx.Err()
			}
		case <-s.c.Gone:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.exchange(ctx); err != nil {
			return err
		}
		nodes := s.candidates()
		if len(nodes) == 0 || !nodes[0].Leads || nodes[0].at(s.node) || nodes[0].ID == tried && time.Since(last) < retryMost {
			continue
		}
		tried, last = nodes[0].ID, time.Now()
		if next, err := s.reach(ctx, nodes[0]); err == nil {
			s.c.Close()
			*s = *next
		}
	}
}
