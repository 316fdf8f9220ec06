package appliance_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/freeport"
	"ledge/packaging/pagetest"
)

// sent are the signals of packaging/docs/signals.md, by the names that they have there.
var sent = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "PIPE": syscall.SIGPIPE, "KILL": syscall.SIGKILL,
}

// ending says how a process has ended, in the words of the page.
func ending(state *os.ProcessState, sig syscall.Signal) string {
	status := state.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && status.Signal() == sig:
		return "killed"
	case status.Exited() && status.ExitStatus() == 0:
		return "0"
	case status.Exited() && status.ExitStatus() == 2:
		return "2"
	}
	return state.String()
}

// Each signal does to a node, to a command that waits and to one that prints until it
// is interrupted what the page says, and takes nothing of what was acknowledged.
func TestSignals(t *testing.T) {
	tried := 0
	for _, row := range pagetest.Table(t, "../packaging/docs/signals.md", "") {
		for name := range strings.SplitSeq(row[0], ", ") {
			sig, ok := sent[name]
			if !ok {
				continue // the second of two: TestSecondSignal
			}
			tried++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				signalNode(t, sig, row[2])
				waits, prints, _ := strings.Cut(row[4], "; ")
				if prints == "" {
					prints = waits
				}
				signalWaiting(t, sig, waits)
				signalPrinting(t, sig, prints)
			})
		}
	}
	if tried != len(sent) {
		t.Errorf("the page has %d signals; want %d", tried, len(sent))
	}
}

// signalNode sends a signal to a node that has written, and starts it again.
func signalNode(t *testing.T, sig syscall.Signal, want string) {
	dir := t.TempDir()
	p := start(t, dir)
	if err := p.client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if want == "goes on" {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := p.client().Set(t.Context(), "k", "after", 0).Err(); err != nil {
			t.Errorf("a write after %v: %v", sig, err)
		}
		sig, want = syscall.SIGTERM, "0"
	}
	p.end(sig)
	if got := ending(p.cmd.ProcessState, sig); got != want {
		t.Errorf("a node ends with %s at %v; want %s", got, sig, want)
	}
	if dumped := strings.Contains(p.stderr.String(), "\ngoroutine "); dumped != (sig == syscall.SIGQUIT) {
		t.Errorf("goroutines are on standard error: %v, at %v", dumped, sig)
	}
	if n := start(t, dir).client().Exists(t.Context(), "k").Val(); n != 1 {
		t.Errorf("what was acknowledged before %v is gone", sig)
	}
}

// plain is a command to which no signal is ignored, whatever has started the tests.
func plain(t *testing.T, args ...string) *exec.Cmd {
	return exec.Command("env", append([]string{"--default-signal", binary(t)}, args...)...)
}

// signalWaiting sends a signal to a command that waits for a node's answer.
func signalWaiting(t *testing.T, sig syscall.Signal, want string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cmd := plain(t, "status", "--server", "nats://"+ln.Addr().String(), "--password-file", password(t))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = cmd.Process.Signal(sig)
	if want == "go on" || sig == syscall.SIGPIPE { // which is of those that print
		sig, want = syscall.SIGTERM, "killed"
		_ = cmd.Process.Signal(sig)
	}
	_ = cmd.Wait()
	if got := ending(cmd.ProcessState, sig); got != want {
		t.Errorf("status ends with %s at %v; want %s", got, sig, want)
	}
}

// password returns a file with some password.
func password(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// signalPrinting sends a signal to a command that prints until it is interrupted.
func signalPrinting(t *testing.T, sig syscall.Signal, want string) {
	dir := t.TempDir()
	p := start(t, dir, "--nats-listen", freeport.Addr(t))
	cmd := plain(t, "journal", "tail", "--dir", dir, "--follow")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	if _ = cmd.Process.Signal(sig); sig == syscall.SIGPIPE {
		out.Close()
		go writeUntil(ended, p.client()) // nobody reads of it
	}
	if want == "go on" {
		sig, want = syscall.SIGTERM, "0"
		_ = cmd.Process.Signal(sig)
	}
	_ = cmd.Wait()
	close(ended)
	if got := ending(cmd.ProcessState, sig); got != want {
		t.Errorf("journal tail --follow ends with %s at %v; want %s", got, sig, want)
	}
}

// writeUntil writes again and again until a command has ended: a process that is just being
// started by another test may have the pipe open in which what comes first ends up.
func writeUntil(ended <-chan struct{}, c *redis.Client) {
	for {
		c.Set(context.Background(), "k", "v", 0)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ended:
			return
		}
	}
}

