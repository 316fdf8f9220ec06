package options

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseNumber reads a number of the journal.
func ParseNumber(v string) (uint64, error) {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n == 1<<64-1 {
		return 0, fmt.Errorf("%.40q: want a number of the journal, as 1234", v)
	}
	return n, nil
}

// ParseInstant reads a moment: RFC 3339, or how long before now it was.
func ParseInstant(v string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t, nil
	}
	ago, err := time.ParseDuration(strings.TrimSuffix(v, " ago"))
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%.40q: want a time, as 2026-03-04T05:06:07Z, or how long ago, as 90m", v)
	}
	return now.Add(-ago), nil
}

// ParsePast reads where to go back to: a number of the journal, or else a moment.
func ParsePast(v string, now time.Time) (number uint64, at time.Time, err error) {
	if n, err := ParseNumber(v); err == nil {
		return n, at, nil
	}
	if at, err = ParseInstant(v, now); err != nil {
		return 0, at, fmt.Errorf("%.40q: want a number of the journal, a time as 2026-03-04T05:06:07Z, or how long ago, as 90m", v)
	}
	return 0, at, nil
}
