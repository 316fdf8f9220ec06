package respd_test

// Replies that are made while they are sent: those of SRANDMEMBER, HRANDFIELD
// and ZRANDMEMBER with large negative counts.

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd"
)

// abc puts "?" for the members a, b and c.
var abc = strings.NewReplacer("a", "?", "b", "?", "c", "?")

// line reads one line of a reply.
func line(t *testing.T, r *bufio.Reader) string {
	s, err := r.ReadSlice('\n')
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(s, []byte("\r\n")))
}

// As many elements come as were asked for, each from the key as it was when the
// command ran, in both protocols; and others are served meanwhile.
func TestManyRepeats(t *testing.T) {
	n := start(t)
	admin := n.dial()
	admin.want("SADD s a b c", "(integer) 3")
	admin.want("HSET h f v", "(integer) 1")
	admin.want("ZADD z 1 m", "(integer) 1")
	for _, tt := range []struct {
		proto, count int
		line         string
		head         string
		each         string // "?" is one of a, b and c
	}{
		{2, 1_500_000, "SRANDMEMBER s -1500000", "*1500000", "$1\r\n?\r\n"},
		{2, 2_000_000, "ZRANDMEMBER z -2000000 WITHSCORES", "*4000000", "$1\r\nm\r\n$1\r\n1\r\n"},
		{3, 2_000_000, "ZRANDMEMBER z -2000000 WITHSCORES", "*2000000", "*2\r\n$1\r\nm\r\n,1\r\n"},
		{2, 1_100_000, "ZRANDMEMBER z -1100000", "*1100000", "$1\r\nm\r\n"},
		{2, 1_100_000, "HRANDFIELD h -1100000 WITHVALUES", "*2200000", "$1\r\nf\r\n$1\r\nv\r\n"},
		{3, 1_100_000, "HRANDFIELD h -1100000 WITHVALUES", "*1100000", "*2\r\n$1\r\nf\r\n$1\r\nv\r\n"},
		{2, 17_000, "SRANDMEMBER s -17000", "*17000", "$1\r\n?\r\n"},
	} {
		c := n.dial()
		if tt.proto == 3 {
			_ = c.do("HELLO 3")
		}
		_ = c.nc.SetDeadline(time.Now().Add(2 * patience))
		c.send(encode(tt.line, "PING"))
		r := bufio.NewReaderSize(c.nc, 1<<16)
		if got := line(t, r); got != tt.head {
			t.Fatalf("%s begins with %q; want %q", tt.line, got, tt.head)
		}
		admin.want("DEL s h z", "(integer) 3")
		admin.want("SADD s d", "(integer) 1")
		const some = 1000
		want := strings.Repeat(tt.each, some)
		got := make([]byte, len(want))
		for i := 0; i < tt.count; i += some {
			_ = c.nc.SetReadDeadline(time.Now().Add(2 * patience)) // what is bounded is a wait, and not the whole of a long reply
			if _, err := io.ReadFull(r, got); err != nil {
				t.Fatal(err)
			}
			if abc.Replace(string(got)) != want {
				t.Fatalf("%s: the elements from %d on are %.80q …; want %.80q …", tt.line, i, got, want)
			}
		}
		if got := line(t, r); got != "+PONG" {
			t.Errorf("%s is followed by %q; want PONG", tt.line, got)
		}
		admin.want("DEL s", "(integer) 1")
		admin.want("SADD s a b c", "(integer) 3")
		admin.want("HSET h f v", "(integer) 1")
		admin.want("ZADD z 1 m", "(integer) 1")
		c.drop()
	}
}

