package process

import (
	"testing"
	"time"
)

// Room is given while collections take much of the processor, and given back.
func TestSlack(t *testing.T) {
	const room, plenty = 64 << 20, 64 << 20 * 3 * 8
	var (
		s   slack
		u   Usage
		now = time.Unix(1000, 0)
	)
	for _, step := range []struct {
		name  string
		spent time.Duration // by a collection in the last second; 0 is none
		spare int64
		want  float64
	}{
		{"the first says nothing", 500 * time.Millisecond, plenty, 1},
		{"none has ended", 0, plenty, 1},
		{"busy since a moment that is not known", 100 * time.Millisecond, plenty, 1},
		{"a little busy", 120 * time.Millisecond, plenty, 1.5},
		{"in between", 50 * time.Millisecond, plenty, 1.5},
		{"busier than there is memory for", 300 * time.Millisecond, 64 << 20, 1.5},
		{"busy", 300 * time.Millisecond, plenty, 3},
		{"busy for good", 300 * time.Millisecond, plenty, 3},
		{"rare", 10 * time.Millisecond, plenty, 2},
	} {
		now = now.Add(time.Second)
		if step.spent > 0 {
			u.cycles, u.spent = u.cycles+1, u.spent+step.spent
		}
		s.look(u, now, room, func() int64 { return step.spare })
		if got := s.times(); got != step.want {
			t.Errorf("%s: %v times the room; want %v", step.name, got, step.want)
		}
	}
	if s.rest(); s.times() != 1 {
		t.Errorf("at rest: %v times the room; want 1", s.times())
	}
}
