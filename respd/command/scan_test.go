package command_test

// The part of SCAN's options that all scans share, and what is left for the
// word that only one of them knows.

import (
	"slices"
	"strings"
	"testing"

	"ledge/respd/command"
)

func TestParseScan(t *testing.T) {
	words := append(slices.Clone(command.ScanWords), command.Option[command.ScanOptions]{Word: "WORD"},
		command.Option[command.ScanOptions]{Word: "BAD", Takes: 1,
			Read: func(o command.ScanOptions, _ command.Args) (command.ScanOptions, error) {
				return o, command.ErrOutOfRange
			}})
	for _, tt := range []struct {
		args string
		want command.ScanOptions
		err  error
	}{
		{"0", command.ScanOptions{Count: 10, Pattern: "*"}, nil},
		{"7 MATCH a* COUNT 3", command.ScanOptions{Cursor: 7, Count: 3, Pattern: "a*"}, nil},
		{"7 count 3 match a* COUNT 4", command.ScanOptions{Cursor: 7, Count: 4, Pattern: "a*"}, nil},
		{"0 WORD COUNT 2 WORD", command.ScanOptions{Count: 2, Pattern: "*"}, nil},
		{"0 COUNT 9223372036854775807", command.ScanOptions{Count: 100_000, Pattern: "*"}, nil},
		{"+5", command.ScanOptions{Cursor: 5, Count: 10, Pattern: "*"}, nil},
		{"-1", command.ScanOptions{Cursor: 1<<64 - 1, Count: 10, Pattern: "*"}, nil},
		{"x COUNT x", command.ScanOptions{}, command.ErrCursor},
		{"18446744073709551616", command.ScanOptions{}, command.ErrCursor},
		{"0 COUNT x", command.ScanOptions{}, command.ErrNotInt},
		{"0 COUNT 0", command.ScanOptions{}, command.ErrSyntax},
		{"0 COUNT", command.ScanOptions{}, command.ErrSyntax},
		{"0 MATCH", command.ScanOptions{}, command.ErrSyntax},
		{"0 OTHER", command.ScanOptions{}, command.ErrSyntax},
		{"0 OTHER 1", command.ScanOptions{}, command.ErrSyntax},
		{"0 BAD 1", command.ScanOptions{}, command.ErrOutOfRange},
	} {
		args := command.Args{[]byte("SCAN")}
		for _, a := range strings.Fields(tt.args) {
			args = append(args, []byte(a))
		}
		got, err := command.ParseScan(words, args, 1)
		if err != tt.err || err == nil && got != tt.want {
			t.Errorf("ParseScan(%s) = %+v, %v; want %+v, %v", tt.args, got, err, tt.want, tt.err)
		}
	}
}

func TestScanFits(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"**", "", false}, {"*", "x", true}, {"a*", "b", false}, {"", "", true},
	} {
		if got := (command.ScanOptions{Pattern: tt.pattern}).Fits(tt.name); got != tt.want {
			t.Errorf("%q fits %q: %v; want %v", tt.name, tt.pattern, got, tt.want)
		}
	}
}
