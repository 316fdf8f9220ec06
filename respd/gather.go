package respd

import "time"

// gather decides when a loop's writers go to the Writer: together.
//
// One append serves all that were proposed together, and each costs the same
// hand-overs between goroutines and, where writes are synced, the same wait for
// the disk, whoever takes part. Proposing writers as they come split 50 clients
// into halves that waited for each other's appends: 0.5 of Redis, on a disk
// that syncs in 0.8 ms as on one that is not waited for. So writers are kept
// while a group is under way, and for a moment after it, until about as many
// are at hand as wrote in the last turn.
type gather struct {
	inFlight int       // proposed and not yet back
	returned int       // of the group under way
	waiting  int       // at hand when its first came back
	expect   int       // about as many as take part at present
	moved    time.Time // when the loop last had anything to do
	since    time.Time // when the first of those at hand could have gone
}

// Nine in ten are enough: waiting for the last few costs more than it brings.
// Nor is it worth more than half an append, within bounds, without anybody
// arriving.
const (
	enoughOf    = 10
	enough      = 9
	patiencePer = 2
	patienceMin = 100 * time.Microsecond
	patienceMax = time.Millisecond
)

// worked is told that the loop had something to do.
func (g *gather) worked() { g.moved = time.Now() }

// wait returns how much longer to gather, when n writers are at hand and
// nothing else is ready. 0 is to propose them; negative is until the group
// under way is back, since they would only queue up behind it.
func (g *gather) wait(n int, appendTime time.Duration) time.Duration {
	switch {
	case g.inFlight > 0:
		return -1
	case n*enoughOf >= g.expect*enough:
		return 0
	}
	patience := min(max(appendTime/patiencePer, patienceMin), patienceMax)
	return max(0, patience-time.Since(g.moved))
}

// overdue reports whether n writers have been kept for so long that they go
// even though the loop finds no rest: its other clients may never give it any.
func (g *gather) overdue(n int, now time.Time, appendTime time.Duration) bool {
	if n == 0 || g.inFlight > 0 {
		g.since = now
		return false
	}
	return now.Sub(g.since) > max(appendTime, patienceMax)
}

// proposed is told that n writers have gone to the Writer.
func (g *gather) proposed(n int) { g.inFlight += n }

// back is told that n writers have their answers, while others are at hand.
// Once the whole group is back, it and those who waited for it are expected
// next.
func (g *gather) back(n, others int) {
	if n == 0 {
		return
	}
	if g.returned == 0 {
		g.waiting = others
	}
	g.inFlight -= n
	g.returned += n
	if g.inFlight == 0 {
		g.expect = g.waiting + g.returned
		g.returned = 0
	}
}
