package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
)

// stopWait is how long stop waits for the end, unless told: a node that stops takes 45 s at
// most, also when the disk hangs.
const stopWait = 50 * time.Second

// goneTick is how often it is looked whether a node has ended.
const goneTick = 50 * time.Millisecond

func stopCommand() *cli.Command {
	return operation{name: "stop", usage: "stop a node, as SIGTERM does, and wait until it has ended", wait: stopWait,
		flags: []cli.Flag{&cli.BoolFlag{Name: "no-wait", Usage: "don't wait for its end"}}, ask: stop}.command()
}

func stop(ctx context.Context, o *operator) error {
	pid := o.localPID()
	if err := o.conn.Stop(ctx, o.node); err != nil {
		return err
	}
	word := "is stopping"
	if !o.c.Bool("no-wait") {
		if err := o.awaitEnd(ctx, pid); err != nil {
			return err
		}
		word = "has stopped"
	}
	return o.print(admin.Done{}, func(t *table) { t.row("node "+o.node, word) })
}

// awaitEnd waits until the node can't be asked any more and, if it is known, its
// process has ended.
func (o *operator) awaitEnd(ctx context.Context, pid int) error {
	tick := time.NewTicker(goneTick)
	defer tick.Stop()
	asked := true // it can be asked
	for asked || pid > 0 && alive(pid) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("node %s was told to stop and has not ended yet; its log says what it waits for", o.node)
		}
		if asked {
			soon, cancel := context.WithTimeout(ctx, time.Second)
			_, err := o.conn.Health(soon, o.node)
			cancel()
			asked = !errors.Is(err, admin.ErrUnreachable)
		}
	}
	return nil
}

// localPID returns the process of the node that --dir says, 0 if another is meant or
// nobody knows.
func (o *operator) localPID() int {
	if o.c.String("server") != "" {
		return 0
	}
	run, err := readRun(o.c.String("dir"))
	if err != nil || run.PID == os.Getpid() {
		return 0
	}
	return run.PID
}

// alive reports whether a process runs. One that has ended, and that nobody has asked
// about yet, does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) || !hasProc()
	}
	// The state stands after the name, which is in parentheses.
	_, rest, _ := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(" "))
	return len(rest) == 0 || rest[0] != 'Z'
}

// hasProc reports whether the system says of processes in files.
func hasProc() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}
