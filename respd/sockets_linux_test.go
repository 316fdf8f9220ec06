package respd_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ledge/journal/certtest"
	"ledge/respd"
)

// In a control group with a bound the kernel keeps little for each client, and less for
// those that come when there are many.
func TestSocketsInGroup(t *testing.T) {
	needsLoop(t)
	for _, tt := range []struct {
		name   string
		group  int64
		others int
		want   int
	}{
		{"few", 32 << 20, 0, 128 << 10},
		{"many", 32 << 20, 31, 32 << 10},
		{"crowd", 2 << 20, 63, 4 << 10},
	} {
		n := start(t, func(cfg *respd.Config) { cfg.Group = tt.group })
		for range tt.others {
			n.dial().want("PING", "PONG")
		}
		c := n.dial()
		c.want("PING", "PONG")
		wantBuffers(t, tt.name, c.serverFD(), tt.want)
	}
}

// A client with TLS has two sockets within the process besides, which are bounded, too.
func TestTLSSocketsInGroup(t *testing.T) {
	needsLoop(t)
	ca := certtest.New(t, "ours")
	n := start(t, secure(ca.Sign(t, "server", "127.0.0.1"), ca, tls.NoClientCert), func(cfg *respd.Config) { cfg.Group = 16 << 20 })
	nc, err := n.dialTLS(ca.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(encode("CLIENT INFO")); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 1000)
	got, err := nc.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	_, from, _ := strings.Cut(string(said[:got]), " fd=")
	var fd int
	if _, err := fmt.Sscan(from, &fd); err != nil {
		t.Fatalf("CLIENT INFO = %q: %v", said[:got], err)
	}
	wantBuffers(t, "TLS", fd, 64<<10)
}

// wantBuffers checks what the kernel keeps for a socket in each direction, which is
// twice what it is asked for.
func wantBuffers(t *testing.T, name string, fd, want int) {
	t.Helper()
	for _, opt := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
		if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, opt); err != nil || got != 2*want {
			t.Errorf("%s: option %d is %d, %v; want %d", name, opt, got, err, 2*want)
		}
	}
}

// What all clients have in their sockets together stays a small part of what the group
// has, however many there are; and a large group leaves it to the kernel.
func TestSocketBytes(t *testing.T) {
	for _, tt := range []struct {
		group   int64
		clients int
		want    int
	}{
		{0, 1, 0}, {0, 1000, 0}, {32 << 20, 1, 128 << 10}, {32 << 20, 8, 128 << 10}, {32 << 20, 64, 16 << 10},
		{32 << 20, 1000, 4 << 10}, {1 << 20, 1, 4 << 10}, {1 << 30, 1, 0}, {1 << 30, 100, 335544},
	} {
		if got := respd.SocketBytes(tt.group, tt.clients); got != tt.want {
			t.Errorf("SocketBytes(%d, %d) = %d; want %d", tt.group, tt.clients, got, tt.want)
		}
	}
	const group = 32 << 20
	sum := 0
	for i := range 1024 { // as many as such a node takes
		sum += respd.SocketBytes(group, i+1)
	}
	if sum > group/4 {
		t.Errorf("1024 clients have %d bytes in their sockets; want at most %d", sum, group/4)
	}
}
