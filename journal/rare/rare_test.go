package rare_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ledge/journal/logtest"
	"ledge/journal/rare"
)

// The first of each kind is logged at once, what follows as one line when it is
// time, and what is left when the log is closed.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b logtest.Log
		l := rare.New(b.Logger())
		want := func(lines ...string) {
			t.Helper()
			synctest.Wait()
			got := strings.Split(strings.TrimSpace(b.Take()), "\n")
			if len(lines) == 0 && len(got) == 1 && got[0] == "" {
				return
			}
			if len(got) != len(lines) {
				t.Fatalf("%d lines:\n%s\nwant %d", len(got), strings.Join(got, "\n"), len(lines))
			}
			for i, line := range lines {
				if !strings.Contains(got[i], line) {
					t.Errorf("line %d is %s; want %s in it", i, got[i], line)
				}
			}
		}
		for i := range 1000 {
			l.Add(slog.LevelWarn, "one", "n", i)
		}
		l.Add(slog.LevelError, "other", "n", 0)
		want("level=WARN msg=one n=0", "level=ERROR msg=other n=0")
		time.Sleep(rare.Every - time.Millisecond)
		want()
		time.Sleep(time.Millisecond)
		want("level=WARN msg=one n=999 since_last_line=999")
		for i := range 300 { // never just when a line is due
			l.Add(slog.LevelWarn, "one", "n", i)
			time.Sleep(97 * time.Millisecond)
		}
		want("n=103 since_last_line=104", "n=206 since_last_line=103")
		time.Sleep(2 * rare.Every)
		want("n=299 since_last_line=93")
		l.Add(slog.LevelWarn, "one", "n", "again")
		want("n=again")
		l.Add(slog.LevelWarn, "one", "n", "left")
		l.Close()
		want("n=left since_last_line=1")
		l.Close()
		want()
	})
}

// Kinds don't hold each other up.
func TestKinds(t *testing.T) {
	var b logtest.Log
	l := rare.New(b.Logger())
	for i := range 10 {
		l.Add(slog.LevelInfo, fmt.Sprint("kind ", i))
	}
	if got := strings.Count(b.String(), "\n"); got != 10 {
		t.Errorf("%d lines; want one of each of 10 kinds", got)
	}
}
