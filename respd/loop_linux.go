//go:build !threads

package respd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"ledge/replay"
	"ledge/respd/client"

	"golang.org/x/sys/unix"
)

// loop is one epoll loop for all connections. In a round it reads whatever is
// ready, answers what only reads from one View, submits the rest to the writer
// in one go, and sends the replies.
//
// Compared with a goroutine per connection this saves the scheduler's part of
// each small read and write, which is most of what a server like this does.
type loop struct {
	srv      *Server
	poll     *poller
	conns    map[int32]*conn
	views    client.Views
	ready    []*conn // to be served this round
	submit   []*conn
	gather   gather
	behind   sync.WaitGroup // goroutines of slow commands
	held     []*conn        // by CLIENT PAUSE
	stalled  []*conn        // not served for what their clients don't take
	draining bool           // nothing more is read

	sleeping atomic.Bool
	mu       sync.Mutex
	fresh    []*conn   // accepted; mu
	back     []*conn   // from the writer and slow commands; mu
	poked    []*conn   // to be looked at: killed, or with messages; mu
	parking  []parking // their clients wait for a key; mu
	closed   bool      // mu
}

// maxEvents is how many ready connections one round takes.
const maxEvents = 512

func newTransport(s *Server) (transport, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	return &loop{srv: s, poll: p, conns: make(map[int32]*conn),
		views: client.NewViews(s.shared)}, nil
}

// add takes over a connection. The loop owns the descriptor from here on; nc
// is closed.
func (l *loop) add(c *conn, nc socket) error {
	raw, err := nc.SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	if cerr := raw.Control(func(f uintptr) {
		fd, err = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 0)
	}); cerr != nil || err != nil {
		return errors.Join(cerr, err)
	}
	nc.Close()
	c.link.loop, c.link.fd = l, fd
	c.Session().FD = fd
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.srv.remember(c) // from here on it can be poked, and is taken before that
		l.fresh = append(l.fresh, c)
	}
	l.mu.Unlock()
	if closed {
		unix.Close(fd)
		return net.ErrClosed
	}
	l.wake()
	return nil
}

// parking is a client that has begun to wait for a key.
type parking struct {
	c *conn
	w *client.Waiter
}

// Back takes a connection back from the writer or from a slow command.
func (c *conn) Back() {
	l := c.link.loop
	l.mu.Lock()
	l.back = append(l.back, c)
	l.mu.Unlock()
	l.wake()
}

// Park leaves a connection alone until Back, but for sending what has been
// answered and for seeing it go.
func (c *conn) Park(w *client.Waiter) {
	l := c.link.loop
	l.mu.Lock()
	l.parking = append(l.parking, parking{c, w})
	l.mu.Unlock()
	l.wake()
}

// Poke makes the loop look at a connection that was killed or has messages.
func (c *conn) Poke() {
	l := c.link.loop
	l.mu.Lock()
	l.poked = append(l.poked, c)
	l.mu.Unlock()
	l.wake()
}

// nudge makes the loop look at the writers that wait for a group.
func (l *loop) nudge() { l.wake() }

// turnAway answers the writers that wait for a group if a script takes long:
// they would wait until it ends.
func (l *loop) turnAway() {
	err := l.srv.scripts.Busy()
	if err == nil {
		return
	}
	for _, c := range l.submit {
		c.link.owned, c.link.again = false, true
		c.TurnAway(err)
		l.enlist(c)
	}
	clear(l.submit)
	l.submit = l.submit[:0]
}

// wake ends the loop's sleep, if it sleeps.
func (l *loop) wake() {
	if l.sleeping.CompareAndSwap(true, false) {
		l.poll.wake()
	}
}

// run serves until ctx ends, then drains: what clients have sent so far is
// answered, and every connection is closed.
func (l *loop) run(ctx context.Context, grace time.Duration) error {
	stop := context.AfterFunc(ctx, l.wake)
	defer stop()
	events := make([]unix.EpollEvent, maxEvents)
	var err error
	for err == nil && ctx.Err() == nil {
		err = l.round(ctx, events)
	}
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err == nil {
		err = l.drain(end, events)
	}
	return errors.Join(err, l.leave(end))
}

