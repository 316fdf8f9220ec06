package appliance_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"ledge/journal/freeport"
	"ledge/journal/jet/faultfs"
	"ledge/journal/logtest"
)

// These tests run the program as it is shipped, as a process of its own, so
// that it can be killed. This file builds, starts and ends it.

var (
	seedFlag    = flag.Int64("seed", 0, "seed of random tests; 0 draws one")
	programFlag = flag.String("program", "", "the program to test, if it isn't to be built")
	roundsFlag  = flag.Int("rounds", 0, "how many rounds tests of moving slots have; 0 is a few")
	slowFlag    = flag.Int("slow", usualSlow, "how many times as long as usual to wait for the program, on a slow machine")
)

// patience is how long to wait for what takes limit at most on a usual machine.
func patience(limit time.Duration) time.Duration { return limit * time.Duration(*slowFlag) }

// onDisk returns a directory as t.TempDir does, for tests of what a disk does: of bytes
// that are written to it, and of pages that the system need not keep in memory. It is in
// DISK_DIR, if that is set because other tests' directories are in memory.
func onDisk(t *testing.T) string {
	t.Helper()
	disk := os.Getenv("DISK_DIR")
	if disk == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(disk, strings.ReplaceAll(t.Name(), "/", "-"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// numberOfRounds returns how many rounds a test has, of which few are enough if it is to be
// short.
func numberOfRounds(usual, short int) int {
	switch {
	case *roundsFlag > 0:
		return *roundsFlag
	case testing.Short():
		return short
	}
	return usual
}

// seed returns the seed of a random test and prints it.
func seed(t *testing.T) int64 {
	s := *seedFlag
	if s == 0 {
		s = time.Now().UnixNano()
	}
	t.Logf("run again with -seed=%d", s)
	return s
}

// program builds the program once, on first use.
var program = sync.OnceValues(func() (string, error) {
	if *programFlag != "" {
		return *programFlag, nil
	}
	dir, err := os.MkdirTemp("", "ledge-test")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "ledge")
	cmd := exec.Command("go", "build", "-o", path, "ledge")
	if out, err := cmd.CombinedOutput(); err != nil {
		return path, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// quiet takes what go-redis logs about connections that a test has broken.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	faultfs.Main()
	flag.Parse()
	redis.SetLogger(quiet{})
	code := m.Run()
	if used.Load() && *programFlag == "" {
		path, _ := program()
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// used says that some test has had the program built.
var used atomic.Bool

func binary(t *testing.T) string {
	t.Helper()
	used.Store(true)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// ended is how a run of the program ended; stderr is without how far it had come.
type ended struct {
	code           int
	stdout, stderr string
}

// run runs the program to its end.
func run(t *testing.T, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience(time.Minute))
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("run %q: %v", args, err)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), logtest.WithoutProgress(stderr.String())}
}

// process is a node that runs.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string // for Redis clients

	greeting string
	stderr   logtest.Log
	over     chan struct{}
}

// start starts a node on dir and returns when it is ready. It ends with the
// test at the latest.
func start(t *testing.T, dir string, opts ...string) *process {
	t.Helper()
	return launch(t, exec.Command(binary(t), serving(t, dir, opts...)...))
}

// serving returns the arguments to serve dir with.
func serving(t *testing.T, dir string, opts ...string) []string {
	t.Helper()
	return append([]string{"serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", "off"}, opts...)
}

// launch is start for a command.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, over: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := p.greeted(stdout)
	go func() {
		<-ready // Wait closes the pipe
		_ = p.cmd.Wait()
		close(p.over)
	}()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	select {
	case <-ready:
	case <-time.After(patience(30 * time.Second)):
	}
	if p.addr == "" {
		p.end(syscall.SIGKILL)
		t.Fatalf("%q did not come up; stderr: %s", cmd.Args, &p.stderr)
	}
	return p
}

// greeted reads what the node says when it is ready, and with it the address.
func (p *process) greeted(stdout io.Reader) <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			p.greeting += sc.Text() + "\n"
			words := strings.Fields(sc.Text())
			if len(words) > 1 && words[0] == "redis" {
				p.addr = words[1]
			}
			if len(words) > 0 && words[0] == "state" {
				return
			}
		}
	}()
	return ready
}

// end sends a signal, waits until the process is gone, and returns its exit
// code, -1 when a signal ended it.
func (p *process) end(sig syscall.Signal) int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(sig) // it may be gone
	select {
	case <-p.over:
	case <-time.After(patience(30 * time.Second)):
		_ = p.cmd.Process.Kill()
		<-p.over
		p.t.Errorf("the node has not ended %s after %v", patience(30*time.Second), sig)
	}
	return p.cmd.ProcessState.ExitCode()
}

// endAtLast sends a signal until the process has ended, for a minute at most: one that
// stops may take the first of them for a part of the signal that it was sent before.
func (p *process) endAtLast(sig syscall.Signal) {
	p.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); {
		_ = p.cmd.Process.Signal(sig) // it may be gone
		select {
		case <-p.over:
			return
		case <-tick.C:
		}
	}
	p.end(syscall.SIGKILL)
}

// plainly keeps go-redis from asking for what only its maker's servers have. It
// notes the refusal without a lock when several connections begin at once.
var plainly = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

// client returns a Redis client that never tries anything twice.
func (p *process) client() *redis.Client {
	c := redis.NewClient(&redis.Options{
		Addr: p.addr, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		DialTimeout: patience(5 * time.Second), ReadTimeout: patience(10 * time.Second),
	})
	p.t.Cleanup(func() { c.Close() })
	return c
}

// info returns a field of INFO.
func (p *process) info(field string) string {
	p.t.Helper()
	text, err := p.client().Info(p.t.Context(), "everything").Result()
	if err != nil {
		p.t.Fatalf("INFO: %v", err)
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	p.t.Fatalf("INFO has no field %s:\n%s", field, text)
	return ""
}

// verified runs journal verify on a stopped node and returns what it says of
// it, which must be good.
func verified(t *testing.T, dir string) string {
	t.Helper()
	got := run(t, "journal", "verify", "--dir", dir)
	if got.code != 0 {
		t.Fatalf("journal verify: exit code %d, %s", got.code, got.stderr)
	}
	return got.stdout
}

// digestOf returns the digest in what journal verify says.
func digestOf(t *testing.T, said string) string {
	t.Helper()
	_, rest, ok := strings.Cut(said, "digest ")
	if !ok || len(rest) < 16 {
		t.Fatalf("journal verify says %q; want a digest in it", said)
	}
	return rest[:16]
}

// within waits until something is so.
func within(t *testing.T, limit time.Duration, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience(limit)); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("after %s it is not so that %s", patience(limit), what)
		}
	}
}
