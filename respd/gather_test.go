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
		{"nearly all are here", 0, 50, 45, ms, 0, 0, ms / lastFew},
		{"nearly all are here, nobody comes", 0, 50, 45, ms, ms / lastFew, 0, 0},
		{"some are missing", 0, 50, 44, ms, 0, 200 * time.Microsecond, 500 * time.Microsecond},
		{"they don't come", 0, 50, 44, ms, 501 * time.Microsecond, 0, 0},
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

// Turned off, it lets every round's writers go.
func TestGatherOff(t *testing.T) {
	g := gather{off: true, inFlight: 5, expect: 50, moved: time.Now()}
	if got := g.wait(1, time.Minute); got != 0 {
		t.Errorf("wait = %v; want 0", got)
	}
	if !g.overdue(1, time.Now(), time.Minute) {
		t.Error("overdue = false; want true")
	}
}

// Who waits for whom depends on which takes longer: an append, or a turn of the
// clients.
func TestGatherTurn(t *testing.T) {
	const appendTime = 4 * time.Millisecond
	for _, tt := range []struct {
		name string
		turn time.Duration
		late int // of 50 that don't write again before the next group is back
		want int
	}{
		{"quick clients", appendTime / 8, 0, nearlyAll},
		{"quick clients but for a few", appendTime / 8, 5, nearlyAll},
		{"slow clients", appendTime, 0, some},
		{"clients that mostly rest", appendTime / 8, 40, some},
	} {
		var g gather
		if got := g.enough(appendTime); got != nearlyAll {
			t.Errorf("%s: %d in ten are enough at first; want %d", tt.name, got, nearlyAll)
		}
		for range 50 {
			g.proposed(50)
			g.back(50, 0)
			g.landed = time.Now().Add(-tt.turn)
			g.worked(50 - tt.late)
			if g.awaited > 0 {
				g.landed = time.Now().Add(-10 * appendTime)
			}
		}
		if got := g.enough(appendTime); got != tt.want {
			t.Errorf("%s: %d in ten are enough (turn %s); want %d", tt.name, got, g.turn, tt.want)
		}
	}
}

// Those who wrote in the last turn are expected next, however the group came
// back.
func TestGatherExpect(t *testing.T) {
	var g gather
	for _, tt := range []struct {
		name    string
		group   int
		pieces  []int // how it comes back
		waiting []int // who is at hand then
		want    int
	}{
		{"one piece", 50, []int{50}, []int{0}, 50},
		{"others wait", 30, []int{30}, []int{20}, 50},
		{"two pieces, and the first has written again", 50, []int{20, 30}, []int{0, 15}, 50},
		{"others wait, two pieces", 30, []int{0, 10, 20}, []int{5, 20, 29}, 50},
		{"a crowd has gone", 1, []int{1}, []int{0}, 1},
	} {
		g.proposed(tt.group)
		for i, n := range tt.pieces {
			g.back(n, tt.waiting[i])
		}
		if g.inFlight != 0 || g.expect != tt.want {
			t.Errorf("%s: %d in flight, %d expected; want 0, %d", tt.name, g.inFlight, g.expect, tt.want)
		}
	}
}

// A long rest is forgotten after a few turns.
func TestGatherRest(t *testing.T) {
	const appendTime = 4 * time.Millisecond
	var g gather
	for turns := -1; ; turns++ {
		g.proposed(50)
		g.back(50, 0)
		if turns < 0 {
			g.landed = time.Now().Add(-time.Hour)
		}
		g.worked(50)
		if turns < 0 && g.enough(appendTime) != some {
			t.Fatalf("%d in ten are enough after a rest; want %d", g.enough(appendTime), some)
		}
		if g.enough(appendTime) == nearlyAll {
			return
		}
		if turns > 30 {
			t.Fatalf("the turn is still %s after %d quick ones", g.turn, turns)
		}
	}
}

// Those who have waited for a group are not overdue when it is back, however
// long it took and the loop has slept meanwhile: the others are about to write
// again. On a disk that syncs in 4 ms half of the clients went without them.
func TestGatherOverdueAfterGroup(t *testing.T) {
	const appendTime = 5 * time.Millisecond
	g := gather{expect: 50}
	g.proposed(30)
	g.overdue(0, time.Now().Add(-appendTime), appendTime) // the last round before the loop slept
	g.back(30, 20)
	if g.overdue(20, time.Now(), appendTime) {
		t.Error("those who waited for a group are overdue as it is back")
	}
	if !g.overdue(20, time.Now().Add(2*appendTime), appendTime) {
		t.Error("nobody is overdue long after a group was back")
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