// occupied starts a node that has to answer somebody for as long as the test needs.
func occupied(t *testing.T, dir string) *process {
	t.Helper()
	p := start(t, dir)
	if err := p.client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	// The script may run for as long as the test needs, and it is seen to run.
	ctx, other := t.Context(), p.client()
	for name, value := range map[string]string{"script-max-time": "600000", "busy-reply-threshold": "1"} {
		if err := other.ConfigSet(ctx, name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(dial(t, p.addr), "EVAL \"while true do end\" 0\r\n"); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the script holds who writes", func() bool {
		err := other.Set(ctx, "other", "v", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "BUSY ")
	})
	return p
}

// The second of two signals ends a node at once that has still to answer somebody.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := occupied(t, dir)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	within(t, 30*time.Second, "the node takes nobody any more", func() bool {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	p.endAtLast(syscall.SIGINT)
	if got := ending(p.cmd.ProcessState, syscall.SIGINT); got != "killed" {
		t.Errorf("a node ends with %s at the second signal; want killed", got)
	}
	if n := start(t, dir).client().Exists(t.Context(), "k").Val(); n != 1 {
		t.Error("what was acknowledged before is gone")
	}
}

// The second signal counts, too, that comes right after the first. The system tells of
// two of one kind, which nobody has taken yet, once only, so these are of two kinds.
func TestTwoSignals(t *testing.T) {
	t.Parallel()
	for range 5 {
		p := occupied(t, t.TempDir())
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-p.over:
		case <-time.After(time.Minute):
			p.end(syscall.SIGKILL)
		}
		if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() == syscall.SIGKILL {
			t.Errorf("a node ends with %s after two signals at once; want it killed by one of them", p.cmd.ProcessState)
		}
	}
}

// A node whose output nobody reads goes on without it.
func TestBrokenOutput(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/sh", append([]string{"-c", `exec "$@" 2>&3 3>&-`, "sh", binary(t)},
		serving(t, t.TempDir(), "--log-level", "debug")...)...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{w}
	p := launch(t, cmd)
	r.Close()
	w.Close()
	for range 3 {
		if err := p.client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(dial(t, p.addr), "GET / HTTP/1.1\r\n\r\n"); err != nil { // which is logged
			t.Fatal(err)
		}
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("it ends with %d; want 0", code)
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// As the unit runs it, a crash of the program ends by a signal, and not with the code
// after which systemd leaves a node alone.
func TestCrashRestarts(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile("../packaging/systemd/ledge.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"RestartPreventExitStatus=2", "Environment=GOTRACEBACK=crash", "LimitCORE=0", "Restart=on-failure"} {
		if !strings.Contains(string(unit), "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", `ulimit -c 0; exec "$@"`, "sh", binary(t)}, serving(t, t.TempDir())...)...)
	cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
	p := launch(t, cmd)
	p.end(syscall.SIGQUIT) // ends as a panic does
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
		t.Errorf("it ends with %s; want a signal", p.cmd.ProcessState)
	}
}

// Each exit code of the page is one that the program ends with.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dir, "--nats-listen", freeport.Addr(t))
	codes := map[string]int{
		"0": run(t, "health", "--dir", dir).code,
		"1": run(t, "journal", "verify", "--dir", t.TempDir()).code,
		"2": run(t, "health", "--no-such").code,
	}
	if code := run(t, "health", "--dir", t.TempDir(), "--server", "nats://127.0.0.1:1", "--password-file", password(t)).code; code != 2 {
		t.Errorf("health of nobody ends with %d; want 2", code)
	}
	rows := pagetest.Table(t, "../packaging/docs/signals.md", "## Exit codes")
	for _, row := range rows {
		if code, ok := codes[row[0]]; ok && strconv.Itoa(code) != row[0] {
			t.Errorf("the command for exit code %s ends with %d", row[0], code)
		}
	}
	if len(rows) != 5 {
		t.Errorf("the page has %d exit codes; want 5", len(rows))
	}
}
