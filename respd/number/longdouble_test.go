package number_test

import (
	"strings"
	"testing"

	"ledge/respd/number"
)

// What x86-64's strtold and printf("%.17Lf") make of numbers; the outcomes are
// those of Redis 7.0.15.
func TestLongDouble(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"0", "0", "0"},
		{"0.1", "0.2", "0.3"},
		{"3.0", "1.000000000000000005", "4.00000000000000001"},
		{"1", "1e-17", "1.00000000000000001"},
		{"5.0e3", "2.0e2", "5200"},
		{"0x1p4", "0x.8", "16.5"},
		{"-0", "-0", "0"},
		{"1e-30", "-1e-30", "0"},
		{"-1e-18", "0", "0"},
		{"1e4932", "0", "100000000000000000000601894938796389*"},
		{"18446744073709551615", "1", "18446744073709551616"},
		{"18446744073709551616", "1", "18446744073709551616"},
		{"18446744073709551616", "3", "18446744073709551620"},
		{".5", "+1.", "1.5"},
	} {
		a, ok := number.ParseLongDouble(tt.a)
		b, okb := number.ParseLongDouble([]byte(tt.b))
		sum, fin := a.Add(b)
		got := sum.String()
		if cut, cuts := strings.CutSuffix(tt.want, "*"); cuts {
			if len(got) != 4933 {
				t.Errorf("%s + %s has %d digits; want 4933", tt.a, tt.b, len(got))
			}
			got, tt.want = got[:len(cut)], cut
		}
		if !ok || !okb || !fin || got != tt.want {
			t.Errorf("%s + %s = %s; want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestParseLongDouble(t *testing.T) {
	for text, want := range map[string]bool{
		"inf": true, "-Infinity": true, "1e4932": true, "1.18973149535723176502e4932": true,
		"3.6e-4951": true, "1.9e-4951": true, "1.8e-4951": false, "0x0p99999999999999999999": true, "0e99999999999999999999": true,
		"0x1.": true, "0X.1P-1": true,
		"": false, "nan": false, "-nan": false, "1e4933": false, "1.2e4932": false,
		"1e-4952": false, "1e99999999999999999999": false, "1e-99999999999999999999": false,
		"1 ": false, " 1": false, "1e": false, "1e+": false, ".": false, "0x": false,
		"0xp1": false, "1_0": false, "--1": false, "1.2.3": false, "1f": false, "infi": false,
		strings.Repeat("0", 5119): true, strings.Repeat("0", 5120): false,
	} {
		if _, got := number.ParseLongDouble(text); got != want {
			t.Errorf("ParseLongDouble(%.40q) = %t; want %t", text, got, want)
		}
	}
}

func FuzzParseLongDouble(f *testing.F) {
	for _, s := range []string{"1.5", "-0x1.8p-3", "1e4932", "inf", "9e-4951"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, ok := number.ParseLongDouble(s)
		if !ok {
			return
		}
		if text := x.String(); len(text) > 5120 {
			t.Errorf("String of %.64q has %d bytes; want at most 5120", s, len(text))
		}
	})
}
