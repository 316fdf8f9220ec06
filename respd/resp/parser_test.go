package resp_test

// Commands must come out the same however their bytes arrive: at once, in two
// pieces cut anywhere, or one by one. Each test feeds them all these ways.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ledge/respd/resp"
)

// limits are small, so that short input reaches them.
var limits = resp.Parser{MaxBulk: 100, MaxArgs: 16, MaxInline: 40, Authed: true}

// parse feeds the pieces to a parser with p's limits, as a connection would,
// and returns the commands in print and then the error. The buffer moves
// between calls, and holds only what isn't parsed yet.
func parse(p resp.Parser, pieces ...[]byte) []string {
	var out []string
	var buf []byte
	var args [][]byte
	for _, piece := range pieces {
		buf = append(bytes.Clone(buf), piece...)
		for {
			var n int
			var err error
			args, n, err = p.Next(buf, args)
			if err != nil {
				return append(out, err.Error())
			}
			if n == 0 {
				break
			}
			out = append(out, fmt.Sprintf("%q", args))
			buf = buf[n:]
		}
	}
	return out
}

// eachWay checks that input gives want whichever way it arrives.
func eachWay(t *testing.T, p resp.Parser, input string, want []string) {
	t.Helper()
	in := []byte(input)
	if got := parse(p, in); !slices.Equal(got, want) {
		t.Errorf("Next(%.80q) = %q; want %q", input, got, want)
		return
	}
	for i := range in {
		if got := parse(p, in[:i], in[i:]); !slices.Equal(got, want) {
			t.Errorf("Next(%.80q) cut at %d = %q; want %q", input, i, got, want)
			return
		}
	}
	single := slices.Collect(slices.Chunk(in, 1))
	if got := parse(p, single...); !slices.Equal(got, want) {
		t.Errorf("Next(%.80q) byte by byte = %q; want %q", input, got, want)
	}
}

var commands = []struct {
	input string
	want  []string
}{
	{"", nil},
	{"*1\r\n$4\r\nPING\r\n", []string{`["PING"]`}},
	{"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n", []string{`["GET" "k"]`, `["PING"]`}},
	{"*2\r\n$0\r\n\r\n$11\r\nhello\r\ntwo\n\r\n", []string{`["" "hello\r\ntwo\n"]`}},
	{"*0\r\nPING\r\n", []string{`[]`, `["PING"]`}},
	{"*-1\r\n*-5\r\n\r\n\nPING\n", []string{`[]`, `[]`, `[]`, `[]`, `["PING"]`}},
	{"*10" + "\r\n" + strings.Repeat("$1\r\na\r\n", 10),
		[]string{"[" + strings.Repeat(` "a"`, 10)[1:] + "]"}},

	// What follows an argument, and what follows a CR, isn't looked at.
	{"*1\r\n$4\r\nPINGxx*1\rx$1\rxa\r\n", []string{`["PING"]`, `["a"]`}},

	// Incomplete commands wait.
	{"*", nil},
	{"*1\r", nil},
	{"*2\r\n$3\r\nGET\r\n$5\r\nab", nil},
	{"*1\r\n$4\r\nPING\r", nil},
	{"PING", nil},

	{"*\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*x\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*03\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*+3\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*-0\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*17\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*9223372036854775808\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*99999999999999999999\r\n", []string{"Protocol error: invalid multibulk length"}},
	{"*1\r\n$\r\n", []string{"Protocol error: invalid bulk length"}},
	{"*1\r\n$-1\r\n", []string{"Protocol error: invalid bulk length"}},
	{"*1\r\n$01\r\n", []string{"Protocol error: invalid bulk length"}},
	{"*1\r\n$101\r\n", []string{"Protocol error: invalid bulk length"}},
	{"*1\r\n$1000000000000\r\n", []string{"Protocol error: invalid bulk length"}},
	{"*1\r\nx4\r\n", []string{"Protocol error: expected '$', got 'x'"}},
	{"*1\r\n14\r\n", []string{"Protocol error: expected '$', got '1'"}},
	{"*1\r\n\r\n", []string{"Protocol error: expected '$', got '\r'"}},
	{"*" + strings.Repeat("1", 60), []string{"Protocol error: too big mbulk count string"}},
	{"*" + strings.Repeat("1", 60) + "\r\n",
		[]string{"Protocol error: too big mbulk count string"}},
	{"*1\r\n$" + strings.Repeat("1", 60) + "\r\n",
		[]string{"Protocol error: too big bulk count string"}},
	{strings.Repeat("a", 41), []string{"Protocol error: too big inline request"}},
	{strings.Repeat("a", 41) + "\n", []string{"Protocol error: too big inline request"}},
	{strings.Repeat("a", 40) + "\n", []string{`["` + strings.Repeat("a", 40) + `"]`}},
	{"*1\r\n$4\r\nPING\r\n*x\r\n", []string{`["PING"]`,
		"Protocol error: invalid multibulk length"}},
}

