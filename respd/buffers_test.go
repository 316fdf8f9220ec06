package respd_test

// What clients may make the server hold: replies that nobody reads, commands
// that are half here, transactions that wait for EXEC. Each test says a bound
// that is small, so that it is met.

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/journal/certtest"
	"ledge/journal/logtest"
	"ledge/respd"
	"ledge/respd/resp"
)

// allThenRead sends everything before it reads anything, as naive clients do,
// and then wants these replies.
func allThenRead(t *testing.T, nc net.Conn, in []byte, want string) {
	t.Helper()
	_ = nc.SetDeadline(time.Now().Add(3 * patience))
	if _, err := nc.Write(in); err != nil {
		t.Fatalf("write: %v; the server stopped reading", err)
	}
	block := make([]byte, 64<<10)
	for at := 0; at < len(want); {
		n, err := io.ReadFull(nc, block[:min(len(block), len(want)-at)])
		if err != nil {
			t.Fatalf("byte %d of %d: %v", at+n, len(want), err)
		}
		if got := string(block[:n]); got != want[at:at+n] {
			t.Fatalf("from byte %d the replies are %.80q; want %.80q, and so on", at, got, want[at:])
		}
		at += n
	}
}

// A client that sends all before it reads gets all its replies: writes, reads,
// and what is queued, in the thick of which the kernel's buffers are full.
func TestAllBeforeReading(t *testing.T) {
	const many = 400_000
	times := strings.Repeat
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"SET": {bytes.Repeat(encode("SET k v"), many), times("+OK\r\n", many)},
		"GET": {append(encode("SET k "+times("x", 40)), bytes.Repeat(encode("GET k"), many)...),
			"+OK\r\n" + times("$40\r\n"+times("x", 40)+"\r\n", many)},
		"errors": {bytes.Repeat(encode("NOSUCH"), many),
			times("-ERR unknown command 'NOSUCH', with args beginning with: \r\n", many)},
		"MULTI": {append(append(encode("MULTI"), bytes.Repeat(encode("INCR n"), many)...), encode("DISCARD")...),
			"+OK\r\n" + times("+QUEUED\r\n", many) + "+OK\r\n"},
		"inline": {bytes.Repeat([]byte("PING\r\n"), 2*many), times("+PONG\r\n", 2*many)},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t)
			d := n.dial()
			allThenRead(t, d.nc, c.in, c.want)
			until(t, "hardly anything held", func() bool {
				st := n.srv.Stats()
				// A connection keeps an input buffer of some KiB for its next command.
				return st.HeldIn.Load() <= 64<<10 && st.HeldOut.Load()+st.HeldTx.Load() == 0
			})
		})
	}
}

// With TLS the tunnel's buffers come on top, and nothing else is different.
func TestAllBeforeReadingTLS(t *testing.T) {
	ca := certtest.New(t, "ours")
	n := start(t, secure(ca.Sign(t, "server", "127.0.0.1"), ca, tls.NoClientCert))
	nc, err := n.dialTLS(ca.Client())
	if err != nil {
		t.Fatal(err)
	}
	const many = 400_000
	allThenRead(t, nc, bytes.Repeat(encode("SET k v"), many), strings.Repeat("+OK\r\n", many))
}

// gone waits until the server has closed the connection, without reading while
// it has not.
func (c *client) gone(n *node, counter *atomic.Int64, before int64) {
	c.t.Helper()
	until(c.t, "end of the client", func() bool { return counter.Load() > before })
	_ = c.nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c.nc); err != nil && strings.Contains(err.Error(), "timeout") {
		c.t.Errorf("the connection is still open: %v", err)
	}
}

