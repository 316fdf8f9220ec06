package lua_test

import (
	"math"
	"testing"

	"ledge/respd/lua"
)

// Numbers are read as glibc's strtod reads them; want is how Lua prints them, and
// "" means that the text is no number. All were compared with redis-server.
func TestParseNumber(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"0", "0"}, {"12", "12"}, {"-12", "-12"}, {"+12", "12"}, {" \t\n\v\f\r12 \t\n\v\f\r", "12"},
		{"123456789012345", "1.2345678901234e+14"}, {"12345678901234", "12345678901234"},
		{"1.5", "1.5"}, {".5", "0.5"}, {"5.", "5"}, {"-.5", "-0.5"}, {"1e2", "100"}, {"1E+2", "100"},
		{"1e-400", "0"}, {"-1e-400", "-0"}, {"1e400", "inf"}, {"-1e400", "-inf"}, {"1e1000000", "inf"},
		{"0x10", "16"}, {"-0X10", "-16"}, {"0x1p4", "16"}, {"0x.8", "0.5"}, {"0x1.8p1", "3"}, {"0x1e2", "482"},
		{"0xffffffffffffffffff", "4.7223664828696e+21"},
		{"inf", "inf"}, {"-INF", "-inf"}, {"Infinity", "inf"}, {"nan", "nan"}, {"-nan", "-nan"},
		{"NaN(12_x)", "nan"}, {"nan()", "nan"}, {"1\x00x", "1"}, {"1 \x00x", "1"},
		{"", ""}, {" ", ""}, {"-", ""}, {"+-1", ""}, {"- 1", ""}, {".", ""}, {"e1", ""}, {"1e", ""}, {"1e+", ""},
		{"1x", ""}, {"0x", ""}, {"0xg", ""}, {"0x.", ""}, {"0x1p", ""}, {"0x1 p1", ""}, {"1 2", ""}, {"1_0", ""},
		{"0b1", ""}, {"0o7", ""}, {"0x1_0", ""}, {"infin", ""}, {"nan(", ""}, {"nan(-)", ""}, {"\x001", ""}, {"1..2", ""},
		{"１", ""}, {"1\u00a0", ""},
	} {
		f, ok := lua.ParseNumber(c.text)
		got := ""
		if ok {
			got = lua.FormatNumber(f)
		}
		if got != c.want {
			t.Errorf("ParseNumber(%q) = %q; want %q", c.text, got, c.want)
		}
	}
}

func TestFormatNumber(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1e14, "1e+14"}, {1e14 - 1, "99999999999999"}, {1e15, "1e+15"},
		{-1e14 + 1, "-99999999999999"}, {0.1, "0.1"}, {1.0 / 3, "0.33333333333333"}, {1e-4, "0.0001"}, {1e-5, "1e-05"},
		{1e100, "1e+100"}, {123456.789e3, "123456789"}, {5e-324, "4.9406564584125e-324"}, {math.NaN(), "nan"},
		{math.Copysign(math.NaN(), -1), "-nan"}, {math.Inf(-1), "-inf"}, {2.5e14, "2.5e+14"},
	} {
		if got := lua.FormatNumber(c.f); got != c.want {
			t.Errorf("FormatNumber(%g) = %q; want %q", c.f, got, c.want)
		}
	}
}
