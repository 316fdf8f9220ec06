package remote

import (
	"math"
	"testing"
)

// A record whose node could make no newer one is not taken: its own one would begin again
// at 0, which nobody takes.
func TestStampBound(t *testing.T) {
	for stamp, ok := range map[uint64]bool{0: false, 1: true, maxStamp: true, maxStamp + 1: false, math.MaxUint64: false} {
		r := nodeRecord{ID: "a", Shard: "b", Port: 1, Stamp: stamp}
		if err := r.check(); (err == nil) != ok {
			t.Errorf("stamp %d: %v; taken should be %v", stamp, err, ok)
		}
	}
}
