package command_test

import (
	"strings"
	"testing"

	"ledge/respd/command"
)

// Options are read in any order and case; what is none of them, contradicts
// another or lacks its value is a syntax error.
func TestOptions(t *testing.T) {
	const nx, xx, ex, px = 1, 2, 4, 8
	os := command.Options{
		{Word: "NX", Says: nx, Not: xx}, {Word: "XX", Says: xx, Not: nx},
		{Word: "EX", Says: ex, Not: px, Value: true}, {Word: "PX", Says: px, Not: ex, Value: true},
	}
	for _, c := range []struct {
		line  string
		bits  command.OptionBits
		value string
		bad   bool
	}{
		{line: ""},
		{line: "nx", bits: nx},
		{line: "EX 10 Nx", bits: nx | ex, value: "10"},
		{line: "EX 10 EX 11 NX NX", bits: nx | ex, value: "11"},
		{line: "EX NX", bits: ex, value: "NX"},
		{line: "NX XX", bits: nx, bad: true},
		{line: "XX NX", bits: xx, bad: true},
		{line: "EX 10 PX 10", bits: ex, value: "10", bad: true},
		{line: "EX", bad: true},
		{line: "NX EX", bits: nx, bad: true},
		{line: "N", bad: true},
		{line: "NX 1", bits: nx, bad: true},
	} {
		var args command.Args
		for _, w := range strings.Fields(c.line) {
			args = append(args, []byte(w))
		}
		g, err := os.Parse(args)
		if g.Bits != c.bits || string(g.Value) != c.value || (err == command.ErrSyntax) != c.bad || !c.bad && err != nil {
			t.Errorf("%q: %b, %q, %v; want %b, %q, a syntax error %v", c.line, g.Bits, g.Value, err, c.bits, c.value, c.bad)
		}
	}
}
