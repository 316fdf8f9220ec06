package respd

import "time"

// gather decides when a loop's writers go to the Writer: together.
//
// One append serves all that were proposed together, and each costs the same
// hand-overs between goroutines and, where writes are synced, the same wait for
// the disk, whoever takes part. Proposing writers as they come split 50 clients
// into small groups that waited for each other's appends: 0.5 of Redis. So
// writers are kept while a group is under way, and for a moment after it, until
// enough are at hand of those who wrote in the last turn.
//
// It was measured on two processors, with 50 clients, against disks that sync in 0.3
// to 4 ms. LEDGE_WITHOUT=gather turns it off: then a round's writers go at its end.
// TestGatherPremise fails once the Writer makes groups as large without it.
type gather struct {
	off      bool
	inFlight int           // proposed and not yet back
	returned int           // of the group under way
	waiting  int           // at hand when its first came back
	expect   int           // about as many as take part at present
	moved    time.Time     // when the loop last had anything to do
	since    time.Time     // when the first of those at hand could have gone
	landed   time.Time     // when the last group was back
	awaited  int           // how many more arrivals make its turn
	turn     time.Duration // from a group's being back until it is here again, smoothed
}

// Where an append takes long, nine in ten are enough: a second append for the
// others would cost more than the wait. Where clients take long to write again,
// three are: the others write while the append is under way (50 clients without
// pipelining, an append of 0.4 ms and a turn of as much: INCR at 0.84 of Redis
// against 0.71). Nor is it worth more than half an append, within bounds,
// without anybody arriving, and for the last few of nearly all much less.
const (
	enoughOf    = 10
	nearlyAll   = 9
	some        = 3
	longAppend  = 2 // turns
	patiencePer = 2
	lastFew     = 32
	patienceMin = 100 * time.Microsecond
	patienceMax = time.Millisecond
	turnMax     = 100 * time.Millisecond // a rest says no more than a long turn
)

// worked is told that the loop had something to do, and that n writers arrived
// with it.
func (g *gather) worked(n int) {
	g.moved = time.Now()
	if n > 0 && g.awaited > 0 {
		if g.awaited -= n; g.awaited <= 0 {
			g.turned(g.moved)
		}
	}
}

// turned takes a turn that has come to its end, or has taken this long so far.
func (g *gather) turned(now time.Time) { g.turn += (min(now.Sub(g.landed), turnMax) - g.turn) / 8 }

// enough is how many in enoughOf are waited for.
func (g *gather) enough(appendTime time.Duration) int {
	if appendTime > longAppend*g.turn {
		return nearlyAll
	}
	return some
}

// wait returns how much longer to gather, when n writers are at hand and
// nothing else is ready. 0 is to propose them; negative is until the group
// under way is back, since they would only queue up after it.
func (g *gather) wait(n int, appendTime time.Duration) time.Duration {
	switch {
	case g.off:
		return 0
	case g.inFlight > 0:
		return -1
	case n >= g.expect:
		return 0
	case n*enoughOf >= g.expect*g.enough(appendTime):
		if g.enough(appendTime) == some {
			return 0
		}
		return max(0, min(appendTime/lastFew, patienceMax)-time.Since(g.moved))
	}
	patience := min(max(appendTime/patiencePer, patienceMin), patienceMax)
	return max(0, patience-time.Since(g.moved))
}

// overdue reports whether n writers have been kept for so long that they go
// even though the loop finds no rest: its other clients may never give it any.
func (g *gather) overdue(n int, now time.Time, appendTime time.Duration) bool {
	if g.off {
		return true
	}
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
	if g.inFlight > 0 {
		return
	}
	now := time.Now()
	if g.awaited > 0 {
		g.turned(now)
	}
	g.expect = g.waiting + g.returned
	g.since = now // until here they could not have gone
	g.landed, g.awaited = now, (g.returned*nearlyAll+enoughOf-1)/enoughOf
	g.returned = 0
}