// round waits for something to do and does it.
func (l *loop) round(ctx context.Context, events []unix.EpollEvent) error {
	n, err := l.wait(ctx, events)
	if err != nil {
		return err
	}
	for _, ev := range events[:n] {
		l.notice(ev)
	}
	l.take()
	l.turnAway()
	if len(l.submit) > 0 && l.srv.cfg.Writer.Health().InDoubt() {
		l.propose() // the group that they wait for may be long; the writer refuses them
	}
	l.releaseHeld()
	if len(l.stalled) > 0 {
		l.releaseStalled()
	}
	began, waiting := time.Now(), len(l.submit)
	for _, c := range l.ready {
		l.receive(c)
	}
	for i := 0; i < len(l.ready); i++ {
		l.serve(l.ready[i])
	}
	l.views.Close()
	arrived := len(l.submit) - waiting
	if l.gather.overdue(len(l.submit), began, l.srv.cfg.Writer.AppendTime()) {
		l.propose()
	}
	for _, c := range l.ready {
		c.link.queued = false
		if !c.link.owned && !c.link.dead {
			l.send(c)
		}
	}
	if len(l.ready) > 0 {
		l.gather.worked(arrived)
	}
	again := l.ready
	l.ready = nil
	l.ready = l.unfinished(again)
	return nil
}

// unfinished keeps the connections that have more to do at once.
func (l *loop) unfinished(cs []*conn) []*conn {
	keep := cs[:0]
	for _, c := range cs {
		k := &c.link
		if k.owned || k.dead || k.held {
			continue
		}
		more := k.readable && !l.draining || k.again
		if more && !c.goesOn() {
			l.stall(c)
			continue
		}
		if !more && !(k.mailed && k.writable) {
			continue
		}
		k.queued = true
		keep = append(keep, c)
	}
	clear(cs[len(keep):])
	return keep
}

// wait returns the descriptors that are ready. It sleeps only when there is
// nothing else to do.
func (l *loop) wait(ctx context.Context, events []unix.EpollEvent) (int, error) {
	n, err := l.poll.ready(events)
	if n != 0 || err != nil || len(l.ready) > 0 {
		return n, err
	}
	if len(l.submit) > 0 {
		patience := l.gather.wait(len(l.submit), l.srv.cfg.Writer.AppendTime())
		if patience > 0 && !l.called() {
			return l.poll.nap(events, patience)
		}
		if patience == 0 {
			if l.propose(); len(l.ready) > 0 { // they were refused
				return 0, nil
			}
		}
	}
	if err := l.poll.arm(l.rest()); err != nil {
		return 0, err
	}
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	if l.called() || ctx.Err() != nil {
		return 0, nil
	}
	return l.poll.sleep(events)
}

// called reports whether others have left something for the loop.
func (l *loop) called() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.fresh)+len(l.back)+len(l.poked)+len(l.parking) > 0 ||
		len(l.submit) > 0 && (l.srv.scripts.Busy() != nil || l.srv.cfg.Writer.Health().InDoubt())
}

// rest returns how long the loop may sleep; negative is until something comes.
func (l *loop) rest() time.Duration {
	if len(l.held) > 0 {
		return 10 * time.Millisecond // CLIENT PAUSE may end any moment
	}
	if len(l.stalled) > 0 {
		return l.restStalled()
	}
	return -1
}

// notice takes one event to its connection.
func (l *loop) notice(ev unix.EpollEvent) {
	c := l.conns[ev.Fd]
	if c == nil {
		return
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.link.readable = true
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.link.hup = true
	}
	if ev.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.link.gone = true
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		c.link.writable = true
	}
	l.enlist(c)
}

