package respd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

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
	ep       int
	event    int // eventfd that wakes the loop
	conns    map[int32]*conn
	views    views
	ready    []*conn // to be served this round
	submit   []*conn
	gather   gather
	patience time.Duration  // until what is in submit is proposed
	behind   sync.WaitGroup // goroutines of slow commands
	held     []*conn        // by CLIENT PAUSE
	draining bool           // nothing more is read

	sleeping atomic.Bool
	mu       sync.Mutex
	fresh    []*conn // accepted; mu
	back     []*conn // from the writer and slow commands; mu
	poked    []*conn // to be looked at: killed; mu
	closed   bool    // mu
}

// link is what the loop keeps with each connection. Only the loop uses it.
type link struct {
	fd       int
	owned    bool // by somebody else: the writer, or a slow command
	readable bool // there may be more to read
	writable bool // the last write took all
	hup      bool // the end of the input has been announced
	eof      bool // the end of the input has been read
	again    bool // there is input to be served as soon as replies are sent
	held     bool // by CLIENT PAUSE, in loop.held
	dead     bool // closed
	queued   bool // in ready
	proposed bool // with the writer
	sent     int  // of conn.out
}

// maxEvents is how many ready connections one round takes.
const maxEvents = 512

func newTransport(s *Server) (transport, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	event, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(ep)
		return nil, err
	}
	l := &loop{srv: s, ep: ep, event: event, conns: make(map[int32]*conn)}
	l.views = views{state: s.cfg.State, clock: s.cfg.Clock}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(event)}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, event, &ev); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// add takes over an accepted connection. The loop owns the descriptor from
// here on; nc is closed.
func (l *loop) add(c *conn, nc *net.TCPConn) error {
	_ = nc.SetNoDelay(true)
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
	c.link.fd = fd
	c.sess.FD = fd
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

// done takes a connection back from the writer or from a slow command.
func (l *loop) done(c *conn) {
	l.mu.Lock()
	l.back = append(l.back, c)
	l.mu.Unlock()
	l.wake()
}

// poke makes the loop look at a connection that was killed.
func (l *loop) poke(c *conn) {
	l.mu.Lock()
	l.poked = append(l.poked, c)
	l.mu.Unlock()
	l.wake()
}

// wake ends the loop's sleep, if it sleeps. By the time it has seen that, the
// loop may have woken by itself and been closed.
func (l *loop) wake() {
	if !l.sleeping.CompareAndSwap(true, false) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.event >= 0 {
		one := [8]byte{7: 1}
		_, _ = unix.Write(l.event, one[:])
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
		err = l.round(events, ctx)
	}
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err == nil {
		err = l.drain(end, events)
	}
	return errors.Join(err, l.leave(end))
}

// round waits for something to do and does it.
func (l *loop) round(events []unix.EpollEvent, ctx context.Context) error {
	n, err := l.wait(events, ctx)
	if err != nil {
		return err
	}
	for _, ev := range events[:n] {
		l.notice(ev)
	}
	l.take()
	l.releaseHeld()
	began := time.Now()
	for _, c := range l.ready {
		l.receive(c)
	}
	for i := 0; i < len(l.ready); i++ {
		l.serve(l.ready[i])
	}
	l.views.close()
	if l.overdue(began) {
		l.propose()
	}
	for _, c := range l.ready {
		c.link.queued = false
		if !c.link.owned && !c.link.dead {
			l.send(c)
		}
	}
	if len(l.ready) > 0 {
		l.gather.worked()
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
		if !k.owned && !k.dead && !k.held && k.writable && (k.readable && !l.draining || k.again) {
			k.queued = true
			keep = append(keep, c)
		}
	}
	clear(cs[len(keep):])
	return keep
}

// wait returns the descriptors that are ready. It sleeps only when there is
// nothing else to do.
func (l *loop) wait(events []unix.EpollEvent, ctx context.Context) (int, error) {
	n, err := epollNow(l.ep, events)
	if n != 0 || err != nil || len(l.ready) > 0 {
		return n, err
	}
	if l.patience = l.gathering(); l.patience == 0 {
		if l.propose(); len(l.ready) > 0 { // they were refused
			return 0, nil
		}
	}
	if l.gather.inFlight > 0 || l.patience > 0 {
		if n, err := l.linger(events); n != 0 || err != nil {
			return max(n, 0), err
		}
	}
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	if l.called() || ctx.Err() != nil {
		return 0, nil
	}
	return epollSleep(l.ep, events, l.nap())
}

// called reports whether others have left something for the loop.
func (l *loop) called() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.fresh)+len(l.back)+len(l.poked) > 0
}

