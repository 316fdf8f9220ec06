package remote

import (
	"testing"
	"time"

	"ledge/journal"
)

// A leader rests after a chunk while clients write, for as long as the chunk was
// work, and no longer than is good for the replica's patience.
func TestRest(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, tt := range []struct {
		name  string
		took  time.Duration
		last  int
		later time.Duration
		want  time.Duration
	}{
		{"nobody writes", time.Millisecond, 7, 0, 0},
		{"clients write", time.Millisecond, 8, 0, chunkRest * time.Millisecond},
		{"it has rested a little", time.Millisecond, 8, time.Millisecond, (chunkRest - 1) * time.Millisecond},
		{"it has rested", time.Millisecond, 8, time.Second, 0},
		{"a slow disk", time.Second, 8, 0, restMost},
	} {
		p := pace{last: 7, took: tt.took, at: at}
		if got := p.rest(journal.Seq(tt.last), at.Add(tt.later)); got != tt.want {
			t.Errorf("%s: %v; want %v", tt.name, got, tt.want)
		}
	}
	if got := (pace{}).rest(9, at); got != 0 {
		t.Errorf("the first chunk waits %v; want 0", got)
	}
}
