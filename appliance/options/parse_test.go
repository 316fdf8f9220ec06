package options

import "testing"

func TestParseSize(t *testing.T) {
	for v, want := range map[string]int64{
		"1": 1, "64b": 64, "8MiB": 8 << 20, "8mb": 8 << 20, "8m": 8e6, "1 GiB": 1 << 30, "2k": 2000, "2KB": 2048,
	} {
		if got, err := parseSize(v); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", v, got, err, want)
		}
	}
	for _, v := range []string{"", "0", "-1", "MiB", "1.5GiB", "1XB", "9999999999999GiB", "8MiBk"} {
		if got, err := parseSize(v); err == nil {
			t.Errorf("parseSize(%q) = %d; want an error", v, got)
		}
	}
}