// A client that never reads is closed with the reason once it has come to its
// bound, and others go on; it is the same with what it has in its transaction.
func TestNeverReads(t *testing.T) {
	var log logtest.Log
	n := start(t, func(cfg *respd.Config) {
		cfg.MaxOutput, cfg.Stall, cfg.Logger = 8<<20, 300*time.Millisecond, log.Logger()
	})
	n.dial().want("SET k "+strings.Repeat("x", 10_000), "OK")
	n.dial().want("SET z 100000000000000000", "OK") // replies of some length, or it takes a million of them
	members := "SADD s"
	for i := range 10_000 {
		members += fmt.Sprintf(" %d", i)
	}
	n.dial().want(members, "(integer) 10000")
	out := &n.srv.Stats().OutputLimit
	for i, line := range []string{"PING", "GET k", "GETEX k", "INCR z", "SMEMBERS s"} {
		c := n.dial()
		go func() {
			in := bytes.Repeat(encode(line), 10_000)
			for {
				if _, err := c.nc.Write(in); err != nil {
					return
				}
			}
		}()
		most := int64(0)
		until(t, "end of the client of "+line, func() bool {
			most = max(most, n.srv.Stats().HeldOut.Load())
			return out.Load() > int64(i)
		})
		c.gone(n, out, int64(i))
		if most > 8<<20 {
			t.Errorf("%s: %d bytes unread; want at most 8 MiB", line, most)
		}
	}
	// The first is logged at once, more of them together: INFO counts all.
	if got := log.Count("client closed: it sends commands and takes no replies"); got == 0 {
		t.Errorf("no line says why; want one at least")
	}
	c := n.dial()
	c.want("PING", "PONG")
	c.want("INFO stats", "…client_output_buffer_limit_disconnections:5…")
	until(t, "nothing held", func() bool { return n.srv.Stats().HeldOut.Load() == 0 })
}

// A client that reads slowly is waited for and not closed, and no more is made
// for it than it reads.
func TestReadsSlowly(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxOutput, cfg.Stall = 64<<20, 2*time.Second })
	c := n.dial()
	c.want("SET k "+strings.Repeat("x", 100_000), "OK")
	const many = 300
	go c.nc.Write(bytes.Repeat(encode("GET k"), many))
	for i := range many {
		if i%10 == 0 {
			time.Sleep(5 * time.Millisecond) // the slowness that is meant
		}
		if v, err := c.r.ReadValue(); err != nil || len(v.Str()) != 100_000 {
			t.Fatalf("reply %d: %.80s, %v", i, v, err)
		}
	}
}

// What all clients together have unread is bounded, too: who doesn't read then
// waits, and is closed with the reason.
func TestNobodyReads(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxBuffers, cfg.Stall = 8<<20, time.Second })
	n.dial().want("SET k "+strings.Repeat("x", 10_000), "OK")
	const clients = 8
	for range clients {
		c := n.dial()
		go func() {
			in := bytes.Repeat(encode("GET k"), 10_000)
			for {
				if _, err := c.nc.Write(in); err != nil {
					return
				}
			}
		}()
	}
	st := n.srv.Stats()
	most := int64(0)
	until(t, "end of all", func() bool {
		most = max(most, st.HeldOut.Load())
		return st.OutputLimit.Load()+st.Evicted.Load() == clients // some for what they hold in all
	})
	// Past the bound each still gets what a client may have that reads.
	if bound := int64(8<<20 + clients*(2<<20+20_000)); most > bound {
		t.Errorf("%d bytes unread; want at most %d", most, bound)
	}
}

// A stranger is given no more than a reply buffer, whatever it sends, and one
// that has a password is served.
func TestStrangerDoesNotRead(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Password = "secret" })
	st := n.srv.Stats()
	for i, in := range [][]byte{
		bytes.Repeat([]byte("x\n"), 20_000),
		bytes.Repeat(encode("GET a"), 20_000),
		bytes.Repeat(encode("HELLO 9"), 20_000),
		bytes.Repeat(encode("AUTH wrong"), 20_000),
		bytes.Repeat(encode("NOSUCH "+strings.Repeat("x", 200)), 5_000),
	} {
		c := n.dial()
		sent := st.NetOut.Load()
		go c.nc.Write(in)
		c.gone(n, &st.OutputLimit, int64(i))
		if got := st.NetOut.Load() - sent; got > 1<<20 { // most of it is in its own kernel
			t.Errorf("%.20q: it was given %d bytes; want hardly more than a reply buffer", in, got)
		}
	}
	// Half a command of a stranger's is small, too.
	half := n.dial()
	half.send([]byte("*10\r\n" + strings.Repeat("$16000\r\n"+strings.Repeat("x", 16000)+"\r\n", 9)))
	until(t, "input", func() bool { return st.HeldIn.Load() >= 9*16000 })
	if got := st.HeldIn.Load(); got > 300_000 {
		t.Errorf("a stranger's input holds %d bytes; want less than twice its limits", got)
	}
	c := n.dial()
	c.want("AUTH secret", "OK")
	allThenRead(t, c.nc, bytes.Repeat(encode("GET a"), 20_000), strings.Repeat("$-1\r\n", 20_000))
}

