package respd

import (
	"context"
	"errors"
	"net"
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
	eof      bool // the client will send no more
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

// wake ends the loop's sleep, if it sleeps.
func (l *loop) wake() {
	if l.sleeping.CompareAndSwap(true, false) {
		one := [8]byte{7: 1}
		_, _ = unix.Write(l.event, one[:])
	}
}

// run serves until ctx ends, then drains: what clients have sent so far is
// answered, and every connection is closed.
func (l *loop) run(ctx context.Context, grace time.Duration) error {
	defer l.behind.Wait()
	stop := context.AfterFunc(ctx, l.wake)
	defer stop()
	events := make([]unix.EpollEvent, maxEvents)
	for ctx.Err() == nil {
		if err := l.round(events, ctx); err != nil {
			return err
		}
	}
	return l.drain(events, grace)
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
	if l.eager() {
		l.propose()
	}
	for _, c := range l.ready {
		c.link.queued = false
		if !c.link.owned && !c.link.dead {
			l.send(c)
		}
	}
	l.gather.worked(len(l.ready), time.Since(began))
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
		if !k.owned && !k.dead && k.writable && (k.readable || c.cmd.ok && !l.isHeld(c)) {
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
		l.propose()
	}
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	l.mu.Lock()
	busy := len(l.fresh)+len(l.back)+len(l.poked) > 0
	l.mu.Unlock()
	if busy || ctx.Err() != nil {
		return 0, nil
	}
	return epollSleep(l.ep, events, l.nap())
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

// eager reports whether writers are proposed as they come.
func (l *loop) eager() bool { return l.gather.eager(l.srv.cfg.Writer.AppendTime()) }

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
// read comes back short there may be more.
func (l *loop) receive(c *conn) {
	k := &c.link
	if k.owned || k.dead || !k.readable || c.unsent() > 0 || c.sess.Quit {
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
		if n < len(free) {
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
	if !k.writable && c.unsent() > 0 || l.isHeld(c) {
		return
	}
	switch c.serve(&l.views) {
	case propose:
		k.owned = true
		l.submit = append(l.submit, c)
	case beside:
		k.owned = true
		l.behind.Go(c.runBeside)
	case held:
		l.held = append(l.held, c)
	case flush:
		k.readable = true // come again after sending
	case idle:
		if k.eof {
			c.sess.Quit = true
		}
		if len(c.in) > c.srv.cfg.MaxInput+stepOutput {
			c.srv.cfg.Logger.Warn("client closed: one command is longer than the query buffer may be",
				"client", c.sess.Addr, "bytes", len(c.in))
			l.shut(c)
		}
	}
}

// propose hands the round's writers to the writer, all at once.
func (l *loop) propose() {
	if len(l.submit) == 0 {
		return
	}
	if err := l.srv.cfg.Writer.Submit(proposals(l.submit)...); err != nil {
		for _, c := range l.submit {
			c.link.owned = false
			c.turnAway(err)
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

// shut closes a connection that nobody else owns.
func (l *loop) shut(c *conn) {
	k := &c.link
	if k.dead {
		return
	}
	k.dead = true
	l.unhold(c)
	delete(l.conns, int32(k.fd))
	unix.Close(k.fd) // leaves the epoll set by itself
	c.srv.forget(c)
}

// releaseHeld lets commands go that CLIENT PAUSE held back.
func (l *loop) releaseHeld() {
	if len(l.held) == 0 {
		return
	}
	waiting := l.held
	l.held = nil
	for _, c := range waiting {
		l.enlist(c)
	}
}

func (l *loop) isHeld(c *conn) bool {
	for _, h := range l.held {
		if h == c {
			return true
		}
	}
	return false
}

func (l *loop) unhold(c *conn) {
	for i, h := range l.held {
		if h == c {
			l.held = append(l.held[:i], l.held[i+1:]...)
			return
		}
	}
}

// drain serves what has arrived until everything has been answered or the
// grace is over, and closes all connections.
func (l *loop) drain(events []unix.EpollEvent, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	stop := context.AfterFunc(ctx, l.wake)
	defer stop()
	l.srv.Pause(time.Time{}, false)
	for ctx.Err() == nil && l.finish() > 0 {
		if err := l.round(events, ctx); err != nil {
			return err
		}
	}
	var err error
	if n := len(l.conns); n > 0 {
		err = errors.New("clients were cut off: they did not take their last replies in time")
		for _, c := range l.conns {
			l.shut(c)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.fresh {
		unix.Close(c.link.fd)
		c.srv.forget(c)
	}
	return err
}

// finish closes every connection that has nothing under way and returns how
// many are left.
func (l *loop) finish() int {
	for _, c := range l.conns {
		k := &c.link
		if !k.owned && !k.queued && c.unsent() == 0 {
			l.shut(c)
		}
	}
	return len(l.conns)
}

// close gives up the loop's descriptors.
func (l *loop) close() error {
	return errors.Join(unix.Close(l.event), unix.Close(l.ep))
}
