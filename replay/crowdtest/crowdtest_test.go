package crowdtest_test

import (
	"testing"

	"ledge/replay/crowdtest"
	"ledge/replay/value"
)

func TestKey(t *testing.T) {
	want, hash := value.RowPos(crowdtest.Key(0))
	for i := range 300 {
		key := crowdtest.Key(i)
		if pos, h := value.RowPos(key); pos != want || h != hash {
			t.Errorf("%q stands at %x with hash %x; want %x and %x", key, pos, h, want, hash)
		}
		if i > 0 && key == crowdtest.Key(i-1) {
			t.Errorf("%q comes twice", key)
		}
	}
}
