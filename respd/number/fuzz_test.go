package number_test

// Whatever a client sends as a number must be read as Redis reads it.

import (
	"math"
	"strconv"
	"testing"

	"ledge/respd/number"
)

// An integer is what its shortest decimal form says, and nothing else.
func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"0", "-0", "01", "+1", "9223372036854775807", "-9223372036854775808", "9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseInt(s, 10, 64)
		plain := err == nil && strconv.FormatInt(want, 10) == s
		if got, ok := number.ParseInt(s); ok != plain || ok && got != want {
			t.Errorf("ParseInt(%q) = %d, %t; want %d, %t", s, got, ok, want, plain)
		}
	})
}

func FuzzParseFloat(f *testing.F) {
	for _, s := range []string{"1.5", "-inf", "nan", "0x10", "0x1p-3", "1e309", "1e-400", "1_0", ".5", "5.", " 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		x, ok := number.ParseFloat(s)
		if !ok {
			return
		}
		text := strconv.FormatFloat(x, 'g', 17, 64)
		if again, ok := number.ParseFloat([]byte(text)); math.IsNaN(x) || !ok || again != x {
			t.Errorf("ParseFloat(%q) = %v, which is read again as %v, %t", s, x, again, ok)
		}
	})
}
