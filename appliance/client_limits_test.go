package appliance_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
)

// What bounds clients can be said by flag, file, SIGHUP and CONFIG SET, by the same
// rule; what is set is kept over a kill, and what is wrong changes nothing.
func TestClientLimitsSettings(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "ledge.yaml")
	replaceFile(t, file, "idle-timeout: 1h\nclient-output-buffer-limit: pubsub 1mb 0 0\n")
	begin := func() *peer { return lead(t, dir, "--config", file, "--tcp-keepalive", "0") }
	p := begin()
	const output = "client-output-buffer-limit"
	all := p.parameters()
	all.want("timeout", "3600", "file")
	all.want("tcp-keepalive", "0", "flag")
	all.want(output, "normal 268435456 0 0 slave 0 0 0 pubsub 1048576 0 0", "file")
	c := p.client()
	for _, bad := range [][2]string{{"timeout", "-1"}, {"timeout", "x"}, {"timeout", "1.5"}, {"timeout", "99999999999999"},
		{"tcp-keepalive", "40000"}, {"tcp-keepalive", "-1"}, {output, "normal 1mb 0"}, {output, ""}, {output, "normal 1 0 0"},
		{output, "other 1mb 0 0"}, {output, "replica 1mb 0 0"}, {output, "normal -1 0 0"}, {output, "normal 1mb 0 -1"},
		{output, "pubsub 2mb 0 0 normal x 0 0"}} {
		err := c.ConfigSet(t.Context(), bad[0], bad[1]).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "ERR CONFIG SET failed (possibly related to argument '"+bad[0]+"')") {
			t.Errorf("CONFIG SET %s %q = %v; want it refused in Redis's words", bad[0], bad[1], err)
		}
	}
	after := p.parameters()
	for _, name := range []string{"timeout", "tcp-keepalive", output} {
		after.want(name, all.Parameters[name], all.Origins[name])
	}
	for _, s := range [][2]string{{"timeout", "7200"}, {"tcp-keepalive", "60"}, {output, "normal 64mb 1mb 5"},
		{output, "pubsub 0 2mb 10 slave 0 0 0"}} {
		p.do("CONFIG", "SET", s[0], s[1])
	}
	p.end(syscall.SIGKILL)
	p = begin()
	all = p.parameters()
	all.want("timeout", "7200", "set at run time")
	all.want("tcp-keepalive", "60", "set at run time")
	all.want(output, "normal 67108864 1048576 5 slave 0 0 0 pubsub 0 2097152 10", "set at run time")
	replaceFile(t, file, "idle-timeout: 1s\ntcp-keepalive: 90s\nclient-output-buffer-limit: normal 0 0 0\n")
	c = p.client()
	within(t, 20*time.Second, "idle-timeout is the file's", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
		return c.ConfigGet(t.Context(), "timeout").Val()["timeout"] == "1"
	})
	all = p.parameters()
	all.want("timeout", "1", "file")
	all.want("tcp-keepalive", "60", "set at run time") // the flag goes before the file, and hasn't changed
	all.want(output, "normal 0 0 0 slave 0 0 0 pubsub 33554432 8388608 60", "file")
	idle, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	_ = idle.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := idle.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("an idle client reads %d, %v; want that it was closed", n, err)
	}
}

// A bad value of a flag is refused at the start.
func TestClientLimitsFlags(t *testing.T) {
	for _, bad := range [][2]string{{"--idle-timeout", "1500ms"}, {"--tcp-keepalive", "10h"}, {"--client-output-buffer-limit", "normal 1mb"}} {
		got := run(t, "serve", "--dir", t.TempDir(), bad[0], bad[1])
		if got.code != 2 || !strings.Contains(got.stderr, bad[0]+": ") {
			t.Errorf("%s %s: exit code %d, %s; want 2, and the option's name", bad[0], bad[1], got.code, got.stderr)
		}
	}
}

// What all clients have together follows maxmemory while the node runs.
func TestBuffersFollowMaxMemory(t *testing.T) {
	n := serve(t, appliance.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", NATSListen: "off"})
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.Status().Listen, MaintNotificationsConfig: plainly})
	defer c.Close()
	at := func() string { return c.ConfigGet(t.Context(), "maxmemory-clients").Val()["maxmemory-clients"] }
	before := at()
	if err := c.ConfigSet(t.Context(), "maxmemory", "256mb").Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := at(), fmt.Sprint(32<<20); got != want || got == before {
		t.Errorf("all clients have %s bytes with maxmemory 256mb, %s before; want %s", got, before, want)
	}
	if err := c.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if got := at(); got != before {
		t.Errorf("all clients have %s bytes without maxmemory; want %s again", got, before)
	}
}
