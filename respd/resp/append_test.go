package resp_test

// What each kind looks like on the wire in either protocol, and that writing
// it doesn't allocate.

import (
	"bufio"
	"math"
	"strings"
	"testing"

	"ledge/respd/resp"
)

var encodings = []struct {
	name         string
	v            resp.Value
	resp2, resp3 string
}{
	{"zero", resp.Value{}, "$-1\r\n", "_\r\n"},
	{"ok", resp.OK, "+OK\r\n", "+OK\r\n"},
	{"pong", resp.Pong, "+PONG\r\n", "+PONG\r\n"},
	{"queued", resp.Queued, "+QUEUED\r\n", "+QUEUED\r\n"},
	{"none", resp.None, "", ""},
	{"nil", resp.Nil, "$-1\r\n", "_\r\n"},
	{"nil array", resp.NilArray, "*-1\r\n", "_\r\n"},
	{"simple", resp.Simple("a\r\nb"), "+a  b\r\n", "+a  b\r\n"},
	{"error", resp.Err("ERR a\nb\r\n"), "-ERR a b\r\n", "-ERR a b\r\n"},
	{"int 0", resp.Int(0), ":0\r\n", ":0\r\n"},
	{"int 9", resp.Int(9), ":9\r\n", ":9\r\n"},
	{"int 10", resp.Int(10), ":10\r\n", ":10\r\n"},
	{"int 99", resp.Int(99), ":99\r\n", ":99\r\n"},
	{"int 100", resp.Int(100), ":100\r\n", ":100\r\n"},
	{"int -1", resp.Int(-1), ":-1\r\n", ":-1\r\n"},
	{"int min", resp.Int(math.MinInt64),
		":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
	{"bulk", resp.Bulk("a\r\nb"), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
	{"empty bulk", resp.Bulk(""), "$0\r\n\r\n", "$0\r\n\r\n"},
	{"bytes", resp.Bytes([]byte("hello, world")),
		"$12\r\nhello, world\r\n", "$12\r\nhello, world\r\n"},
	{"true", resp.Bool(true), ":1\r\n", "#t\r\n"},
	{"false", resp.Bool(false), ":0\r\n", "#f\r\n"},
	{"double 3", resp.Double(3), "$1\r\n3\r\n", ",3\r\n"},
	{"double 0.1", resp.Double(0.1),
		"$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"},
	{"double 1e6", resp.Double(1e6), "$7\r\n1000000\r\n", ",1000000\r\n"},
	{"double 1e20", resp.Double(1e20), "$5\r\n1e+20\r\n", ",1e+20\r\n"},
	{"inf", resp.Double(math.Inf(1)), "$3\r\ninf\r\n", ",inf\r\n"},
	{"-inf", resp.Double(math.Inf(-1)), "$4\r\n-inf\r\n", ",-inf\r\n"},
	{"nan", resp.Double(math.NaN()), "$3\r\nnan\r\n", ",nan\r\n"},
	{"big number", resp.BigNumber("-123"), "$4\r\n-123\r\n", "(-123\r\n"},
	{"verbatim", resp.Verbatim("txt", "hi\n"), "$3\r\nhi\n\r\n", "=7\r\ntxt:hi\n\r\n"},
	{"empty array", resp.Array(), "*0\r\n", "*0\r\n"},
	{"strings", resp.Strings("a", ""), "*2\r\n$1\r\na\r\n$0\r\n\r\n",
		"*2\r\n$1\r\na\r\n$0\r\n\r\n"},
	{"array", resp.Array(resp.Int(1), resp.Nil, resp.Array(resp.OK)),
		"*3\r\n:1\r\n$-1\r\n*1\r\n+OK\r\n", "*3\r\n:1\r\n_\r\n*1\r\n+OK\r\n"},
	{"set", resp.Set(resp.Int(1), resp.Int(2)), "*2\r\n:1\r\n:2\r\n", "~2\r\n:1\r\n:2\r\n"},
	{"map", resp.Map(resp.Bulk("a"), resp.Bool(true)),
		"*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n#t\r\n"},
	{"pairs", resp.Pairs(resp.Bulk("a"), resp.Bool(true), resp.Bulk(""), resp.Nil),
		"*4\r\n$1\r\na\r\n:1\r\n$0\r\n\r\n$-1\r\n",
		"*2\r\n*2\r\n$1\r\na\r\n#t\r\n*2\r\n$0\r\n\r\n_\r\n"},
	{"no pairs", resp.Pairs(), "*0\r\n", "*0\r\n"},
	{"push", resp.Push(resp.Bulk("message")),
		"*1\r\n$7\r\nmessage\r\n", ">1\r\n$7\r\nmessage\r\n"},
}

// A series is one element of what it is in, though there are several replies.
func TestAppendSeries(t *testing.T) {
	v := resp.Array(resp.Series(resp.Push(resp.Int(1)), resp.Push(resp.Nil)), resp.OK)
	for proto, want := range map[int]string{
		2: "*2\r\n*1\r\n:1\r\n*1\r\n$-1\r\n+OK\r\n",
		3: "*2\r\n>1\r\n:1\r\n>1\r\n_\r\n+OK\r\n",
	} {
		if got := string(resp.Append(nil, v, proto)); got != want {
			t.Errorf("Append(RESP%d) = %q; want %q", proto, got, want)
		}
	}
	if got, want := v.String(), "[+[>[(integer) 1] >[(nil)]] OK]"; got != want {
		t.Errorf("String = %q; want %q", got, want)
	}
}

func TestAppend(t *testing.T) {
	for _, tt := range encodings {
		for proto, want := range map[int]string{2: tt.resp2, 3: tt.resp3} {
			got := string(resp.Append([]byte("before"), tt.v, proto))
			if got != "before"+want {
				t.Errorf("%s: Append(RESP%d) = %q; want %q after before",
					tt.name, proto, got, want)
			}
		}
	}
}

// RESP3 loses nothing but which nil it was, that arrays were pairs and what a
// line can't carry.
func TestAppendReadBack(t *testing.T) {
	for _, tt := range encodings {
		switch tt.v.Kind() {
		case resp.KindNone, resp.KindNilArray, resp.KindPairs:
			continue
		}
		r := resp.NewReader(bufio.NewReader(strings.NewReader(tt.resp3)))
		got, err := r.ReadValue()
		if err != nil || !got.Equal(tt.v) {
			t.Errorf("%s: ReadValue = %v, %v; want %v", tt.name, got, err, tt.v)
		}
	}
}

func TestAppendHelpers(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"Nil 2", string(resp.AppendNil(nil, 2)), "$-1\r\n"},
		{"Nil 3", string(resp.AppendNil(nil, 3)), "_\r\n"},
		{"Int", string(resp.AppendInt(nil, 1234)), ":1234\r\n"},
		{"Bulk", string(resp.AppendBulk(nil, "ab")), "$2\r\nab\r\n"},
		{"Bytes", string(resp.AppendBytes(nil, []byte("ab"))), "$2\r\nab\r\n"},
		{"ArrayLen", string(resp.AppendArrayLen(nil, 11)), "*11\r\n"},
		{"Command", string(resp.AppendCommand(nil, "GET", "k")),
			"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("Append%s = %q; want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	b := make([]byte, 0, 1024)
	name := strings.Repeat("x", 200)
	got := testing.AllocsPerRun(100, func() {
		b = resp.Append(b[:0], resp.OK, 2)
		b = resp.Append(b, resp.Int(123456), 2)
		b = resp.Append(b, resp.Bulk(name), 2)
		b = resp.Append(b, resp.Double(0.1), 2)
		b = resp.Append(b, resp.Bool(true), 3)
		b = resp.Append(b, resp.Nil, 3)
	})
	if got != 0 {
		t.Errorf("Append of simple replies allocates %v times; want 0", got)
	}
}

func BenchmarkAppendBulk(b *testing.B) {
	buf := make([]byte, 0, 1024)
	v := resp.Bulk(strings.Repeat("x", 64))
	for b.Loop() {
		buf = resp.Append(buf[:0], v, 2)
	}
}

func BenchmarkAppendArray100(b *testing.B) {
	buf := make([]byte, 0, 16<<10)
	v := resp.Strings(strings.Fields(strings.Repeat("element ", 100))...)
	for b.Loop() {
		buf = resp.Append(buf[:0], v, 2)
	}
}

// Size is what a value takes on the wire, but for what a value of it has beside its text.
func TestSize(t *testing.T) {
	var count func(v resp.Value) int
	count = func(v resp.Value) int {
		n := 1
		for _, e := range v.Elems() {
			n += count(e)
		}
		return n
	}
	long := strings.Repeat("x", 1000)
	all := []resp.Value{resp.Array(resp.Bulk(long), resp.Array(resp.Bulk(long), resp.Simple(long)), resp.Verbatim("txt", long))}
	for _, tt := range encodings {
		all = append(all, tt.v)
	}
	for _, v := range all {
		for proto := resp.RESP2; proto <= resp.RESP3; proto++ {
			wire := len(resp.Append(nil, v, proto))
			if off := v.Size() - wire; off < -32*count(v) || off > 16*count(v) {
				t.Errorf("Size of %v is %d; it takes %d bytes", v, v.Size(), wire)
			}
		}
	}
}
