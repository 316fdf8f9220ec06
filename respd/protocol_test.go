package respd_test

// How bytes become commands and replies: in which pieces they come, and what
// happens when they are too many or wrong.

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/respd"
	"ledge/respd/resp"
)

// A pipeline may be cut anywhere; the replies are the same.
func TestSplitAnywhere(t *testing.T) {
	n := start(t)
	in := append(encode("SET k 1", "INCR k", "MULTI", "GET k", "SET k 5", "EXEC"),
		"\r\n  \r\nGET k\r\necho \"a b\"\n*0\r\n"...)
	in = append(in, encode("SELECT 1", "GET k", "SELECT 0", "DEL k")...)
	received := int64(0)
	for cut := 1; cut < len(in); cut++ {
		c := n.dial()
		c.send(in[:cut])
		if cut%8 == 0 { // too slow to do for each
			until(t, "the first part", func() bool {
				return n.srv.Stats().NetIn.Load() >= received+int64(cut)
			})
		}
		received += int64(len(in))
		c.send(in[cut:])
		c.expect("OK", "(integer) 2", "OK", "QUEUED", "QUEUED", `["2" OK]`,
			`"5"`, `"a b"`, "OK", "(nil)", "OK", "(integer) 1")
		c.nc.Close()
		if t.Failed() {
			t.Fatalf("cut at %d: %q", cut, in[:cut])
		}
	}
}

// Byte by byte is a way of arriving, too.
func TestByteByByte(t *testing.T) {
	n := start(t)
	c := n.dial()
	for _, b := range append(encode("SET k 1", "WATCH k", "MULTI", "INCR k", "EXEC"), "PING\r\n"...) {
		c.send([]byte{b})
	}
	c.expect("OK", "OK", "OK", "QUEUED", "[(integer) 2]", "PONG")
}

func TestBigValue(t *testing.T) {
	n := start(t)
	c := n.dial()
	big := strings.Repeat("x", 5<<20)
	in := resp.AppendCommand(nil, "SET", "big", big)
	go func() { // in small writes, which TCP may join
		for piece := range slices.Chunk(in, 1400) {
			if _, err := c.nc.Write(piece); err != nil {
				return
			}
		}
	}()
	c.expect("OK")
	c.send(encode("STRLEN big", "GET big"))
	c.expect("(integer) 5242880")
	if v, err := c.r.ReadValue(); err != nil || v.Str() != big {
		t.Errorf("GET big = %d bytes, %v; want the %d that were set", len(v.Str()), err, len(big))
	}
	// Beyond the limit it is refused with the figure, and the connection goes on.
	in = resp.AppendCommand(nil, "SET", "bigger", strings.Repeat("x", 9<<20))
	in = append(in, encode("EXISTS bigger", "PING")...)
	go c.nc.Write(in)
	c.expect("(error) ERR …max-value is 8388608…", "(integer) 0", "PONG")
}

// One command of very many small arguments is longer than a round's reading.
func TestManyArguments(t *testing.T) {
	n := start(t)
	c := n.dial()
	const keys = 50_000
	args := []string{"MSET"}
	for i := range keys {
		args = append(args, fmt.Sprint("key:", i), fmt.Sprintf("%050d", i))
	}
	in := resp.AppendCommand(encode("PING"), args...)
	in = append(in, encode("DBSIZE", "STRLEN key:777", "PING")...)
	if len(in) < 3<<20 {
		t.Fatalf("command of %d bytes; want more than 3 MiB", len(in))
	}
	go c.nc.Write(in)
	c.expect("PONG", "OK", fmt.Sprintf("(integer) %d", keys), "(integer) 50", "PONG")
}

