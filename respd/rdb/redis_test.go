package rdb_test

import (
	"bufio"
	"net"
	"testing"
	"time"

	"ledge/respd/redistest"
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
	nc := redistest.Dial(t, redistest.Start(t, "--enable-debug-command", "yes"))
	return &redis{t, nc, resp.NewReader(bufio.NewReader(nc))}
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
