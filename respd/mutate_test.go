package respd_test

// Requests that nobody should send: bytes flipped, lengths changed, cut short,
// put into each other, and other protocols with commands in what they carry. The
// server must neither crash nor hang, nor run what came in another protocol, nor
// take more memory than it may; and what its journal holds must add up to its
// state all the same.
//
// LEDGE_MUTATIONS is how many requests each of two nodes gets, one without a
// password and one with; 25,000 if it is not set. The bar is 1,000,000.
// -respd.seed takes a seed back that was printed.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	// mutantRound is how many requests one node gets before it is stopped,
	// checked and replaced: its journal is in memory and has all of them.
	mutantRound = 50_000
	// mutantMemory is how much more the process may have taken from the system
	// than before: the journal and the keys of a round, and what a client may
	// have unparsed and unread.
	mutantMemory = 384 << 20

	mutantClients = 4
)

func TestMutatedRequests(t *testing.T) {
	count := 25_000
	if s := os.Getenv("LEDGE_MUTATIONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("LEDGE_MUTATIONS is %q; want a number", s)
		}
		count = n
	}
	for _, password := range []string{"", "sesame"} {
		t.Run(fmt.Sprintf("password=%q", password), func(t *testing.T) {
			m := &mutants{password: password, seed: randomSeed(t)}
			m.calls = vocabulary()
			debug.FreeOSMemory()
			before, began := resident(), time.Now()
			for left := count; left > 0; left -= mutantRound {
				t.Run(fmt.Sprintf("%d left", left), func(t *testing.T) { m.round(t, min(left, mutantRound)) })
				if t.Failed() {
					return
				}
			}
			debug.FreeOSMemory()
			after := resident()
			t.Logf("%d requests in %s on %d connections, %d of them closed by the server, %d in other protocols; "+
				"%d replies, %d of them errors; %d MiB resident before, %d at most, %d after",
				m.requests.Load(), time.Since(began).Round(time.Millisecond), m.conns.Load(), m.closed.Load(),
				m.foreign.Load(), m.replies.Load(), m.errors.Load(), before>>20, m.peak.Load()>>20, after>>20)
			if took := m.peak.Load() - before; took > mutantMemory {
				t.Errorf("the process took %d MiB more; want %d at most", took>>20, mutantMemory>>20)
			}
			if m.replies.Load() == 0 || m.closed.Load() == 0 {
				t.Error("nothing was answered, or nothing closed: this has tested nothing")
			}
		})
	}
}

// mutants sends such requests and counts what comes of them.
type mutants struct {
	password string
	seed     uint64
	rounds   uint64
	calls    []*command.Spec

	requests, conns, closed, foreign, replies, errors atomic.Int64
	planted                                           atomic.Int64 // commands that were run from another protocol
	peak                                              atomic.Int64
}

// round sends so many requests to a node, which is checked in the end.
func (m *mutants) round(t *testing.T, count int) {
	n := start(t, func(cfg *respd.Config) {
		cfg.Password = m.password
		cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
			Name: "plant", Arity: -1, Flags: command.Write | command.NoAuth,
			Write: func(*replay.Draft, command.Args) (resp.Value, error) {
				m.planted.Add(1)
				return resp.OK, nil
			}}})
	})
	m.rounds++
	var left atomic.Int64
	left.Store(int64(count))
	var wg sync.WaitGroup
	for i := range mutantClients {
		rnd := rand.New(rand.NewPCG(m.seed, m.rounds<<8|uint64(i)))
		wg.Go(func() {
			for left.Load() > 0 && !t.Failed() {
				left.Add(-m.connection(t, n, rnd))
				m.peak.Store(max(m.peak.Load(), resident()))
			}
		})
	}
	wg.Wait()
	c := n.dial() // it serves still
	if m.password != "" {
		c.want("GET k1", "(error) NOAUTH …")
		c.want("AUTH "+m.password, "OK")
	}
	c.want("PING", "PONG")
	c.want("SET k1 last", "OK")
	c.want("GET k1", `"last"`)
	if got := m.planted.Load(); got != 0 {
		t.Fatalf("%d commands were run that came in another protocol", got)
	}
	if got := n.srv.Stats().Panics.Load(); got != 0 {
		t.Fatalf("%d commands panicked", got)
	}
}

