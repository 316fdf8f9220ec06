package command_test

import (
	"testing"

	"ledge/respd/command"
)

// Samples are different numbers below n, and over many draws no number comes up
// much more often than another.
func TestSample(t *testing.T) {
	for _, tt := range []struct{ n, k int }{
		{1, 0}, {1, 1}, {5, 1}, {5, 2}, {5, 5}, {20, 3}, {20, 7}, {100, 17}, {100, 33}, {100, 34}, {100, 99},
	} {
		const draws = 4000
		times := make([]int, tt.n)
		for range draws {
			got := command.Sample(tt.n, tt.k)
			seen := make(map[int]bool)
			for _, i := range got {
				if i < 0 || i >= tt.n || seen[i] {
					t.Fatalf("Sample(%d, %d) = %v; want different numbers in range", tt.n, tt.k, got)
				}
				seen[i] = true
				times[i]++
			}
			if len(got) != tt.k {
				t.Fatalf("Sample(%d, %d) = %v", tt.n, tt.k, got)
			}
		}
		// Eight standard deviations: it fails once in 10^13 runs.
		want := float64(draws) * float64(tt.k) / float64(tt.n)
		for i, got := range times {
			if d := float64(got) - want; d*d > 64*want+1 {
				t.Errorf("Sample(%d, %d) chose %d %d times of %d; want about %.0f", tt.n, tt.k, i, got, draws, want)
			}
		}
	}
}
