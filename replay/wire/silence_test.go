package wire

import (
	"math"
	"testing"
	"time"
)

// However often a silence is told on, it doesn't get shorter, and it has a bound.
func TestSilence(t *testing.T) {
	for ago, want := range map[time.Duration]uint32{0: 0, 1: 1, time.Millisecond: 1, time.Second - 1: 1000, 1 << 62: math.MaxUint32} {
		if got := silence(ago); got != want {
			t.Errorf("silence(%v) = %d; want %d", ago, got, want)
		}
	}
}
