package command

import (
	"math/rand/v2"
	"slices"

	"ledge/replay"
)

// Sample returns k different numbers below n, of which k is at most n. Every
// choice is as likely as any other; the order means nothing.
func Sample(n, k int) []int {
	chosen := make([]int, 0, k)
	if k > n/3 { // so many that it is cheaper to ask for each
		for i := 0; len(chosen) < k; i++ {
			if rand.IntN(n-i) < k-len(chosen) {
				chosen = append(chosen, i)
			}
		}
		return chosen
	}
	// Floyd's way: the last of the numbers stands in for one that was chosen
	// already. It takes k draws however unlucky they are.
	const few = 16
	var seen map[int]struct{}
	if k > few {
		seen = make(map[int]struct{}, k)
	}
	for last := n - k; last < n; last++ {
		i := rand.IntN(last + 1)
		if seen == nil {
			if slices.Contains(chosen, i) {
				i = last
			}
		} else {
			if _, twice := seen[i]; twice {
				i = last
			}
			seen[i] = struct{}{}
		}
		chosen = append(chosen, i)
	}
	return chosen
}

// MaxRepeats and MaxRepeated bound what a negative count of SRANDMEMBER and its
// kind answers, in members and in bytes: the reply is made in memory, and Redis
// runs out of it without a bound.
const (
	MaxRepeats  = 1 << 20
	MaxRepeated = 512 << 20
)

// ReachSample is the Reach of a command with a key and, maybe, how many of its
// elements to choose.
func ReachSample(_ *replay.View, args Args) int {
	if len(args) < 3 {
		return 1
	}
	count, _ := ParseInt(args[2])
	return int(max(count, -count))
}
