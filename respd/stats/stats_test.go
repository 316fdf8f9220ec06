package stats_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd/stats"
)

// Counts are by command and by error code; codes can come from users, so there are
// only so many of them. A reset forgets all but what is held at present.
func TestStats(t *testing.T) {
	s := stats.New[string](time.Unix(1, 0))
	s.Count("get", &stats.Calls{Calls: 2, Micros: 5})
	s.Count("get", &stats.Calls{Calls: 1, Failed: 1})
	for i := range 1000 {
		s.CountError("E" + strconv.Itoa(i))
	}
	s.HeldIn.Store(7)
	got, codes := map[string]stats.Calls{}, 0
	s.ByCommand(func(name string, c stats.Calls) { got[name] = c })
	s.ByError(func(string, int64) { codes++ })
	if want := (stats.Calls{Calls: 3, Micros: 5, Failed: 1}); len(got) != 1 || got["get"] != want {
		t.Errorf("by command %v; want get %v", got, want)
	}
	if codes != 128 || s.Errors.Load() != 1000 {
		t.Errorf("%d codes, %d errors; want 128, 1000", codes, s.Errors.Load())
	}
	s.Reset()
	s.ByCommand(func(name string, c stats.Calls) { t.Errorf("after a reset %s has %v; want nothing", name, c) })
	if s.Errors.Load() != 0 || s.HeldIn.Load() != 7 {
		t.Errorf("after a reset %d errors, %d bytes held; want 0, 7", s.Errors.Load(), s.HeldIn.Load())
	}
}

// The slow log keeps the latest, cut short, by numbers that are not used again.
func TestSlowlog(t *testing.T) {
	l := stats.NewSlowlog()
	l.Max.Store(2)
	args := [][]byte{[]byte("SET"), []byte(strings.Repeat("x", 200))}
	for range 40 {
		args = append(args, []byte("y"))
	}
	l.Add(args, time.Millisecond, time.Unix(1, 0), "c:1", "")
	if n := l.Len(); n != 0 {
		t.Errorf("%d entries of what was quick; want 0", n)
	}
	for i := range 3 {
		l.Add(args, time.Second, time.Unix(int64(i), 0), "c:1", "me")
	}
	es := l.Entries(-1)
	if len(es) != 2 || es[0].ID != 2 || es[1].ID != 1 || es[0].Client != "c:1" || es[0].Name != "me" {
		t.Fatalf("entries %+v; want numbers 2 and 1 of me at c:1", es)
	}
	if a := es[0].Args; len(a) != 32 || a[31] != "... (11 more arguments)" || a[1] != strings.Repeat("x", 128)+"... (72 more bytes)" {
		t.Errorf("arguments %q; want 31 of them, cut short, and how many more there were", a)
	}
	l.Reset()
	l.Add(args, time.Second, time.Unix(9, 0), "c:1", "")
	if es := l.Entries(5); len(es) != 1 || es[0].ID != 3 {
		t.Errorf("after a reset %+v; want number 3 alone", es)
	}
	if l.Threshold.Store(-1); l.Keeps(time.Hour) {
		t.Error("an hour is kept although the log is off; want it not to be")
	}
}
