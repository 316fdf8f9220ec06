package options

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration above 0.
func ParseDuration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration like 1s or 250ms", v)
	}
	return d, nil
}

// ParseCount reads a whole number above 0.
func ParseCount(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a whole number above 0", v)
	}
	return n, nil
}

// parseCap reads a whole number that may be 0.
func parseCap(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a whole number", v)
	}
	return n, nil
}

// units are those of sizes. As in Redis, kb is 1024 bytes and k is 1000.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1 << 10, "kib": 1 << 10,
	"m": 1e6, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1e9, "gb": 1 << 30, "gib": 1 << 30,
	"t": 1e12, "tb": 1 << 40, "tib": 1 << 40,
}

// parseSize reads a number of bytes like 8MiB.
func parseSize(v string) (int64, error) {
	digits := strings.TrimRight(v, "bBiIkKmMgGtT")
	unit, ok := units[strings.ToLower(v[len(digits):])]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if !ok || err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size like 8MiB", v)
	}
	return n * unit, nil
}

// sizeText writes a number of bytes as parseSize reads it.
func sizeText(n int64) string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if by := units[strings.ToLower(unit)]; n >= by && n%by == 0 {
			return strconv.FormatInt(n/by, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}
