package respd

// When a loop's writers go to the Writer, in plain numbers. What it is worth is
// measured in packaging/bench.

import (
	"testing"
	"time"
)

func TestGatherWait(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name             string
		inFlight, expect int
		n                int
		append           time.Duration
		idle             time.Duration // since anything moved
		least, most      time.Duration
	}{
		{"nobody is expected", 0, 0, 1, ms, 0, 0, 0},
		{"a group is under way", 5, 5, 50, ms, time.Hour, -1, -1},
		{"all are here", 0, 50, 50, ms, 0, 0, 0},
		{"nearly all are here", 0, 50, 45, ms, 0, 0, 0},
		{"some are missing", 0, 50, 44, 2 * ms, 0, 200 * time.Microsecond, 500 * time.Microsecond},
		{"they don't come", 0, 50, 44, 2 * ms, 501 * time.Microsecond, 0, 0},
		{"quick appends", 0, 50, 1, time.Microsecond, 0, 50 * time.Microsecond, patienceMin},
		{"slow appends", 0, 50, 1, time.Minute, 0, ms / 2, patienceMax},
		{"slow appends, nobody comes", 0, 50, 1, time.Minute, patienceMax, 0, 0},
	} {
		g := gather{inFlight: tt.inFlight, expect: tt.expect, moved: time.Now().Add(-tt.idle)}
		if got := g.wait(tt.n, tt.append); got < tt.least || got > tt.most {
			t.Errorf("%s: wait = %v; want %v to %v", tt.name, got, tt.least, tt.most)
		}
	}
}

// The expectation follows a crowd at once and forgets it slowly.
func TestGatherExpect(t *testing.T) {
	var g gather
	g.proposed(50)
	if g.inFlight != 50 || g.expect != 50 {
		t.Errorf("in flight %d, expected %d; want 50, 50", g.inFlight, g.expect)
	}
	g.back(20)
	g.back(30)
	if g.inFlight != 0 {
		t.Errorf("in flight %d; want 0", g.inFlight)
	}
	groups := 0
	for ; g.expect > 1; groups++ {
		before := g.expect
		g.proposed(1)
		g.back(1)
		if g.expect >= before || groups > 50 {
			t.Fatalf("expected %d after a group of 1; want less than %d", g.expect, before)
		}
	}
	if groups < 5 {
		t.Errorf("a crowd of 50 was forgotten after %d groups; want at least 5", groups)
	}
}

// Writers go in the end, though the loop never comes to rest.
func TestGatherOverdue(t *testing.T) {
	const appendTime = 5 * time.Millisecond
	g := gather{expect: 50}
	at := time.Now()
	for _, tt := range []struct {
		name     string
		after    time.Duration
		inFlight int
		n        int
		want     bool
	}{
		{"nobody waits", time.Hour, 0, 0, false},
		{"one waits", time.Millisecond, 0, 1, false},
		{"an append's time", appendTime, 0, 2, true},
		{"gone", 0, 0, 0, false},
		{"a group is under way", time.Hour, 9, 2, false},
		{"it is back", time.Millisecond, 0, 2, false},
		{"long back", appendTime, 0, 2, true},
	} {
		at = at.Add(tt.after)
		g.inFlight = tt.inFlight
		if got := g.overdue(tt.n, at, appendTime); got != tt.want {
			t.Errorf("%s: overdue = %v; want %v", tt.name, got, tt.want)
		}
	}
}