func TestLongPipeline(t *testing.T) {
	needsLoop(t)
	const commands = 10_000
	for _, line := range []string{"INCR n", "PING", "GET n", "GETSET big " + strings.Repeat("x", 1000)} {
		n := start(t)
		c := n.dial()
		n.dial().want("SET big "+strings.Repeat("x", 1000), "OK")
		go c.nc.Write(bytes.Repeat(encode(line), commands))
		for i := range commands {
			got, want := c.next(), ""
			switch {
			case line == "INCR n":
				want = fmt.Sprintf("(integer) %d", i+1)
			case line == "PING":
				want = "PONG"
			case line == "GET n":
				want = "(nil)"
			default:
				want = fmt.Sprintf("%q", strings.Repeat("x", 1000))
			}
			if got != want {
				t.Fatalf("%.20s: reply %d = %.80s; want %.80s", line, i, got, want)
			}
		}
		// A pipeline is a few entries of the journal, not one a command.
		if got := n.journal.Appends(); got > 100 {
			t.Errorf("%.20s: %d appends for %d commands; want at most 100", line, got, commands)
		}
	}
}

func TestProtocolErrors(t *testing.T) {
	n := start(t)
	for _, tt := range []struct{ in, want string }{
		{"*1\r\n+PING\r\n", "expected '$', got '+'"},
		{"*x\r\n", "invalid multibulk length"},
		{"*2000000\r\n", "invalid multibulk length"},
		{"*1\r\n$-1\r\n", "invalid bulk length"},
		{"*1\r\n$999999999\r\n", "invalid bulk length"},
		{"GET \"a\r\n", "unbalanced quotes in request"},
		{strings.Repeat("x", 70<<10), "too big inline request"},
		{"*1\r\n$" + strings.Repeat("1", 70<<10), "too big bulk count string"},
	} {
		c := n.dial()
		c.send(append(encode("SET a 1"), tt.in...))
		c.expect("OK", "(error) ERR Protocol error: "+tt.want)
		c.closed()
	}
}

// A stranger gets nothing and can make the server hold little.
func TestUnauthenticated(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Password = "secret" })
	const noauth = "(error) NOAUTH Authentication required."
	c := n.dial()
	c.send(encode("GET a", "SET a 1", "MULTI", "EXEC", "CLIENT LIST", "WATCH a", "INFO", "NOSUCH"))
	c.expect(noauth, noauth, noauth, "(error) EXECABORT Transaction discarded because of: NOAUTH Authentication required.",
		noauth, noauth, noauth, "(error) ERR unknown command …")
	c.want("PING", noauth)
	c.want("AUTH wrong", "(error) WRONGPASS …")
	c.want("HELLO 3", "(error) NOAUTH HELLO must be called …")
	c.send(encode("AUTH secret", "SET a 1 EX 100", "MSET a 1 b 2 c 3 d 4 e 5 f 6", "QUIT"))
	c.expect("OK", "OK", "OK", "OK")
	c.closed()
	for _, tt := range []struct{ in, want string }{
		{"*11\r\n", "unauthenticated multibulk length"},
		{"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"},
	} {
		c := n.dial()
		c.send([]byte(tt.in))
		c.expect("(error) ERR Protocol error: " + tt.want)
		c.closed()
	}
	c = n.dial()
	c.send(encode("HELLO 3 AUTH default secret", "GET a"))
	c.expect("{…}", `"1"`)
}

// HELLO changes the protocol of the replies after it, in the same pipeline.
func TestHelloInPipeline(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.send(encode("GET no", "SET a 1", "HELLO 3", "GET no", "CONFIG GET databases", "HELLO 2", "GET no"))
	want := "$-1\r\n+OK\r\n%7\r\n"
	if got := c.raw(len(want)); got != want {
		t.Fatalf("replies = %q; want %q", got, want)
	}
	c = n.dial()
	c.send(encode("HELLO 3", "GET no", "CONFIG GET databases", "HELLO 2", "CONFIG GET databases", "GET no"))
	c.expect("{…}", "(nil)", `{"databases" "16"}`, `["server" …]`, `["databases" "16"]`, "(nil)")
}

// raw reads n bytes past the decoder, which must not have been used.
func (c *client) raw(n int) string {
	c.t.Helper()
	b := make([]byte, n)
	for at := 0; at < n; {
		m, err := c.nc.Read(b[at:])
		if err != nil {
			c.t.Fatalf("read: %v after %q", err, b[:at])
		}
		at += m
	}
	return string(b)
}