// connection sends some requests on a connection of their own, in pieces, and
// reads what comes until the server has closed it. It returns how many.
func (m *mutants) connection(t *testing.T, n *node, rnd *rand.Rand) int64 {
	nc, err := net.Dial("tcp", n.srv.Addr().String())
	if err != nil {
		t.Error(err)
		return 1
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	m.conns.Add(1)
	b, count, foreign := m.payload(rnd)
	m.requests.Add(count)
	answered := make(chan int64, 1)
	go func() { answered <- m.read(t, nc) }()
	for len(b) > 0 {
		piece := len(b)
		if rnd.IntN(3) == 0 {
			piece = 1 + rnd.IntN(len(b))
		}
		if _, err := nc.Write(b[:piece]); err != nil {
			break // the server has closed it
		}
		b = b[piece:]
	}
	if foreign { // the server must end this one by itself
		m.foreign.Add(1)
		m.closed.Add(1)
	} else {
		_ = nc.(*net.TCPConn).CloseWrite()
	}
	m.replies.Add(<-answered)
	return count
}

// read reads replies until the connection ends, which it has to.
func (m *mutants) read(t *testing.T, nc net.Conn) (replies int64) {
	r := resp.NewReader(bufio.NewReaderSize(nc, 32<<10))
	for {
		v, err := r.ReadValue()
		var op *net.OpError
		var broken resp.ProtocolError
		switch {
		case errors.As(err, &op) && op.Timeout():
			t.Error("a connection was neither answered nor closed")
			return replies
		case errors.As(err, &broken): // RESP2 and RESP3 may have changed in the middle
			_, _ = io.Copy(io.Discard, nc)
			return replies
		case err != nil:
			return replies
		}
		replies++
		if v.IsError() {
			m.errors.Add(1)
			if strings.HasPrefix(v.ErrorText(), "ERR Protocol error") {
				m.closed.Add(1)
			}
		}
	}
}

// payload makes what one connection sends, and how many requests that is. What
// comes in another protocol is always after requests that are right: after any
// other it might be an argument, and what it carries would be the client's own.
func (m *mutants) payload(rnd *rand.Rand) (b []byte, count int64, foreign bool) {
	if m.password != "" && rnd.IntN(4) > 0 {
		b = resp.AppendCommand(b, "AUTH", m.password)
		count++
	}
	if rnd.IntN(6) == 0 {
		for range rnd.IntN(3) {
			b = append(b, encode("PING")...)
			count++
		}
		return append(b, foreignRequest(rnd)...), count + 1, true
	}
	for range 1 + rnd.IntN(40) {
		b = append(b, m.mutant(rnd)...)
		count++
	}
	if rnd.IntN(8) == 0 {
		b = b[:rnd.IntN(len(b)+1)]
	}
	return b, count, false
}

// mutant makes one request. Most are wrong only in what they say: after one that
// is wrong in its form a connection rarely goes on.
func (m *mutants) mutant(rnd *rand.Rand) []byte {
	words := m.request(rnd)
	if rnd.IntN(3) == 0 {
		i := rnd.IntN(len(words))
		words[i] = string(m.mutate(rnd, []byte(words[i])))
	}
	b := resp.AppendCommand(nil, words...)
	if rnd.IntN(20) > 0 {
		return b
	}
	if rnd.IntN(4) == 0 {
		b = []byte(strings.Join(words, " ") + "\r\n")
	}
	for range 1 + rnd.IntN(3) {
		b = m.mutate(rnd, b)
	}
	return b
}

// unusual are commands that stop or hold the server, or ask the node around it,
// which these tests lack.
var unusual = []string{"shutdown", "save", "bgsave", "lastsave", "replicaof", "slaveof", "role", "wait", "waitaof", "ledge", "clusterx",
	"debug", "pfselftest", "client", "config", "plant", "memory", "psync", "lolwut"}

// vocabulary returns the commands that requests are made of.
func vocabulary() (calls []*command.Spec) {
	for _, s := range respd.Commands().All() {
		if slices.Contains(unusual, s.Name) {
			continue
		}
		calls = append(calls, s)
		calls = append(calls, s.Subs...)
	}
	for _, name := range []string{"client|id", "client|list", "client|info", "client|getname", "client|setname", "client|reply",
		"client|unblock", "client|tracking", "config|get", "memory|usage", "memory|stats"} {
		calls = append(calls, respd.Commands().Find(name))
	}
	return calls
}

// values are arguments besides keys.
var values = []string{"", "0", "1", "-1", "2", "10", "100", "9223372036854775807", "-9223372036854775808", "4294967296",
	"1e308", "inf", "-inf", "nan", "(1", "[a", "-", "+", "*", "$", "x", "EX", "PX", "NX", "XX", "GET", "KEEPTTL", "WITHSCORES",
	"LIMIT", "MATCH", "COUNT", "LEFT", "RIGHT", "BYSCORE", "STORE", "FIELDS", "u8", "i64", "#1", "return 1", "return KEYS[1]",
	"\x00", "\r\n", "*3\r\n$3\r\nSET\r\n", "'", "\"", "\\x", "\xff\xfe", "a{b}c", strings.Repeat("v", 300)}

// request makes a request that is right in form, and has about as many arguments
// as it should.
func (m *mutants) request(rnd *rand.Rand) []string {
	spec := m.calls[rnd.IntN(len(m.calls))]
	words := strings.Split(spec.FullName(), "|")
	n := spec.Arity
	if n < 0 {
		n = -n + rnd.IntN(5)
	}
	if rnd.IntN(20) == 0 {
		n = rnd.IntN(9)
	}
	for len(words) < n {
		if rnd.IntN(2) == 0 || len(words) == 1 {
			words = append(words, "k"+strconv.Itoa(rnd.IntN(20)))
		} else {
			words = append(words, values[rnd.IntN(len(values))])
		}
	}
	return words
}

// lengths are put where a length is.
var lengths = []string{"0", "-1", "1", "2", "7", "16385", "65536", "1048576", "1048577", "67108864", "67108865", "536870912",
	"2147483647", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "+1", "01", " 1", "1 ",
	"0x10", "1e3", "", "x", strings.Repeat("9", 100)}

// mutate makes one thing wrong.
func (m *mutants) mutate(rnd *rand.Rand, b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	at := rnd.IntN(len(b))
	switch rnd.IntN(9) {
	case 0:
		b[at] ^= 1 << rnd.IntN(8)
	case 1:
		b[at] = byte(rnd.Uint32())
	case 2:
		return slices.Insert(b, at, byte(rnd.Uint32()))
	case 3:
		return slices.Delete(b, at, min(len(b), at+1+rnd.IntN(4)))
	case 4:
		return b[:at]
	case 5: // a length
		return otherLength(b, rnd)
	case 6: // an array in an array, deeper and deeper
		depth := 1 + rnd.IntN(50)
		return append([]byte(strings.Repeat(fmt.Sprintf("*%d\r\n", 1+rnd.IntN(3)), depth)), b...)
	case 7: // one in the midst of another
		return slices.Concat(b[:at], resp.AppendCommand(nil, m.request(rnd)...), b[at:])
	case 8: // twice the same piece
		end := min(len(b), at+1+rnd.IntN(16))
		return slices.Insert(b, at, bytes.Clone(b[at:end])...)
	}
	return b
}

// otherLength changes one of the lengths in a request.
func otherLength(b []byte, rnd *rand.Rand) []byte {
	var places []int
	for i, c := range b {
		if c == '*' || c == '$' {
			places = append(places, i+1)
		}
	}
	if len(places) == 0 {
		return b
	}
	at := places[rnd.IntN(len(places))]
	end := bytes.IndexByte(b[at:], '\r')
	if end < 0 {
		return b
	}
	return slices.Concat(b[:at], []byte(lengths[rnd.IntN(len(lengths))]), b[at+end:])
}

// foreignRequest is a request in another protocol with commands in all that it
// carries.
func foreignRequest(rnd *rand.Rand) []byte {
	text := func(list ...string) string { return list[rnd.IntN(len(list))] }
	eol := text("\r\n", "\r\n", "\n")
	plant := func() string {
		return text("PLANT"+eol, "plant a b"+eol, "*1\r\n$5\r\nPLANT\r\n", "*2\r\n$5\r\nplant\r\n$1\r\nx\r\n",
			"\r\nPLANT\r\n", "MULTI\r\nPLANT\r\nEXEC\r\n")
	}
	var carried strings.Builder
	for range 1 + rnd.IntN(4) {
		carried.WriteString(plant())
	}
	path := text("/", "*", "/a/b?c=d", "http://example.com/", "/"+strings.Repeat("x", rnd.IntN(2000)), "example.com:443", "/%0d%0aPLANT")
	header := func() string {
		return text("Accept: */*", "User-Agent: x", "Content-Type: text/plain", "Content-Length: 99", "X: y", "PLANT: 1", "Cookie: a=b")
	}
	switch rnd.IntN(10) {
	case 0, 1, 2:
		line := text("POST", "post", "Post") + " " + path + " HTTP/1.1" + eol
		for range rnd.IntN(4) {
			line += header() + eol
		}
		return []byte(line + eol + carried.String())
	case 3, 4:
		return []byte(text("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PRI", "MKCOL") + " " + path +
			text(" HTTP/1.1", " HTTP/1.0", " HTTP/2.0") + eol + header() + eol + eol + carried.String())
	case 5:
		return []byte(text("Host: ", "host: ", "HOST:") + "127.0.0.1" + eol + carried.String())
	case 6: // a hello of TLS of any version, with any bytes
		b := []byte{0x16, 0x03, byte(rnd.IntN(5))}
		b = binary.BigEndian.AppendUint64(b, rnd.Uint64())
		return append(append(b, "\r\n"...), carried.String()...)
	case 7:
		return []byte("SSH-" + text("2.0-OpenSSH_9.2", "1.99-x", "2.0-PuTTY") + eol + carried.String())
	case 8:
		names := make([]string, 0, len(openings))
		for name := range openings {
			names = append(names, name)
		}
		slices.Sort(names)
		return []byte(openings[text(names...)] + carried.String())
	}
	first := byte(rnd.IntN(9))
	if rnd.IntN(2) == 0 {
		first = 0x80 + byte(rnd.IntN(0x40))
	}
	b := binary.LittleEndian.AppendUint64([]byte{first}, rnd.Uint64())
	return append(append(b, "\r\n"...), carried.String()...)
}

// resident returns what the process has taken from the system and not given back.
func resident() int64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			return pages * int64(os.Getpagesize())
		}
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.Sys - s.HeapReleased)
}
