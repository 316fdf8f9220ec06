//go:build !threads

package respd

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ledge/respd/client"
)

// # The event loop
//
// One goroutine serves all clients. In a round it collects the descriptors that are
// ready, reads what has arrived on each, runs it as far as it goes, hands whatever
// writes to the Writer in one Submit, and sends the replies. Compared with a goroutine
// for each connection this saves the scheduler's part of each small read and write,
// which is most of what a server like this does.
//
// What wakes it. The loop sleeps in the runtime's poller, which watches the loop's
// epoll set (poller_linux.go). A descriptor that becomes ready wakes it, and so does
// anybody who has left something for it (loop_inbox_linux.go): a connection that the
// Writer or a slow command is done with (back), one whose client waits for a key
// (parking), one that was killed or has messages (poked), one that was accepted
// (fresh). Whoever adds to one of these lists calls wake after that, which does nothing
// unless the loop sleeps. The loop says that it is about to sleep (sleeping) before it
// looks at the lists for the last time: so either the loop sees what was left, or the
// other sees that the loop sleeps. While commands are held back or parked, or clients take
// none of their replies, the sleep has an end; while writers gather it is a nap of
// microseconds.
//
// Who owns a connection. Apart from link, and from what is atomic or has a lock, a
// connection is touched by one owner at a time:
//   - the loop, while link.owned is false;
//   - the Writer, from Submit until Back;
//   - a goroutine in beside, from its start until Back;
//   - while its client waits for a key, from Park until Back, whoever holds the lock of
//     the Waiter: the Writer to serve it, the loop to send what was answered before
//     (attend), and whoever ends the wait.
//
// link is always the loop's: events of a connection that others own are noted there
// and acted on when it is back. Only the end of the loop closes the descriptor of a
// connection that it doesn't own.
//
// What always holds:
//   - A connection is in ready at most once (link.queued). Once it is dead it is
//     neither there nor in conns, and its descriptor has been closed, once, by shut.
//   - Events are edges. link.readable and link.writable keep them until a read or a
//     write has come back short.
//   - The round's View is closed before the loop sleeps or runs a command that may
//     wait: an open View keeps batches from being applied.
//   - A reply is sent only once everything before it in the pipeline is settled: until
//     then the connection is the Writer's.
//   - What one client makes the loop do in a round is bounded (MayReceive, StepOutput),
//     and so is what it makes it hold (goesOn, MaxOutput, the bounds of its mailbox).
//
// When the writers of a round go to the Writer is decided by gather (gather.go).
//
// What was tried first, with 50 clients on two processors and writes that are synced
// always, as a share of redis-server's rate:
//   - A sleep in epoll_wait, in a system call of the loop's own: the loop kept its
//     processor from the goroutine whose fsync had just returned until the runtime's
//     monitor took it away, and staying awake for 200 µs before that took a processor
//     from the clients. SET 0.80, and 0.93 in the runtime's poller; INCR 0.62 and
//     0.80; a SET took 29 µs of processor time, and 22.
//   - Spinning while a group gathers (0.74), sleeping in slices of 50 µs (0.86),
//     proposing the waiting half before the replies of the other half are sent (0.78),
//     two threads (0.76), a processor that the loop keeps while it sleeps (0.04, since
//     other goroutines stall for 10 ms at a time).
//   - Proposing each writer as it comes (0.5).
//   - A loop of its own for TLS would have been a second one to keep equal; a tunnel
//     (secure.go) makes a client with TLS one like any other.

// loop is one epoll loop for all connections. Its fields belong to its goroutine, but
// for sleeping and those under mu.
type loop struct {
	srv      *Server
	poll     *poller
	conns    map[int32]*conn
	views    client.Views
	ready    []*conn // to be served this round
	submit   []*conn // writers that wait for a group; their owned is set
	gather   gather
	beside   sync.WaitGroup // goroutines of slow commands
	held     []*conn        // by CLIENT PAUSE, or until there is room
	parked   parked         // until slots have moved
	stalled  []*conn        // not served for what their clients don't take
	draining bool           // nothing more is read

	sleeping atomic.Bool
	mu       sync.Mutex
	fresh    []*conn   // accepted; mu
	back     []*conn   // from the writer and slow commands; mu
	poked    []*conn   // to be looked at: killed, or with messages; mu
	parking  []parking // their clients wait for a key; mu
	turns    []func()  // to be called in the next round; mu
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
		views: client.NewViews(s.shared), gather: gather{off: s.cfg.Ungathered}}, nil
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
	l.parked.release(l)
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
	l.srv.relieve()
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
	if err := l.poll.arm(l.mostSleep()); err != nil {
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
	if l.parked.over(l.srv) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.fresh)+len(l.back)+len(l.poked)+len(l.parking)+len(l.turns) > 0 ||
		len(l.submit) > 0 && (l.srv.scripts.Busy() != nil || l.srv.cfg.Writer.Health().InDoubt())
}

// mostSleep returns how long the loop may sleep; negative is until something comes.
func (l *loop) mostSleep() time.Duration {
	if len(l.held) > 0 || len(l.parked.conns) > 0 {
		return 10 * time.Millisecond // what they wait for may end any moment
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

// close gives up the loop's descriptors.
func (l *loop) close() error {
	err := l.poll.close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