// Half a command holds what has arrived of it, and no more: neither what is
// declared nor the double.
func TestHalfHolds(t *testing.T) {
	n := start(t)
	st := n.srv.Stats()
	for _, size := range []int{100, 70_000, 1 << 20, 7 << 20, 40 << 20} {
		for _, sent := range []int{0, size / 10, size / 2, size - 1} {
			c := n.dial()
			head := fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", size)
			before := st.NetIn.Load()
			c.send(append([]byte(head), bytes.Repeat([]byte("x"), sent)...))
			all := int64(len(head) + sent)
			until(t, "input", func() bool { return st.NetIn.Load() == before+all })
			c2 := n.dial()
			c2.want("PING", "PONG") // the loop has come around
			got := st.HeldIn.Load()
			if most := max(2*all, 1024); all < 512<<10 && got > most {
				t.Errorf("%d of %d bytes sent: %d held; want at most %d", sent, size, got, most)
			}
			if most := all + all/4 + 300<<10; all >= 512<<10 && got > most {
				t.Errorf("%d of %d bytes sent: %d held; want at most %d", sent, size, got, most)
			}
			c.drop()
			c2.drop()
			until(t, "nothing held", func() bool { return st.HeldIn.Load() == 0 })
		}
	}
}

// Input that has not become commands has a bound for all clients, past which the
// oldest half of a command goes first; the newest stays and becomes one.
func TestHalvesBound(t *testing.T) {
	var log logtest.Log
	var short atomic.Bool
	n := start(t, func(cfg *respd.Config) {
		cfg.MaxBuffers, cfg.Logger, cfg.OutOfMemory = 32<<20, log.Logger(), short.Load
	})
	st := n.srv.Stats()
	const size = 7 << 20
	half := append(fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", size), bytes.Repeat([]byte("x"), size-10)...)
	var cs []*client
	for i := range 12 {
		c := n.dial()
		cs = append(cs, c)
		_ = c.nc.SetWriteDeadline(time.Now().Add(patience))
		before := st.NetIn.Load()
		if _, err := c.nc.Write(half); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		until(t, "input", func() bool { return st.NetIn.Load() >= before+int64(len(half)) })
		until(t, "input within its bound", func() bool { return st.HeldIn.Load() <= 32<<20 })
	}
	if got := st.Evicted.Load(); got < 7 || got > 8 {
		t.Errorf("%d clients closed; want those 7 or 8 for whom there is no room", got)
	}
	for _, c := range cs[:7] {
		c.closed()
	}
	// The newest are whole.
	last := cs[len(cs)-1]
	last.send([]byte("xxxxxxxxxx\r\n"))
	last.expect("OK")
	// When memory is short there is less room.
	short.Store(true)
	c := n.dial()
	c.send(half)
	until(t, "others' end", func() bool { return st.HeldIn.Load() <= 9<<20 })
	c.send([]byte("xxxxxxxxxx\r\n"))
	c.expect("(error) OOM …")
	if log.Count("half of a command takes memory that others need") == 0 {
		t.Errorf("nothing says why they were closed")
	}
	c.want("INFO stats", "…evicted_clients:…")
}

// So many closed at once are not as many lines.
func TestFewWords(t *testing.T) {
	var log logtest.Log
	n := start(t, func(cfg *respd.Config) {
		cfg.Password, cfg.Logger = "secret", log.Logger()
	})
	st := n.srv.Stats()
	const clients = 60
	for i := range clients {
		c := n.dial()
		go c.nc.Write(bytes.Repeat([]byte("x\n"), 5_000))
		c.gone(n, &st.OutputLimit, int64(i))
	}
	if got := log.Count("client closed"); got == 0 || got > 40 {
		t.Errorf("%d lines for %d clients; want a few", got, clients)
	}
}

// What waits for EXEC is bounded for all clients together, and what is over is
// given back.
func TestQueuesBound(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxBuffers = 16 << 20 })
	a, b := n.dial(), n.dial()
	set := resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 6<<20))
	for _, c := range []*client{a, b} {
		c.want("MULTI", "OK")
	}
	a.send(set)
	a.expect("QUEUED")
	b.send(set)
	b.expect("QUEUED")
	b.send(set)
	b.expect("(error) ERR the transactions of all clients together …")
	b.want("EXEC", "(error) EXECABORT …")
	a.send(set)
	a.expect("QUEUED")
	a.want("DISCARD", "OK")
	a.want("MULTI", "OK")
	a.send(set)
	a.expect("QUEUED")
	a.drop()
	until(t, "nothing held", func() bool { return n.srv.Stats().HeldTx.Load() == 0 })
}
