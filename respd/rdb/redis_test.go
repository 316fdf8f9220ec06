package rdb_test

import (
	"bufio"
	"net"
	"os/exec"
	"testing"
	"time"

	"ledge/respd/resp"
)

// redis is a connection to a redis-server of the test's own.
type redis struct {
	t  testing.TB
	nc net.Conn
	r  *resp.Reader
}

// startRedis starts a server. The test skips where there is none.
func startRedis(t testing.TB) *redis {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed: nobody to exchange payloads with")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(bin, "--port", port, "--bind", "127.0.0.1", "--save", "",
		"--appendonly", "no", "--dir", t.TempDir(), "--enable-debug-command", "yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			t.Cleanup(func() { nc.Close() })
			return &redis{t, nc, resp.NewReader(bufio.NewReader(nc))}
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // another process: there is nothing to wait on
	}
}

// do runs a command, which may fail.
func (r *redis) do(args ...string) resp.Value {
	r.t.Helper()
	_ = r.nc.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := r.nc.Write(resp.AppendCommand(nil, args...)); err != nil {
		r.t.Fatal(err)
	}
	v, err := r.r.ReadValue()
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// must runs a command, which must not fail.
func (r *redis) must(args ...string) resp.Value {
	r.t.Helper()
	v := r.do(args...)
	if v.IsError() {
		r.t.Fatalf("%.100q: %s", args, v.ErrorText())
	}
	return v
}
