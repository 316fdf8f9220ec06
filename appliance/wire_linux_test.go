package appliance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"
)

// wire joins network namespaces: 0 is the leader's, the others a replica's each.
// Every namespace has a TUN device, and the test carries the packets between
// them, so it can drop, delay or throttle them and see what they carry. The
// kernel's own netem would do that for the packets alone, and isn't in each
// kernel.
type wire struct {
	t     *testing.T
	ends  []*end
	moved sync.WaitGroup
	over  chan struct{} // closed when the test ends

	mu    sync.Mutex
	rules rules                         // mu
	watch func(replica int, pkt []byte) // mu; called with what a replica sends, before it goes on
}

// rules is what becomes of packets.
type rules struct {
	dropTo, dropFrom bool          // to, from the leader
	loss             float64       // either way
	delay            time.Duration // from the leader
	rate             int           // bytes in a second from the leader; 0 is no bound
}

// end is one end of the wire.
type end struct {
	ns  string
	ip  string
	tun *os.File
	out chan packet
}

type packet struct {
	due time.Time
	b   []byte
}

// wireRoom is for how many packets there is room on the way to an end. What
// comes then is lost, as in a router.
const wireRoom = 1024

// wires counts the wires of this process, so that several can stand at a time.
var wires atomic.Int64

// newWire makes namespaces and joins them, or skips the test where it may not.
func newWire(t *testing.T, replicas int) *wire {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	w := &wire{t: t, over: make(chan struct{})}
	t.Cleanup(w.close)
	name := fmt.Sprintf("%d-%d", os.Getpid(), wires.Add(1))
	for i := range replicas + 1 {
		e := &end{ns: fmt.Sprintf("ledge-%s-%d", name, i), ip: fmt.Sprintf("10.213.77.%d", i+1),
			out: make(chan packet, wireRoom)}
		if err := e.open(fmt.Sprintf("lg%s-%d", name, i)); err != nil {
			e.remove()
			t.Skipf("there can be no network namespaces with TUN devices here: %v", err)
		}
		w.ends = append(w.ends, e)
	}
	for i, e := range w.ends {
		w.moved.Go(func() { w.read(i) })
		w.moved.Go(func() { w.deliver(e, i > 0) })
	}
	return w
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// open makes the namespace and the device in it.
func (e *end) open(device string) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/net/tun: %w", err)
	}
	ifr, err := unix.NewIfreq(device)
	if err == nil {
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	e.tun = os.NewFile(uintptr(fd), device)
	for _, args := range [][]string{
		{"netns", "add", e.ns}, {"link", "set", device, "netns", e.ns},
		{"-n", e.ns, "addr", "add", e.ip + "/24", "dev", device},
		{"-n", e.ns, "link", "set", device, "up"}, {"-n", e.ns, "link", "set", "lo", "up"},
	} {
		if err == nil {
			err = ip(args...)
		}
	}
	return err
}

// remove takes away what open has made; the device goes with its file.
func (e *end) remove() {
	if e.tun != nil {
		e.tun.Close()
	}
	_ = ip("netns", "del", e.ns) // it may not have been made
}

func (w *wire) close() {
	close(w.over)
	for _, e := range w.ends {
		e.remove()
	}
	w.moved.Wait()
}

// set puts other rules in place.
func (w *wire) set(r rules) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules = r
}

// watched has fn see what replicas send from now on. What it sees goes on when
// it returns.
func (w *wire) watched(fn func(replica int, pkt []byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch = fn
}

// read takes what comes from an end and puts it on its way.
func (w *wire) read(from int) {
	buf := make([]byte, 1<<16)
	for {
		n, err := w.ends[from].tun.Read(buf)
		if err != nil {
			return // the end is closed
		}
		if n < 20 || buf[0]>>4 != 4 {
			continue
		}
		to := int(buf[19]) - 1
		w.mu.Lock()
		watch := w.watch
		w.mu.Unlock()
		if watch != nil && from > 0 {
			watch(from, buf[:n])
		}
		w.mu.Lock()
		r := w.rules
		w.mu.Unlock()
		if to < 0 || to >= len(w.ends) || from > 0 && r.dropTo || from == 0 && r.dropFrom ||
			r.loss > 0 && rand.Float64() < r.loss {
			continue
		}
		p := packet{due: time.Now(), b: append([]byte(nil), buf[:n]...)}
		if from == 0 {
			p.due = p.due.Add(r.delay)
		}
		w.put(to, p)
	}
}

// put puts a packet on its way, unless that is full.
func (w *wire) put(to int, p packet) {
	select {
	case w.ends[to].out <- p:
	default:
	}
}

// deliver brings packets to an end, in their order and when they are due.
func (w *wire) deliver(e *end, slow bool) {
	for {
		var p packet
		select {
		case p = <-e.out:
		case <-w.over:
			return
		}
		w.mu.Lock()
		rate := w.rules.rate
		w.mu.Unlock()
		wait := time.Until(p.due)
		if slow && rate > 0 {
			wait += time.Duration(len(p.b)) * time.Second / time.Duration(rate)
		}
		if wait > 0 {
			<-time.After(wait) // what the wire takes
		}
		_, _ = e.tun.Write(p.b) // what can't be brought is lost
	}
}

// serve starts a node in a namespace.
func (w *wire) serve(t *testing.T, at int, dir string, opts ...string) *peer {
	t.Helper()
	e := w.ends[at]
	args := append([]string{"netns", "exec", e.ns, binary(t)}, serving(t, dir, opts...)...)
	p := &peer{process: launch(t, exec.Command("ip", args...)), dir: dir}
	p.c = redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.addr, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		Dialer: e.dial})
	t.Cleanup(func() { p.c.Close() })
	return p
}

// dial connects within the namespace: a socket belongs to the one that its
// thread was in.
func (e *end) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + e.ns)
	if err != nil {
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return nil, errors.Join(err, back) // the thread is of no use, and ends
	}
	runtime.UnlockOSThread()
	return c, err
}
