package respd

import "time"

// gather decides when a loop's writers go to the Writer.
//
// One append serves all that were proposed together, so where an append takes
// long (a disk that syncs in 0.8 ms) the most is done when every client that
// writes is in the same group: proposing them as they come splits them into
// two halves that wait for each other's syncs (0.5 of Redis with 50 clients).
// Where an append is quick, it pays to have it run while the loop moves bytes
// for the other half. Which of the two it is, is measured all the time.
type gather struct {
	inFlight int           // proposed and not yet back
	expect   int           // about as many as take part at present
	cost     time.Duration // of the loop's work for one connection, smoothed
	moved    time.Time     // when the loop last had anything to do
}

// Enough are at hand when three in four of those who wrote the last time are:
// waiting for the last few costs more than it brings. Nor is it worth more than
// a fourth of an append without anybody arriving.
const (
	enoughOf = 4
	enough   = 3
	patience = 4
)

// worked learns what a round of the loop cost.
func (g *gather) worked(conns int, took time.Duration) {
	if conns == 0 {
		return
	}
	g.moved = time.Now()
	g.cost += (took/time.Duration(conns) - g.cost) / 16
}

// eager reports whether to propose at once rather than gather: moving the
// bytes of everybody takes longer than an append.
func (g *gather) eager(appendTime time.Duration) bool {
	return appendTime < g.cost*time.Duration(g.expect)
}

// wait returns how much longer to gather, when n writers are at hand and
// nothing else is ready. 0 is to propose them.
func (g *gather) wait(n int, appendTime time.Duration) time.Duration {
	switch {
	case g.inFlight > 0:
		return -1 // the writer is busy: they would only queue up there
	case n*enoughOf >= g.expect*enough:
		return 0
	}
	return max(0, appendTime/patience-time.Since(g.moved))
}

// proposed is told that n writers have gone to the Writer.
func (g *gather) proposed(n int) {
	g.inFlight += n
	g.expect = max(g.inFlight, g.expect-g.expect/8-1)
}

// back is told that n writers have their answers.
func (g *gather) back(n int) {
	g.inFlight -= n
}
