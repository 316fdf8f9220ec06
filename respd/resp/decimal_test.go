package resp_test

import (
	"math"
	"testing"

	"ledge/respd/resp"
)

// The texts are those that C prints with "%.17Lf", less zeros at the end.
func TestDecimal(t *testing.T) {
	for _, tt := range []struct {
		f    float64
		want string
	}{
		{3, "3"},
		{100, "100"},
		{0, "0"},
		{math.Copysign(0, -1), "0"},
		{13.36138933897018433, "13.36138933897018433"},
		{-0.5, "-0.5"},
		{1e-6, "0.000001"},
		{1e-20, "0"},
		{1e20, "100000000000000000000"},
		{math.Inf(1), "inf"},
		{math.Inf(-1), "-inf"},
	} {
		if got := string(resp.AppendDecimal([]byte("100"), tt.f)); got != "100"+tt.want {
			t.Errorf("AppendDecimal(%v) = %q behind 100; want %q", tt.f, got, tt.want)
		}
		if got := string(resp.Append(nil, resp.Decimal(tt.f), 3)); got != ","+tt.want+"\r\n" {
			t.Errorf("Append(Decimal(%v)) in RESP3 = %q; want %q", tt.f, got, ","+tt.want+"\r\n")
		}
		want := string(resp.AppendBulk(nil, tt.want))
		if got := string(resp.Append(nil, resp.Decimal(tt.f), 2)); got != want {
			t.Errorf("Append(Decimal(%v)) in RESP2 = %q; want %q", tt.f, got, want)
		}
	}
}
