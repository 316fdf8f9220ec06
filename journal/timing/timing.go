// Package timing counts how long things took, so finely that a median can be told and
// so cheaply that each command and each append is counted.
package timing

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Bounds is how many bounds there are: 1 µs, and each twice the one before, up to
// 16.8 s. What took longer is in one bucket more.
const Bounds = 25

// Bound returns a bound: the longest that is counted in bucket i.
func Bound(i int) time.Duration { return time.Microsecond << i }

// Times is how often something took how long: Counts[i] is how often it took at most
// Bound(i), and longer than Bound(i-1). The last has what is beyond all bounds.
type Times struct {
	Counts [Bounds + 1]int64
	Sum    time.Duration
}

// bucket returns where a duration is counted. One below zero, which a clock that was
// set can bring, counts as none.
func bucket(d time.Duration) int {
	return min(bits.Len64(uint64(max(d, 1)-1)/uint64(time.Microsecond)), Bounds)
}

// Add counts a duration.
func (t *Times) Add(d time.Duration) {
	t.Counts[bucket(d)]++
	t.Sum += max(d, 0)
}

// Join counts all that another has counted.
func (t *Times) Join(o *Times) {
	for i, n := range &o.Counts {
		t.Counts[i] += n
	}
	t.Sum += o.Sum
}

// Since returns what has been counted since an earlier look. Counters that were set
// back meanwhile count from zero.
func (t Times) Since(earlier Times) Times {
	for i := range t.Counts {
		if t.Counts[i] < earlier.Counts[i] {
			return t
		}
	}
	for i := range t.Counts {
		t.Counts[i] -= earlier.Counts[i]
	}
	t.Sum -= earlier.Sum
	return t
}

// Total is how many durations are counted.
func (t *Times) Total() (n int64) {
	for _, c := range &t.Counts {
		n += c
	}
	return n
}

// Quantile estimates how long it took at most in the share q of all cases, 0 if there
// are none. Within a bucket durations are taken to be spread evenly; beyond all bounds
// the last bound is returned.
func (t *Times) Quantile(q float64) time.Duration {
	rank := q * float64(t.Total())
	if rank == 0 {
		return 0
	}
	below := 0.0
	for i, n := range t.Counts[:Bounds] {
		if below+float64(n) >= rank && n > 0 {
			least := time.Duration(0)
			if i > 0 {
				least = Bound(i - 1)
			}
			return least + time.Duration((rank-below)/float64(n)*float64(Bound(i)-least))
		}
		below += float64(n)
	}
	return Bound(Bounds - 1)
}

// Histogram counts durations. Its methods may be called from any goroutine; a nil one
// counts nothing.
type Histogram struct {
	counts [Bounds + 1]atomic.Int64
	sum    atomic.Int64
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	if h == nil {
		return
	}
	h.counts[bucket(d)].Add(1)
	h.sum.Add(int64(max(d, 0)))
}

// Times returns what has been counted. What is counted at the same moment may be in
// one of Counts and not yet in Sum.
func (h *Histogram) Times() (t Times) {
	if h == nil {
		return t
	}
	for i := range h.counts {
		t.Counts[i] = h.counts[i].Load()
	}
	t.Sum = time.Duration(h.sum.Load())
	return t
}
