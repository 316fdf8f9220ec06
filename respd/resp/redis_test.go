package resp_test

// The same bytes to a real redis-server and to the parser: the answers must
// be equal. Skipped where redis-server isn't installed.

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"

	"ledge/respd/redistest"
	"ledge/respd/resp"
)

// ask sends input and returns the first reply.
func ask(t *testing.T, addr, input string) resp.Value {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server may hang up before it has read all; its reply says why.
	go io.WriteString(conn, input)
	v, err := resp.NewReader(bufio.NewReader(conn)).ReadValue()
	if err != nil {
		t.Fatalf("reply to %.40q: %v", input, err)
	}
	return v
}

// sameError checks that parser and server refuse input with the same reply.
func sameError(t *testing.T, p resp.Parser, addr, input string) {
	t.Helper()
	_, _, err := p.Next([]byte(input), nil)
	if err == nil {
		t.Errorf("Next(%.40q) has no error; want one", input)
		return
	}
	got := resp.FromError(err)
	if want := ask(t, addr, input); !got.Equal(want) {
		t.Errorf("Next(%.40q) = %v; Redis says %v", input, got, want)
	}
}

func TestRedisProtocolErrors(t *testing.T) {
	addr := redistest.Start(t)
	long := strings.Repeat("1", 70000)
	for _, input := range []string{
		"*\r\n", "*x\r\n", "*03\r\n", "*+3\r\n", "*-0\r\n", "*2147483648\r\n",
		"*99999999999999999999\r\n", "*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$01\r\n",
		"*1\r\n$536870913\r\n", "*1\r\nx4\r\n", "*1\r\n\r\n",
		"*" + long, "*1\r\n$" + long, long, `"a`, `a"b"c`,
	} {
		if !strings.HasSuffix(input, long) && !strings.HasSuffix(input, "\r\n") {
			input += "\r\n"
		}
		sameError(t, resp.Parser{Authed: true}, addr, input)
	}
}

func TestRedisUnauthed(t *testing.T) {
	addr := redistest.Start(t, "--requirepass", "secret")
	for _, input := range []string{"*11\r\n", "*1\r\n$16385\r\n"} {
		sameError(t, resp.Parser{}, addr, input)
	}
}

// MGET and its like would hide the words; a script returns them all.
func TestRedisInline(t *testing.T) {
	addr := redistest.Start(t)
	for _, tt := range words {
		input := strings.Replace(tt.line, "a", `EVAL "return ARGV" 0`, 1) + "\r\n"
		p := resp.Parser{Authed: true}
		args, _, err := p.Next([]byte(input), nil)
		var got resp.Value
		if err != nil {
			got = resp.FromError(err)
		} else {
			var vs []resp.Value
			for _, a := range args[3:] {
				vs = append(vs, resp.Bytes(a))
			}
			got = resp.Array(vs...)
		}
		if want := ask(t, addr, input); !got.Equal(want) {
			t.Errorf("Next(%q) = %v; Redis says %v", input, got, want)
		}
	}
}

func TestRedisDoubles(t *testing.T) {
	addr := redistest.Start(t)
	for _, f := range []float64{0, 1, -1, 0.1, 1.0 / 3, 1e6, 1e16, 1e17, 1e18, 1e20, 1e21,
		123456.789, 1e-4, 1e-5, 1e100, 1e-100, 5e-324, math.MaxFloat64, 1 << 53,
		math.Inf(1), math.Inf(-1)} {
		add := string(resp.AppendCommand(nil, "ZADD", "z", fmt.Sprint(f), "m"))
		ask(t, addr, add)
		reply := ask(t, addr, string(resp.AppendCommand(nil, "ZSCORE", "z", "m")))
		want := string(resp.Append(nil, reply, 2))
		if got := string(resp.Append(nil, resp.Double(f), 2)); got != want {
			t.Errorf("Append(Double(%v)) = %q; Redis says %q", f, got, want)
		}
	}
}
