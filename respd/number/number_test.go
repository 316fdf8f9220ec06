package number_test

import (
	"math"
	"testing"

	"ledge/respd/number"
)

// What Redis 7.0 takes as a score, and what it makes of the end of a range that
// is no score. The answers are a real server's.
func TestParseFloat(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		text        string
		want        float64
		ok          bool
		rounded     float64
		roundedOnly bool
	}{
		{text: "1", want: 1, ok: true},
		{text: "+1.5e3", want: 1500, ok: true},
		{text: ".5", want: 0.5, ok: true},
		{text: "5.", want: 5, ok: true},
		{text: "0x10", want: 16, ok: true},
		{text: "-0X1.8", want: -1.5, ok: true},
		{text: "0x1p4", want: 16, ok: true},
		{text: "0xe", want: 14, ok: true},
		{text: "inf", want: inf, ok: true},
		{text: "-Infinity", want: -inf, ok: true},
		{text: "5e-324", want: 5e-324, ok: true},
		{text: "0e-999", ok: true},
		{text: "-0.000", ok: true},
		{text: "0x0p-5000", ok: true},
		{text: "1e400", rounded: inf, roundedOnly: true},
		{text: "-1e400", rounded: -inf, roundedOnly: true},
		{text: "0xfp9999", rounded: inf, roundedOnly: true},
		{text: "1e-400", roundedOnly: true},
		{text: "2e-324", roundedOnly: true},
		{text: "0x1p-1080", roundedOnly: true},
		{text: ""}, {text: " 1"}, {text: "1 "}, {text: "1\x00"}, {text: "1_0"}, {text: "0x_1p0"}, {text: "0x"},
		{text: "nan"}, {text: "-NaN"}, {text: "1e"}, {text: "."}, {text: "1f"}, {text: "+-1"}, {text: "in"},
	} {
		if got, ok := number.ParseFloat([]byte(tt.text)); ok != tt.ok || ok && got != tt.want {
			t.Errorf("ParseFloat(%q) = %v, %v; want %v, %v", tt.text, got, ok, tt.want, tt.ok)
		}
		want := tt.rounded
		if tt.ok {
			want = tt.want
		}
		got, ok := number.ParseFloatRounded([]byte(tt.text))
		if ok != (tt.ok || tt.roundedOnly) || ok && got != want {
			t.Errorf("ParseFloatRounded(%q) = %v, %v; want %v, %v", tt.text, got, ok, want, !ok)
		}
	}
}
