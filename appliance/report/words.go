package report

import (
	"net/url"
	"time"

	"ledge/journal/fault"
)

// Line is an error on one line, "" for nil.
func Line(err error) string { return fault.Line(err) }

// Millis is a duration for JSON.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// moment is t for JSON, which leaves out none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func unixTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func status(err error) string {
	if err != nil {
		return "err"
	}
	return "ok"
}

// seconds shows a duration as Redis does; -1 is none.
func seconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return int64(d / time.Second)
}

// ago is how many seconds have gone by since then, -1 if it never was.
func ago(now, then time.Time) int64 {
	if then.IsZero() {
		return -1
	}
	return max(0, int64(now.Sub(then).Seconds()))
}

func hostPort(leader string) (host, port string) {
	u, err := url.Parse(leader)
	if err != nil {
		return leader, ""
	}
	return u.Hostname(), u.Port()
}