// One that nobody reads pauses, holds little, lets others go on, and ends with
// its client; or with the server.
func TestStreamPauses(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Stall = 500 * time.Millisecond })
	admin := n.dial()
	admin.want("SADD s a b c", "(integer) 3")
	c := n.dial()
	c.send(encode("SRANDMEMBER s -" + "1099511627776"))
	st := n.srv.Stats()
	most := int64(0)
	until(t, "end of a client that doesn't read", func() bool {
		most = max(most, st.HeldOut.Load())
		admin.want("SADD s d", "(integer) 1")
		admin.want("SREM s d", "(integer) 1")
		return st.OutputLimit.Load() == 1
	})
	if most > 2<<20 {
		t.Errorf("a reply that nobody reads held %d bytes; want little", most)
	}
	killed := n.dial()
	id := strings.TrimPrefix(killed.do("CLIENT ID"), "(integer) ")
	killed.send(encode("SRANDMEMBER s -" + "1099511627776"))
	until(t, "replies", func() bool { return st.HeldOut.Load() > 0 })
	admin.want("CLIENT KILL ID "+id, "(integer) 1")
	until(t, "end of a client that was killed", func() bool { return st.HeldOut.Load() == 0 })
	quiet := n.dial()
	quiet.send(encode("CLIENT REPLY OFF", "SRANDMEMBER s -"+"1099511627776", "CLIENT REPLY ON"))
	quiet.expect("OK")
}

// Where a reply can't be made while it is sent it is made as far as it may go;
// past that the client is closed with the reason, and gets no error.
func TestManyRepeatsInMulti(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.want("SADD s a", "(integer) 1")
	for _, write := range []string{"PING", "SADD s a"} {
		c.want("MULTI", "OK")
		c.want(write, "QUEUED")
		c.want("SRANDMEMBER s -1500000", "QUEUED")
		first := map[string]string{"PING": "+PONG", "SADD s a": ":0"}[write]
		want := "*2\r\n" + first + "\r\n*1500000\r\n" + strings.Repeat("$1\r\na\r\n", 1_500_000)
		_ = c.nc.SetDeadline(time.Now().Add(4 * patience))
		c.send(encode("EXEC"))
		if got := c.raw(len(want)); got != want {
			t.Fatalf("EXEC = %.80s …; want %.80s …", got, want)
		}
		for _, line := range []string{"SRANDMEMBER s", "ZRANDMEMBER z", "HRANDFIELD h"} {
			n.dial().do("ZADD z 1 m")
			n.dial().do("HSET h f v")
			d := n.dial()
			d.want("MULTI", "OK")
			d.want(write, "QUEUED")
			d.want(line+" -"+"1099511627776", "QUEUED")
			before := n.srv.Stats().OutputLimit.Load()
			d.send(encode("EXEC"))
			d.closed()
			if got := n.srv.Stats().OutputLimit.Load(); got != before+1 {
				t.Errorf("%s in a transaction: %d clients closed for their output; want 1", line, got-before)
			}
		}
	}
}

// Replies that are longer than any may be close their clients, whatever kind
// they are of, and are counted.
func TestLongReplies(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxOutput = 2 << 20 })
	c := n.dial()
	c.want("SET k "+strings.Repeat("x", 100_000), "OK")
	for i := range 40 {
		c.want(fmt.Sprintf("RPUSH l %d%s", i, strings.Repeat("x", 100_000)), "(integer) "+strconv.Itoa(i+1))
		c.want(fmt.Sprintf("HSET h %d%s v", i, strings.Repeat("x", 100_000)), "(integer) 1")
		c.want(fmt.Sprintf("SADD s %d%s", i, strings.Repeat("x", 100_000)), "(integer) 1")
		c.want(fmt.Sprintf("SET %d%s v", i, strings.Repeat("x", 100_000)), "OK")
	}
	for i, line := range []string{"LRANGE l 0 -1", "HGETALL h", "SMEMBERS s", "KEYS *", "SUNION s s", "LPOP l 40",
		"MGET" + strings.Repeat(" k", 40), "SRANDMEMBER s 40", "HRANDFIELD h 40"} {
		d := n.dial()
		d.send(encode(line))
		d.closed()
		if got := n.srv.Stats().OutputLimit.Load(); got != int64(i+1) {
			t.Errorf("%.20s: %d clients closed for their output; want %d", line, got, i+1)
		}
	}
}
