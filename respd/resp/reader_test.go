package resp_test

// A Reader must read what servers send, refuse what isn't RESP, and neither
// hang, recurse without end, nor allocate on a header's word alone.

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"ledge/respd/resp"
)

// replyReader has a small buffer, so that long lines need more than one.
func replyReader(s string) *resp.Reader {
	return resp.NewReader(bufio.NewReaderSize(strings.NewReader(s), 16))
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, tt := range []struct {
		input string
		want  resp.Value
	}{
		{"$-1\r\n", resp.Nil},
		{"*-1\r\n", resp.NilArray},
		{"_\r\n", resp.Nil},
		{"+" + long + "\r\n", resp.Simple(long)},
		{"-ERR " + long + "\r\n", resp.Err(resp.Error("ERR " + long))},
		{"!8\r\nERR a\r\nb\r\n", resp.Err("ERR a  b")},
		{":+5\r\n", resp.Int(5)},
		{",1e3\r\n", resp.Double(1000)},
		{"(12345678901234567890\r\n", resp.BigNumber("12345678901234567890")},
		{"|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n", resp.Bulk("a")},
		{"*1\r\n|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n", resp.Array(resp.Bulk("a"))},
		{"%1\r\n+a\r\n~1\r\n#t\r\n", resp.Map(resp.Simple("a"), resp.Set(resp.Bool(true)))},
	} {
		got, err := replyReader(tt.input).ReadValue()
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("ReadValue(%q) = %v, %v; want %v", tt.input, got, err, tt.want)
		}
	}
}

func TestReaderSequence(t *testing.T) {
	r := replyReader("+OK\r\n:1\r\n")
	for _, want := range []resp.Value{resp.OK, resp.Int(1)} {
		if got, err := r.ReadValue(); err != nil || !got.Equal(want) {
			t.Errorf("ReadValue = %v, %v; want %v", got, err, want)
		}
	}
	if _, err := r.ReadValue(); err != io.EOF {
		t.Errorf("ReadValue at the end = %v; want io.EOF", err)
	}
}

func TestReaderCutShort(t *testing.T) {
	for _, tt := range encodings {
		for i := 1; i < len(tt.resp3); i++ {
			_, err := replyReader(tt.resp3[:i]).ReadValue()
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("ReadValue(%q) = %v; want unexpected EOF", tt.resp3[:i], err)
			}
		}
	}
}

func TestReaderMalformed(t *testing.T) {
	for _, input := range []string{
		"\r\n", "+OK\n", "?\r\n", "OK\r\n",
		":\r\n", ":x\r\n", ":99999999999999999999\r\n",
		"$x\r\n", "$-2\r\n", "$536870913\r\n", "$1\r\nabc\r\n",
		"$?\r\n", "*?\r\n", // Streamed types.
		"*-2\r\n", "*99999999999\r\n", "~-1\r\n",
		"_x\r\n", "#x\r\n", "#\r\n", ",x\r\n", "(1x\r\n", "(\r\n",
		"=2\r\nab\r\n", "=-1\r\n", "!-1\r\n",
		"+" + strings.Repeat("x", 2<<20) + "\r\n",
		strings.Repeat("*1\r\n", 1000) + ":1\r\n",
		strings.Repeat("|0\r\n", 1000) + ":1\r\n",
	} {
		_, err := replyReader(input).ReadValue()
		if _, ok := errors.AsType[resp.ProtocolError](err); !ok {
			t.Errorf("ReadValue(%.40q) = %v; want a ProtocolError", input, err)
		}
	}
}

// FuzzReader checks that what was read and written again reads the same.
func FuzzReader(f *testing.F) {
	for _, tt := range encodings {
		f.Add([]byte(tt.resp2))
		f.Add([]byte(tt.resp3))
	}
	f.Add([]byte("|1\r\n+a\r\n:1\r\n$1\r\na\r\n"))
	f.Add([]byte("!5\r\nERR a\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		v, err := resp.NewReader(bufio.NewReader(bytes.NewReader(input))).ReadValue()
		if err != nil {
			return
		}
		want := resp.Append(nil, v, 3)
		again, err := resp.NewReader(bufio.NewReader(bytes.NewReader(want))).ReadValue()
		if err != nil {
			t.Fatalf("ReadValue(%q) = %v; want %v", want, err, v)
		}
		if got := resp.Append(nil, again, 3); !bytes.Equal(got, want) {
			t.Errorf("%q read and written again = %q; want the same", want, got)
		}
	})
}