// lingering is how long the loop stays awake for a group that is under way or
// gathering. Where appends are not synced it is back by then, and the loop, the
// writer and the broker take turns on one thread: each thread that goes to
// sleep and is woken instead costs more than the work of a few requests (0.5
// against 1.0 of Redis with 50 clients, interval).
const lingering = 200 * time.Microsecond

// linger lets the other goroutines run, without going to sleep, until there is
// something to do. A negative number is something, but no events.
func (l *loop) linger(events []unix.EpollEvent) (int, error) {
	for began := time.Now(); time.Since(began) < lingering; {
		runtime.Gosched()
		if n, err := epollNow(l.ep, events); n != 0 || err != nil {
			return n, err
		}
		if l.called() {
			return -1, nil
		}
		if l.patience > 0 {
			if l.patience = l.gathering(); l.patience == 0 {
				l.propose()
				return -1, nil
			}
		}
	}
	return 0, nil
}

// nap returns how long the loop may sleep; negative is until something comes.
func (l *loop) nap() time.Duration {
	switch {
	case l.patience > 0:
		return l.patience
	case len(l.held) > 0:
		return 10 * time.Millisecond // CLIENT PAUSE may end any moment
	}
	return -1
}

// epollSleep waits for events, to the microsecond.
func epollSleep(ep int, events []unix.EpollEvent, d time.Duration) (int, error) {
	var ts *unix.Timespec
	if d >= 0 {
		t := unix.NsecToTimespec(d.Nanoseconds())
		ts = &t
	}
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(ts)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	case unix.ENOSYS: // before Linux 5.11
		ms := -1
		if d >= 0 {
			ms = int((d + time.Millisecond - 1) / time.Millisecond)
		}
		n, err := unix.EpollWait(ep, events, ms)
		if errors.Is(err, unix.EINTR) {
			return 0, nil
		}
		return n, err
	}
	return 0, errno
}

// epollNow asks without waiting, and without telling the scheduler.
func epollNow(ep int, events []unix.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		if errno == unix.EINTR {
			return 0, nil
		}
		return 0, errno
	}
	return int(n), nil
}

// overdue reports whether those at hand have waited long enough.
func (l *loop) overdue(now time.Time) bool {
	return l.gather.overdue(len(l.submit), now, l.srv.cfg.Writer.AppendTime())
}

// gathering returns how much longer to wait for more writers before those at
// hand are proposed; 0 is no longer.
func (l *loop) gathering() time.Duration {
	if len(l.submit) == 0 {
		return 0
	}
	return l.gather.wait(len(l.submit), l.srv.cfg.Writer.AppendTime())
}

// notice takes one event to its connection.
func (l *loop) notice(ev unix.EpollEvent) {
	if int(ev.Fd) == l.event {
		var b [8]byte
		_, _ = unix.Read(l.event, b[:])
		return
	}
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
	fresh, back, poked := l.fresh, l.back, l.poked
	l.fresh, l.back, l.poked = nil, nil, nil
	l.mu.Unlock()
	for _, c := range fresh {
		l.register(c)
	}
	for _, c := range back {
		c.link.owned = false
		if c.link.proposed {
			c.link.proposed = false
			l.gather.back(1)
		}
		l.enlist(c)
	}
	for _, c := range poked {
		l.enlist(c)
	}
}

func (l *loop) register(c *conn) {
	k := &c.link
	k.readable, k.writable = true, true
	l.conns[int32(k.fd)] = c
	ev := unix.EpollEvent{Fd: int32(k.fd),
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff}
	if err := unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, k.fd, &ev); err != nil {
		c.failure = err
		l.shut(c)
		return
	}
	l.enlist(c)
}

// receive reads what has arrived, up to a bound. Events are edges: until a
// read comes back short there may be more. Once the end has been announced, it
// is read too: there will be no other edge for it.
func (l *loop) receive(c *conn) {
	k := &c.link
	if k.owned || k.dead || !k.readable || c.unsent() > 0 || c.sess.Quit || l.draining {
		return
	}
	c.compact()
	for most := c.mayReceive(); len(c.in) < most; {
		c.makeRoom()
		free := c.in[len(c.in):cap(c.in)]
		n, err := readNow(k.fd, free)
		if err == unix.EAGAIN {
			k.readable = false
			break
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			k.eof, k.readable = true, false
			c.failure = err
			break
		}
		c.in = c.in[:len(c.in)+n]
		c.traffic[0].Add(int64(n))
		c.srv.stats.NetIn.Add(int64(n))
		if n < len(free) && !k.hup {
			k.readable = false
			break
		}
	}
	c.inLen.Store(int64(len(c.in)))
}

