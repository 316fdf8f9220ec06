package process

import (
	"math"
	"time"
)

// After a load, the first quiet second has a collection, and memory is given back
// to the system. Such a collection goes over all that lives: with half a million
// keys, a SET each 1.5 s, which leaves a quiet second after each, kept 7 to 11 % of
// a processor busy with them. So one is made only where it is worth it: once as
// much was allocated as restPart of the collector's room, since no more than that
// can have died; or once a part of the keys is gone, as with FLUSHALL; or once
// restTimes as long has gone by as the last one took, for what dies otherwise, as a
// large list does.
//
// On a node that is full a collection shows whether there is room again. That is
// worth more: fullTimes, and no longer than fullMost after the one before.
const (
	restPart  = 4
	restKeys  = 8
	restTimes = 1000
	fullTimes = 50
	fullMost  = 20 * time.Second
)

// rest is the collections that nobody but we ask for.
type rest struct {
	collect, giveBack func() // the second is a collection, too

	allocs int64         // allocated in all when the last one was over
	cost   time.Duration // of the last one
	at     time.Time     // when it was over
	keys   int           // that there were
}

// due reports whether memory is to be given back in a quiet moment.
func (r *rest) due(u Usage, now time.Time, room int64, keys int) bool {
	return u.allocs-r.allocs >= room/restPart || keys < r.keys-r.keys/restKeys ||
		r.hasRested(now, restTimes, math.MaxInt64)
}

// hasRested reports whether so many times as long has gone by as the last
// collection took, or most; it is a second at least.
func (r *rest) hasRested(now time.Time, times int64, most time.Duration) bool {
	return now.Sub(r.at) >= min(max(time.Duration(times)*r.cost, memoryQuiet), most)
}

// run has a collection made, and notes what it has cost: what the collector says
// that it took on all processors, and how long it was for sweeping and giving back.
func (r *rest) run(collection func(), now time.Time, read func() Usage, keys int) {
	before, began := read(), time.Now()
	collection()
	took, u := time.Since(began), read()
	r.allocs, r.cost, r.at = u.allocs, u.spent-before.spent+took, now.Add(took)
	r.keys = keys
}
