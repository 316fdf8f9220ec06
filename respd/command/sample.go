package command

import (
	"math"
	"math/rand/v2"
	"slices"

	"ledge/replay"
	"ledge/respd/number"
	"ledge/respd/resp"
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
// kind answers where the reply has to be made in memory, in members and in
// bytes: in a transaction and in a script. ErrTooLong stands for more.
const (
	MaxRepeats  = 1 << 22
	MaxRepeated = 512 << 20
)

// ErrTooLong says that a reply would be longer than any client may have unread.
// One that is to get it is closed, as one with too much output is; a script gets
// the error.
const ErrTooLong resp.Error = "ERR the reply is longer than a client may have unread"

// streamFrom is how many members a reply has that is made while it is sent.
const streamFrom = 1 << 14

// Streams reports whether a reply of so many members is to be made while it is
// sent. It can be where what it is made of stays as it is until then.
func Streams(v *replay.View, n int64) bool { return v.Pinned() && n > streamFrom }

// ReachSample is the Reach of a command with a key and, maybe, how many of its
// elements to choose.
func ReachSample(v *replay.View, args Args) int {
	if len(args) < 3 {
		return 1
	}
	count, _ := number.ParseInt(args[2])
	if count < 0 && v.Exists(args[1]) { // as many as it says, whatever there are
		return int(min(-(count+1), math.MaxInt32-1)) + 1
	}
	return int(max(0, min(count, int64(v.Weight(args[1])))))
}
