package replaytest_test

import (
	"testing"

	"ledge/replay/replaytest"
	"ledge/replay/value"
)

func TestCrowded(t *testing.T) {
	want, hash := value.RowPos(replaytest.Crowded(0))
	for i := range 300 {
		key := replaytest.Crowded(i)
		if pos, h := value.RowPos(key); pos != want || h != hash {
			t.Errorf("%q stands at %x with hash %x; want %x and %x", key, pos, h, want, hash)
		}
		if i > 0 && key == replaytest.Crowded(i-1) {
			t.Errorf("%q comes twice", key)
		}
	}
}
