package wire

import (
	"math"
	"testing"

	"ledge/replay/cluster"
)

// A record with a stamp that no node makes is not taken.
func TestStampBound(t *testing.T) {
	for stamp, ok := range map[uint64]bool{0: false, 1: true, cluster.MaxStamp: true, cluster.MaxStamp + 1: false, math.MaxUint64: false} {
		r := NodeRecord{ID: "a", Shard: "b", Port: 1, Stamp: stamp}
		if err := r.Check(); (err == nil) != ok {
			t.Errorf("stamp %d: %v; taken should be %v", stamp, err, ok)
		}
	}
}