func readNow(fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func writeNow(fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// serve runs a connection's commands as far as they go.
func (l *loop) serve(c *conn) {
	k := &c.link
	if k.owned || k.dead {
		return
	}
	if c.killed.Load() {
		l.shut(c)
		return
	}
	if k.held {
		return
	}
	if k.sent > 0 || c.unsent() >= stepOutput { // these first, or they pile up
		l.send(c)
	}
	if k.dead || !k.writable && c.unsent() > 0 {
		return
	}
	k.again = false
	what := c.serve(&l.views)
	if c.killed.Load() { // its replies grew too long
		l.shut(c)
		return
	}
	switch what {
	case propose:
		k.owned = true
		l.submit = append(l.submit, c)
	case beside:
		k.owned = true
		l.behind.Go(c.runBeside)
	case held:
		l.hold(c)
	case flush:
		k.again = true
	case idle:
		if k.eof {
			c.sess.Quit = true
		}
		if n := len(c.in) - c.at; n > c.srv.cfg.MaxInput+stepOutput {
			c.srv.cfg.Logger.Warn("client closed: one command is longer than the query buffer may be",
				"client", c.sess.Addr, "bytes", n)
			l.shut(c)
		}
		c.slim()
	}
}

// propose hands the round's writers to the writer, all at once.
func (l *loop) propose() {
	if len(l.submit) == 0 {
		return
	}
	if err := l.srv.cfg.Writer.Submit(proposals(l.submit)...); err != nil {
		for _, c := range l.submit {
			c.link.owned, c.link.again = false, true
			c.turnAway(misconf(err))
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

// send writes what the socket takes of the replies, and closes the connection
// once the last has gone.
func (l *loop) send(c *conn) {
	k := &c.link
	for k.writable && c.unsent() > 0 {
		n, err := writeNow(k.fd, c.out[k.sent:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			k.writable = false
		case err != nil:
			c.failure = err
			l.shut(c)
			return
		default:
			k.sent += n
			c.traffic[1].Add(int64(n))
			c.srv.stats.NetOut.Add(int64(n))
		}
	}
	if c.unsent() == 0 {
		c.out = c.out[:0]
		k.sent = 0
		if cap(c.out) > keepBuffer {
			c.out = nil
		}
		if c.sess.Quit {
			l.shut(c)
			return
		}
	}
	c.outLen.Store(int64(c.unsent()))
	if c.unsent() > c.srv.cfg.MaxOutput {
		c.srv.cfg.Logger.Warn("client closed: it does not read its replies",
			"client", c.sess.Addr, "bytes", c.unsent())
		l.shut(c)
	}
}

// shut closes a connection. Only the end of the loop closes one that somebody
// else owns.
func (l *loop) shut(c *conn) {
	k := &c.link
	if k.dead {
		return
	}
	k.dead = true
	delete(l.conns, int32(k.fd))
	unix.Close(k.fd) // leaves the epoll set by itself
	if k.owned {
		c.srv.remove(c) // the session is its owner's
		return
	}
	c.srv.forget(c)
}

// hold puts a connection aside until CLIENT PAUSE is over. One whose client
// has gone meanwhile is closed: what was held back is not run for nobody.
func (l *loop) hold(c *conn) {
	if c.link.hup || c.link.eof {
		l.shut(c)
		return
	}
	c.link.held = true
	l.held = append(l.held, c)
}

// releaseHeld has the connections looked at again that CLIENT PAUSE holds.
func (l *loop) releaseHeld() {
	waiting := l.held
	l.held = nil
	for _, c := range waiting {
		c.link.held = false
		l.enlist(c)
	}
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
		if err := l.round(events, end); err != nil {
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
		if !k.owned && !k.queued && !k.held && c.unsent() == 0 {
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
		c.killed.Store(true)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ep < 0 {
		return nil
	}
	err := errors.Join(unix.Close(l.event), unix.Close(l.ep))
	l.event, l.ep = -1, -1
	return err
}
