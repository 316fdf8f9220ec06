package resp_test

// How a line typed by hand splits into words. redis_test.go puts the same
// table to a real server.

import (
	"testing"

	"ledge/respd/resp"
)

var words = []struct {
	line string
	want string // The arguments in print, or "" if the quotes are wrong.
}{
	{`a b`, `["a" "b"]`},
	{"\t a  b ", `["a" "b"]`},
	{"\v\fa b", `["a" "b"]`},
	{"a b\vc", `["a" "b\vc"]`},
	{"a b\rc", `["a" "b" "c"]`},
	{`a "b c"`, `["a" "b c"]`},
	{`a ""`, `["a" ""]`},
	{`a ''`, `["a" ""]`},
	{`a b"c d"`, `["a" "bc d"]`},
	{`a "\x41\x6a\xG1\x4"`, `["a" "AjxG1x4"]`},
	{`a "\n\r\t\b\a\q\"\\"`, `["a" "\n\r\t\b\aq\"\\"]`},
	{`a 'b\'c\n"'`, `["a" "b'c\\n\""]`},
	{`a "it's"`, `["a" "it's"]`},
	{`a "b`, ``},
	{`a 'b`, ``},
	{`a "b\"`, ``},
	{`a 'b\'`, ``},
	{`a "b\`, ``},
	{`a "b"c`, ``},
	{`a 'b'c`, ``},
	{`a 'b'"c"`, ``},
}

func TestParserInline(t *testing.T) {
	for _, tt := range words {
		want := []string{tt.want}
		if tt.want == "" {
			want[0] = "Protocol error: unbalanced quotes in request"
		}
		eachWay(t, limits, tt.line+"\r\n", want)
		eachWay(t, limits, tt.line+"\n", want)
	}
	eachWay(t, resp.Parser{}, "\r\n  \r\na\n", []string{"[]", "[]", `["a"]`})
}
