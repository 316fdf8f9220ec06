package jet_test

// A whole node, the program itself, on a disk that fails. The tests that use it
// see what clients see.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/journal/jet/faultfs"
)

func TestMain(m *testing.M) {
	faultfs.Main()
	faultfs.Program = func() (string, error) { return program("faultfs") }
	os.Exit(runTests(m))
}

// programs is where the programs are that tests start.
var programs string

func runTests(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "ledge"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	return m.Run()
}

// build builds them, without the race detector: the node, and what serves its disk.
var build = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-o", programs, "ledge", "ledge/packaging/bench/faultfs")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// program returns the path of a program, which is built at the first use.
func program(name string) (string, error) {
	return filepath.Join(programs, name), build()
}

func ledge(t *testing.T) string {
	t.Helper()
	path, err := program("ledge")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// node is a running program.
type node struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	nats string // URL
	log  string
	done chan struct{}
}

// serve starts a node on dir and waits until it is ready.
func serve(t *testing.T, dir string, options ...string) *node {
	t.Helper()
	n := &node{t: t, log: filepath.Join(t.TempDir(), "log"), done: make(chan struct{})}
	log, err := os.Create(n.log)
	if err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command(ledge(t), append([]string{"serve", "--dir", dir, "--listen", "127.0.0.1:0",
		"--nats-listen", "127.0.0.1:0"}, options...)...)
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.cmd.Stderr = log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	addr, url := make(chan string, 1), make(chan string, 1)
	go func() {
		defer close(n.done)
		defer log.Close()
		for s := bufio.NewScanner(out); s.Scan(); {
			switch f := strings.Fields(s.Text()); {
			case len(f) > 1 && f[0] == "redis":
				addr <- f[1]
			case len(f) > 1 && f[0] == "nats":
				url <- f[1]
			}
		}
		n.cmd.Wait()
	}()
	select {
	case n.addr = <-addr:
		n.nats = <-url
	case <-n.done:
		t.Fatalf("the node has not started:\n%s", n.lastLog())
	case <-time.After(patience):
		t.Fatalf("the node is not ready after %s:\n%s", patience, n.lastLog())
	}
	return n
}

// kill ends the node as a power cut would end the process.
func (n *node) kill() {
	n.cmd.Process.Kill()
	<-n.done
}

// stop ends the node in good order.
func (n *node) stop() {
	n.t.Helper()
	n.cmd.Process.Signal(os.Interrupt)
	select {
	case <-n.done:
	case <-time.After(patience):
		n.kill()
		n.t.Errorf("the node did not stop in %s:\n%s", patience, n.lastLog())
	}
}

func (n *node) lastLog() string {
	b, _ := os.ReadFile(n.log)
	return string(b[max(0, len(b)-4000):])
}

// client is a connection to a node.
type client struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func (n *node) dial() *client {
	n.t.Helper()
	nc, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	c := &client{n.t, nc, bufio.NewReader(nc)}
	n.t.Cleanup(func() { nc.Close() })
	return c
}

// send writes commands, the words of each parted by spaces, in one go.
func (c *client) send(cmds ...string) error {
	var b strings.Builder
	for _, cmd := range cmds {
		words := strings.Fields(cmd)
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	c.nc.SetDeadline(time.Now().Add(patience))
	_, err := io.WriteString(c.nc, b.String())
	return err
}

// reply reads one reply. Errors keep their "-", nil is "(nil)", arrays are in
// brackets.
func (c *client) reply() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "(nil)", err
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(c.r, b)
		return string(b[:n]), err
	case '*':
		n, err := strconv.Atoi(line[1:])
		parts := make([]string, 0, max(n, 0))
		for range n {
			p, perr := c.reply()
			err = errors.Join(err, perr)
			parts = append(parts, p)
		}
		return "[" + strings.Join(parts, " ") + "]", err
	case '+', ':':
		return line[1:], nil
	}
	return line, nil
}

// do sends one command and returns its reply.
func (c *client) do(cmd string) string {
	c.t.Helper()
	if err := c.send(cmd); err != nil {
		c.t.Fatalf("%s: %v", cmd, err)
	}
	got, err := c.reply()
	if err != nil {
		c.t.Fatalf("%s: %v", cmd, err)
	}
	return got
}

func (c *client) want(cmd, want string) {
	c.t.Helper()
	if got := c.do(cmd); got != want {
		c.t.Errorf("%s = %s; want %s", cmd, got, want)
	}
}

// p99 reads a key for a while and returns how long the slowest of a hundred
// reads took.
func (n *node) p99(d time.Duration) time.Duration {
	n.t.Helper()
	c := n.dial()
	defer c.nc.Close()
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); {
		began := time.Now()
		c.do("GET stands")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// book keeps what was acknowledged and what was refused.
type book struct {
	mu            sync.Mutex
	acked, denied map[string]string
	doubtful      map[string]bool // no answer: it may stand or not
}

func newBook() *book {
	return &book{acked: make(map[string]string), denied: make(map[string]string),
		doubtful: make(map[string]bool)}
}

// enter notes the answer to a write of a key that is written once.
func (b *book) enter(key, val, answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case answer == "":
		b.doubtful[key] = true
	case strings.HasPrefix(answer, "-"):
		b.denied[key] = answer
	default:
		b.acked[key] = val
	}
}

// check compares the book with what a node holds.
func (b *book) check(n *node, when string) {
	n.t.Helper()
	c := n.dial()
	defer c.nc.Close()
	lost, there := 0, 0
	for key, val := range b.acked {
		if got := c.do("GET " + key); got != val {
			if lost++; lost <= 3 {
				n.t.Errorf("%s: %s = %s; want %s, which was acknowledged", when, key, got, val)
			}
		}
	}
	for key, why := range b.denied {
		if got := c.do("GET " + key); got != "(nil)" {
			if there++; there <= 3 {
				n.t.Errorf("%s: %s = %s; want nothing: it was refused with %s", when, key, got, why)
			}
		}
	}
}

// until waits for something that another goroutine does.
func until(ctx context.Context, t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}
