package faultfs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	mountWithin  = 15 * time.Second
	answerWithin = 15 * time.Second
	endWithin    = 5 * time.Second
)

// FS is a mounted file system. Its methods may be called from any goroutine.
// Those of one that Start made fail the test where they return an error, so
// there is nothing to check.
type FS struct {
	Dir     string // the mount, where the program under test works
	Backing string // the same files, without faults

	tb     testing.TB // nil for Open's
	cmd    *exec.Cmd
	stderr bytes.Buffer // to be read when over is closed
	over   chan struct{}

	mu   sync.Mutex // held over a request and its reply
	conn net.Conn
	dec  *json.Decoder
}

// Start mounts a file system in the test's temporary directory, for as long as
// the test runs. It skips the test where that can't be done.
func Start(tb testing.TB) *FS {
	tb.Helper()
	if err := usable(); err != nil {
		tb.Skipf("no faultfs: %v", err)
	}
	if _, err := Program(); err != nil { // it may be built first, which is no part of mounting
		tb.Fatalf("faultfs: %v", err)
	}
	dir := tb.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), mountWithin)
	defer cancel()
	f, err := Open(ctx, filepath.Join(dir, "backing"), filepath.Join(dir, "mnt"))
	if err != nil {
		tb.Fatalf("faultfs: %v", err)
	}
	f.tb = tb
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Errorf("faultfs: %v", err)
		}
	})
	return f
}

func usable() error {
	if os.Geteuid() != 0 {
		return errors.New("mounting needs root")
	}
	_, err := os.Stat("/dev/fuse")
	return err
}

// Open mounts backing at mount. Both are made if they aren't there. The context
// bounds how long that may take; the file system stays until Close.
func Open(ctx context.Context, backing, mount string) (*FS, error) {
	if os.Getenv(variable) != "" {
		return nil, errors.New("TestMain, or main, must call faultfs.Main first")
	}
	for _, dir := range []string{backing, mount} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	f := &FS{Dir: mount, Backing: backing, over: make(chan struct{})}
	if err := f.start(); err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = f.conn.SetReadDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { f.conn.Close() })
	var r reply
	err := f.dec.Decode(&r)
	if !stop() {
		err = errors.Join(err, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", mount, errors.Join(err, f.Close()))
	}
	return f, nil
}

// Program returns the path of the program that serves what is mounted. It is the running
// one unless somebody has put another in its place, which calls Main first, too: one that
// was built without the race detector takes a third of the processor's time.
var Program = os.Executable

// start starts the server with one end of a socket as its standard input, so
// that it sees when this process ends, and no path is too long for the socket.
func (f *FS) start() error {
	exe, err := Program()
	if err != nil {
		return err
	}
	v, err := json.Marshal(mounting{f.Backing, f.Dir})
	if err != nil {
		return err
	}
	near, far, err := socketPair()
	if err != nil {
		return err
	}
	defer far.Close()
	f.conn, err = net.FileConn(near)
	if err = errors.Join(err, near.Close()); err != nil {
		return err
	}
	f.dec = json.NewDecoder(f.conn)
	f.cmd = exec.Command(exe)
	f.cmd.Env = append(os.Environ(), variable+"="+string(v),
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // a second for each mount
	f.cmd.Stdin, f.cmd.Stderr = far, &f.stderr
	if err := f.cmd.Start(); err != nil {
		return errors.Join(err, f.conn.Close())
	}
	go func() {
		_ = f.cmd.Wait() // Close looks at the state
		close(f.over)
	}()
	return nil
}

// socketPair returns two ends that no other process inherits: the server is to
// see the end of this one and not wait for the programs that it has started.
func socketPair() (near, far *os.File, err error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd[0])
		syscall.CloseOnExec(fd[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fd[0]), "near"), os.NewFile(uintptr(fd[1]), "far"), nil
}

// Close takes the mount away, in use or not, and ends the server.
func (f *FS) Close() error {
	_ = f.conn.Close() // that is what tells the server, and twice does no harm
	select {
	case <-f.over:
	case <-time.After(endWithin):
		_ = f.cmd.Process.Kill()
		<-f.over
	}
	if f.cmd.ProcessState.Success() {
		return nil
	}
	detach(f.Dir)
	return fmt.Errorf("server: %v: %s", f.cmd.ProcessState, bytes.TrimSpace(f.stderr.Bytes()))
}

// Add puts a rule in force, after those that are.
func (f *FS) Add(r Rule) error {
	_, err := f.ask(request{Do: doAdd, Rule: r})
	return err
}

// Clear takes all rules away and ends the waiting of calls that a Delay holds.
func (f *FS) Clear() error {
	_, err := f.ask(request{Do: doClear})
	return err
}

// PowerCut drops what was not synced. All calls then fail until Restore.
func (f *FS) PowerCut() error {
	_, err := f.ask(request{Do: doCut})
	return err
}

// Restore puts the power on again. Rules are still in force.
func (f *FS) Restore() error {
	_, err := f.ask(request{Do: doRestore})
	return err
}

// Stats returns what was called and hit since the mount, or nil if the server
// is gone.
func (f *FS) Stats() Stats {
	s, _ := f.ask(request{Do: doStats})
	return s
}

func (f *FS) ask(q request) (Stats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.exchange(q)
	if err == nil && r.Err != "" {
		err = errors.New(r.Err)
	}
	if err == nil {
		return r.Stats, nil
	}
	err = fmt.Errorf("faultfs: %s: %w", q.Do, err)
	if f.tb != nil {
		f.tb.Helper()
		f.tb.Error(err)
	}
	return nil, err
}

func (f *FS) exchange(q request) (r reply, err error) {
	if err := f.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return r, err
	}
	if err := json.NewEncoder(f.conn).Encode(q); err != nil {
		return r, err
	}
	return r, f.dec.Decode(&r)
}
