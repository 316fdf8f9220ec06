package command_test

import (
	"math"
	"testing"
	"time"

	"ledge/respd/command"
)

// Timeouts are read as redis-server 7.0 reads them: in long doubles, rounded up,
// and what overflows is negative.
func TestTimeout(t *testing.T) {
	const negative = "ERR timeout is negative"
	const bad = "ERR timeout is not a float or out of range"
	for _, tt := range []struct {
		arg  string
		want time.Duration
		err  string
	}{
		{"0", 0, ""},
		{"1", time.Second, ""},
		{"0.1", 100 * time.Millisecond, ""},
		{"0.0001", time.Millisecond, ""},
		{"1e-4000", time.Millisecond, ""},
		{"0.0011", 2 * time.Millisecond, ""},
		{"-0.0001", 0, ""},
		{"0x1p3", 8 * time.Second, ""},
		{"1e3", 1000 * time.Second, ""},
		{"9223372036.854", 9223372036854 * time.Millisecond, ""},
		{"9223372036.855", math.MaxInt64, ""},
		{"9223372036854775", math.MaxInt64, ""},
		{"9223372036854775.9", 0, negative},
		{"-1", 0, negative},
		{"-0.001", 0, ""}, // the nearest long double is greater
		{"-0.0009", 0, ""},
		{"-0.0011", 0, negative},
		{"-0.002", 0, negative},
		{"1e400", 0, negative},
		{"inf", 0, negative},
		{"-inf", 0, negative},
		{"1e5000", 0, bad},
		{"nan", 0, bad},
		{"", 0, bad},
		{" 1", 0, bad},
		{"1s", 0, bad},
	} {
		got, err := command.Args{[]byte(tt.arg)}.Timeout(0)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("Timeout(%q) = %v, %q; want %v, %q", tt.arg, got, text, tt.want, tt.err)
		}
	}
}