func TestClientReply(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.send(encode("CLIENT REPLY SKIP", "SET a 1", "GET a", "CLIENT REPLY OFF", "SET a 2", "GET a",
		"PING", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "GET a"))
	c.expect(`"1"`, "OK", `"2"`)
	// When an append fails, the commands run again with the same ones left out.
	n.journal.FailNext(errFull)
	c.send(encode("CLIENT REPLY SKIP", "SET a 3", "GET a", "SET a 4"))
	c.expect(`"2"`, misconf)
}

// QUIT ends the pipeline where it stands; the writes before it are answered.
func TestQuitInPipeline(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.send(encode("SET a 1", "GET a", "QUIT", "SET a 2", "GET a"))
	c.expect("OK", `"1"`, "OK")
	c.closed()
	n.dial().want("GET a", `"1"`)
}

// A client that sends no more still gets what it asked for, and then the end.
func TestHalfClosed(t *testing.T) {
	n := start(t)
	for _, behind := range []bool{false, true} {
		for _, lines := range [][]string{
			{"PING"},
			{"SET a 1", "GET a", "WATCH a", "SET a 2", "GET a"},
			{"GET a", "KEYS a*", "GET a"},
			{"DEBUG SLEEP 0.01", "INCR n", "DEBUG SLEEP 0.01", "PING"},
		} {
			c := n.dial()
			before, in := n.srv.Stats().NetIn.Load(), encode(lines...)
			c.send(in)
			if behind { // the end arrives after the commands, or with them
				until(t, "the commands", func() bool {
					return n.srv.Stats().NetIn.Load() >= before+int64(len(in))
				})
			}
			if err := c.nc.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for range lines {
				_ = c.next()
			}
			c.closed()
		}
	}
	c := n.dial()
	go func() {
		c.nc.Write(bytes.Repeat(encode("INCR big", "GET big", "ECHO x"), 20_000))
		c.nc.CloseWrite()
	}()
	for range 60_000 {
		_ = c.next()
	}
	c.closed()
	n.dial().want("GET big", `"20000"`)
}

func TestMaxClients(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxClients = 2 })
	a, b := n.dial(), n.dial()
	a.want("PING", "PONG")
	b.want("PING", "PONG")
	c := n.dial()
	c.expect("(error) ERR max number of clients reached")
	c.closed()
	a.nc.Close()
	b.want("CONFIG SET maxclients 2", "OK")
	until(t, "a place", func() bool { return strings.Count(b.do("CLIENT LIST"), "laddr=") == 1 })
	n.dial().want("PING", "PONG")
	b.want("INFO stats", "…rejected_connections:1…")
}

// The commands of one MULTI are bounded; the transaction is then refused.
func TestQueueBound(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxQueued = 64 << 20 })
	c := n.dial()
	c.want("MULTI", "OK")
	in := resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 7<<20))
	for range 9 {
		c.send(in)
		c.expect("QUEUED")
	}
	c.send(in)
	c.expect("(error) ERR transaction of more than 67108864 bytes …")
	c.want("EXEC", "(error) EXECABORT …")
	c.want("DBSIZE", "(integer) 0")
}

// What can't be a command any more, being longer than the query buffer, ends
// the connection.
func TestInputBound(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxInput = 1 << 20 })
	c := n.dial()
	go func() {
		c.nc.Write([]byte("*1000000\r\n"))
		arg := []byte("$1\r\nx\r\n")
		for {
			if _, err := c.nc.Write(bytes.Repeat(arg, 1000)); err != nil {
				return
			}
		}
	}()
	c.closed()
	// More than that in one pipeline is no matter.
	c = n.dial()
	go c.nc.Write(bytes.Repeat(encode("ECHO "+strings.Repeat("x", 1000)), 4000))
	for range 4000 {
		if got := c.next(); len(got) != 1002 {
			t.Fatalf("ECHO = %d bytes; want 1002", len(got))
		}
	}
}

// noAnswer checks that nothing arrives for a while.
func (c *client) noAnswer(d time.Duration) {
	c.t.Helper()
	_ = c.nc.SetReadDeadline(time.Now().Add(d))
	var b [1]byte
	k, err := c.nc.Read(b[:])
	if ne, ok := err.(net.Error); k > 0 || !ok || !ne.Timeout() {
		c.t.Errorf("got %q, %v; want nothing", b[:k], err)
	}
	_ = c.nc.SetDeadline(time.Now().Add(2 * patience))
}
