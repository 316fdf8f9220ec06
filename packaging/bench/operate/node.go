package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// node is a ledge that runs, or is between two runs. One goroutine has it.
type node struct {
	program string // what stands there is replaced by an upgrade
	at      string // the directory of its configuration, log and data
	options map[string]string
	cmd     *exec.Cmd
}

func newNode(dir, name, program string, options map[string]string) (*node, error) {
	n := &node{program: filepath.Join(dir, name, "ledge"), at: filepath.Join(dir, name), options: options}
	n.options["dir"], n.options["node"] = n.data(), name
	if err := os.MkdirAll(n.at, 0o700); err != nil {
		return nil, err
	}
	if err := n.put(program); err != nil {
		return nil, err
	}
	return n, n.configure()
}

func (n *node) data() string   { return filepath.Join(n.at, "data") }
func (n *node) config() string { return filepath.Join(n.at, "ledge.yaml") }
func (n *node) log() string    { return filepath.Join(n.at, "log") }

// configure writes the configuration as the options say.
func (n *node) configure() error {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(n.options)) {
		fmt.Fprintf(&b, "%s: %q\n", name, n.options[name])
	}
	return replace(n.config(), b.Bytes())
}

// put puts a program in the place of the one that there is.
func (n *node) put(program string) error {
	b, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	if err := os.WriteFile(n.program+".next", b, 0o700); err != nil {
		return err
	}
	return os.Rename(n.program+".next", n.program)
}

// start has it run, and waits for nothing.
func (n *node) start() error {
	out, err := os.OpenFile(n.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	n.cmd = exec.Command(n.program, "serve", "--config", n.config())
	n.cmd.Stdout, n.cmd.Stderr = out, out
	return n.cmd.Start()
}

// end sends a signal that ends it, and waits for the end.
func (n *node) end(how syscall.Signal) error {
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(how); err != nil {
		return err
	}
	return n.ended(how)
}

// ended waits for the end, which is a good one unless the node was killed.
func (n *node) ended(how syscall.Signal) error {
	err := n.cmd.Wait()
	n.cmd = nil
	if how == syscall.SIGKILL {
		return nil
	}
	return err
}

// command runs a command of ledge on the node. Its error ends with the last line that the
// command has printed.
func (n *node) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, n.program, append([]string{name, "--dir", n.data()}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		return fmt.Errorf("ledge %s: %w: %s", name, err, lines[len(lines)-1])
	}
	return nil
}

// reload sends SIGHUP, and waits until the log has another line with that text.
func (n *node) reload(ctx context.Context, says string) error {
	before := n.said(says)
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return await(ctx, "the log of "+filepath.Base(n.at)+" says "+says, func() bool { return n.said(says) > before })
}

// taken is what the log says once SIGHUP has been seen to.
const taken = "the configuration was read anew"

// said returns how often the log has a text.
func (n *node) said(text string) int {
	b, err := os.ReadFile(n.log())
	if err != nil {
		return 0
	}
	return strings.Count(string(b), text)
}