// enlist puts a connection into this round.
func (l *loop) enlist(c *conn) {
	if !c.link.queued && !c.link.dead {
		c.link.queued = true
		l.ready = append(l.ready, c)
	}
}

// take adopts new connections and those that others are done with.
func (l *loop) take() {
	l.mu.Lock()
	fresh, back, poked, parking := l.fresh, l.back, l.poked, l.parking
	l.fresh, l.back, l.poked, l.parking = nil, nil, nil, nil
	l.mu.Unlock()
	for _, c := range fresh {
		l.register(c)
	}
	landed := 0
	land := func(c *conn) {
		if c.link.proposed {
			c.link.proposed = false
			landed++
		}
		l.enlist(c)
	}
	for _, p := range parking {
		p.c.link.parked = p.w
		land(p.c)
	}
	for _, c := range back {
		c.link.owned, c.link.parked = false, nil
		land(c)
	}
	l.gather.back(landed, len(l.submit))
	for _, c := range poked {
		l.enlist(c)
	}
}

func (l *loop) register(c *conn) {
	k := &c.link
	k.readable, k.writable = true, true
	l.conns[int32(k.fd)] = c
	if err := l.poll.add(k.fd); err != nil {
		l.srv.log.Add(slog.LevelWarn, "client closed: it can't be watched", "client", c.Session().Addr, "cause", err)
		l.shut(c)
		return
	}
	l.enlist(c)
}

// propose hands the round's writers to the writer, all at once.
func (l *loop) propose() {
	if len(l.submit) == 0 {
		return
	}
	if err := l.srv.cfg.Writer.Submit(proposals(l.submit)...); err != nil {
		for _, c := range l.submit {
			c.link.owned, c.link.again = false, true
			c.Refuse(err)
			l.enlist(c)
		}
	}
	sent := 0
	for _, c := range l.submit {
		if c.link.owned {
			c.link.proposed = true
			sent++
		}
	}
	l.gather.proposed(sent)
	clear(l.submit)
	l.submit = l.submit[:0]
}

// proposals are connections as the writer sees them.
func proposals(cs []*conn) []replay.Proposal {
	ps := make([]replay.Proposal, len(cs))
	for i, c := range cs {
		ps[i] = &c.Conn
	}
	return ps
}

// drain serves what has arrived until everything has been answered or end is
// over.
func (l *loop) drain(end context.Context, events []unix.EpollEvent) error {
	stop := context.AfterFunc(end, l.wake)
	defer stop()
	l.srv.Pause(time.Time{}, false)
	for _, c := range l.conns { // what has come by now is still taken
		c.link.readable = true
		l.enlist(c)
	}
	for end.Err() == nil && len(l.conns) > 0 {
		if err := l.round(end, events); err != nil {
			return err
		}
		l.draining = true
		l.finish()
	}
	return nil
}

// finish closes every connection that has nothing under way.
func (l *loop) finish() {
	for _, c := range l.conns {
		k := &c.link
		if k.parked != nil {
			c.Doom()
			l.attend(c)
			continue
		}
		c.Release()
		if !k.owned && !k.queued && !k.held && c.Unsent() == 0 && !c.Streaming() && !c.HasMail() {
			l.shut(c)
		}
	}
}

// leave closes all connections that are left and waits for the goroutines of
// slow commands, no longer than until end.
func (l *loop) leave(end context.Context) error {
	var err error
	if n := len(l.conns); n > 0 {
		err = fmt.Errorf("%d clients were cut off: their last replies did not go out in time", n)
	}
	for _, c := range l.conns {
		c.Doom()
		l.shut(c)
	}
	l.mu.Lock()
	l.closed = true
	fresh := l.fresh
	l.fresh = nil
	l.mu.Unlock()
	for _, c := range fresh {
		unix.Close(c.link.fd)
		l.srv.forget(c)
	}
	idle := make(chan struct{})
	go func() { l.behind.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-end.Done():
	}
	return err
}

// close gives up the loop's descriptors.
func (l *loop) close() error {
	err := l.poll.close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