func TestParser(t *testing.T) {
	for _, tt := range commands {
		eachWay(t, limits, tt.input, tt.want)
	}
}

func TestParserUnauthed(t *testing.T) {
	tooMany := []string{"Protocol error: unauthenticated multibulk length"}
	tooLong := []string{"Protocol error: unauthenticated bulk length"}
	var p resp.Parser
	eachWay(t, p, "*11\r\n", tooMany)
	eachWay(t, p, "*10\r\n$16384\r\n", nil)
	eachWay(t, p, "*1\r\n$16385\r\n", tooLong)
	p.Authed = true
	eachWay(t, p, "*11\r\n$16385\r\n", nil)
	eachWay(t, p, "*1048576\r\n$536870912\r\n", nil)
	eachWay(t, p, "*1048577\r\n", []string{"Protocol error: invalid multibulk length"})
	eachWay(t, p, "*1\r\n$536870913\r\n", []string{"Protocol error: invalid bulk length"})
}

// A client must be able to grow its buffer once and for all.
func TestParserWant(t *testing.T) {
	command := "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n"
	p := resp.Parser{Authed: true}
	for _, tt := range []struct{ arrived, want int }{
		{3, 0}, {8, 13}, {13, 0}, {17, len(command)}, {23, len(command)},
	} {
		if _, n, err := p.Next([]byte(command[:tt.arrived]), nil); n != 0 || err != nil {
			t.Fatalf("Next of %d bytes = %d, %v; want 0, nil", tt.arrived, n, err)
		}
		if got := p.Want(); got != tt.want {
			t.Errorf("Want after %d bytes = %d; want %d", tt.arrived, got, tt.want)
		}
	}
	p.Reset()
	args, n, err := p.Next([]byte("PING\r\n"), nil)
	if len(args) != 1 || n != 6 || err != nil {
		t.Errorf("Next after Reset = %q, %d, %v; want PING, 6, nil", args, n, err)
	}
}

// Appending to one argument mustn't write over the next, and the scratch the
// caller brings must be used.
func TestParserArgs(t *testing.T) {
	p := resp.Parser{Authed: true}
	for _, input := range []string{"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "a b\r\n"} {
		scratch := make([][]byte, 3, 8)
		args, _, err := p.Next([]byte(input), scratch)
		if err != nil || len(args) != 2 {
			t.Fatalf("Next(%q) = %q, %v; want two arguments", input, args, err)
		}
		_ = append(args[0], "xxxxxxxxxx"...)
		if got, want := string(args[1]), "b"; got != want {
			t.Errorf("Next(%q): second argument = %q; want %q", input, got, want)
		}
		if &args[0] != &scratch[0] {
			t.Errorf("Next(%q) didn't use the caller's scratch; want it to", input)
		}
	}
}

func TestParserAllocatesNothing(t *testing.T) {
	p := resp.Parser{Authed: true}
	input := []byte("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")
	plain := []byte("SET key value\r\n")
	args := make([][]byte, 0, 8)
	got := testing.AllocsPerRun(100, func() {
		args, _, _ = p.Next(input[:20], args)
		args, _, _ = p.Next(input, args)
		args, _, _ = p.Next(plain, args)
	})
	if got != 0 {
		t.Errorf("Next allocates %v times; want 0", got)
	}
}

// FuzzParser cuts input at places drawn from seed; the result must not depend
// on them.
func FuzzParser(f *testing.F) {
	for i, tt := range commands {
		f.Add([]byte(tt.input), uint64(i))
	}
	for i, tt := range words {
		f.Add([]byte(tt.line+"\r\n"), uint64(i))
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		p := limits
		p.Authed = seed%2 == 0
		rng := rand.New(rand.NewPCG(seed, 0))
		var pieces [][]byte
		for rest := input; len(rest) > 0; {
			n := min(1+rng.IntN(20), len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		want := parse(p, input)
		if got := parse(p, pieces...); !slices.Equal(got, want) {
			t.Errorf("Next(%q) in pieces (seed %d) = %q; want %q", input, seed, got, want)
		}
	})
}

func BenchmarkParserSet(b *testing.B) {
	p := resp.Parser{Authed: true}
	input := resp.AppendCommand(nil, "SET", "key:000000012345", strings.Repeat("x", 64))
	args := make([][]byte, 0, 8)
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		args, _, _ = p.Next(input, args)
	}
}

// A large argument in small pieces must cost by the pieces, not by the bytes.
func BenchmarkParserPieces(b *testing.B) {
	p := resp.Parser{Authed: true}
	input := resp.AppendCommand(nil, "SET", "key", strings.Repeat("x", 100<<20))
	args := make([][]byte, 0, 8)
	for b.Loop() {
		for n := 16 << 10; n < len(input); n += 16 << 10 {
			args, _, _ = p.Next(input[:n], args)
		}
		args, _, _ = p.Next(input, args)
	}
}
