package respd_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ledge/respd"
)

// The kernel is told of tcp-keepalive as it is when a client comes.
func TestKeepAlive(t *testing.T) {
	needsLoop(t)
	n := start(t, func(cfg *respd.Config) { cfg.KeepAlive = 90 * time.Second })
	for _, set := range []time.Duration{90 * time.Second, 0, 2 * time.Second} {
		n.srv.SetKeepAlive(set)
		c := n.dial()
		c.want("PING", "PONG")
		fd := c.serverFD()
		want := []int{1, int(set / time.Second), max(1, int(set/time.Second)/3), 3}
		if set == 0 {
			want = []int{0}
		}
		for i, opt := range [][2]int{{unix.SOL_SOCKET, unix.SO_KEEPALIVE}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL}, {unix.IPPROTO_TCP, unix.TCP_KEEPCNT}}[:len(want)] {
			if got, err := unix.GetsockoptInt(fd, opt[0], opt[1]); err != nil || got != want[i] {
				t.Errorf("keepalive %s: option %v is %d, %v; want %d", set, opt, got, err, want[i])
			}
		}
	}
}

// serverFD returns the descriptor that the server has for the client.
func (c *client) serverFD() int {
	c.t.Helper()
	var id, fd int
	if _, err := fmt.Sscanf(lastLine(c.do("CLIENT INFO")), "id=%d addr="+c.nc.LocalAddr().String()+" laddr="+
		c.nc.RemoteAddr().String()+" fd=%d", &id, &fd); err != nil {
		c.t.Fatal(err)
	}
	return fd
}

// lastLine returns what is quoted of a reply.
func lastLine(reply string) string { return strings.Trim(reply, `"`) }
