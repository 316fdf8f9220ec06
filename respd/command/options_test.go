package command_test

import (
	"errors"
	"strings"
	"testing"

	"ledge/respd/command"
)

// Options are read in any order and case; what is none of them, contradicts
// another or lacks its values is a syntax error, or has an answer of its own.
func TestOptions(t *testing.T) {
	const nx, xx, ex, px, once = 1, 2, 4, 8, 16
	errClash, errMissing, errBad := errors.New("clash"), errors.New("missing"), errors.New("bad")
	joined := func(_ string, vals command.Args) (string, error) {
		if vals.Is(0, "BAD") {
			return "", errBad
		}
		return vals.Str(0) + "," + vals.Str(1), nil
	}
	first := func(_ string, vals command.Args) (string, error) { return vals.Str(0), nil }
	os := command.Options[string]{
		{Word: "NX", Says: nx, Not: xx}, {Word: "XX", Says: xx, Not: nx},
		{Word: "EX", Says: ex, Not: px, Takes: 1, Read: first},
		{Word: "PX", Says: px, Not: ex, Takes: 1, Read: first},
		{Word: "ONCE", Says: once, Not: once, Clash: errClash},
		{Word: "PAIR", Takes: 2, Missing: errMissing, Read: joined},
	}
	for _, c := range []struct {
		line  string
		bits  command.OptionBits
		value string
		err   error
	}{
		{line: "", value: "none"},
		{line: "nx", bits: nx, value: "none"},
		{line: "EX 10 Nx", bits: nx | ex, value: "10"},
		{line: "EX 10 EX 11 NX NX", bits: nx | ex, value: "11"},
		{line: "EX NX", bits: ex, value: "NX"},
		{line: "PAIR a b once", bits: once, value: "a,b"},
		{line: "NX XX", bits: nx, value: "none", err: command.ErrSyntax},
		{line: "XX NX", bits: xx, value: "none", err: command.ErrSyntax},
		{line: "EX 10 PX 10", bits: ex, value: "10", err: command.ErrSyntax},
		{line: "EX", value: "none", err: command.ErrSyntax},
		{line: "NX EX", bits: nx, value: "none", err: command.ErrSyntax},
		{line: "N", value: "none", err: command.ErrSyntax},
		{line: "NX 1", bits: nx, value: "none", err: command.ErrSyntax},
		{line: "ONCE ONCE", bits: once, value: "none", err: errClash},
		{line: "PAIR a", value: "none", err: errMissing},
		{line: "PAIR bad b", err: errBad},
	} {
		var args command.Args
		for _, w := range strings.Fields(c.line) {
			args = append(args, []byte(w))
		}
		g, err := os.Parse(args, "none")
		if g.Bits != c.bits || g.Value != c.value || err != c.err {
			t.Errorf("%q: %b, %q, %v; want %b, %q, %v", c.line, g.Bits, g.Value, err, c.bits, c.value, c.err)
		}
	}
}

// Reading options makes nothing on the heap: SET with a deadline is a hot path.
func TestOptionsAllocate(t *testing.T) {
	os := command.Options[[]byte]{{Word: "EX", Says: 1, Takes: 1, Read: command.KeepValue}}
	args := command.Args{[]byte("EX"), []byte("10")}
	n := testing.AllocsPerRun(100, func() {
		if g, err := os.Parse(args, nil); err != nil || len(g.Value) != 2 {
			t.Fatalf("Parse = %q, %v; want 10", g.Value, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
