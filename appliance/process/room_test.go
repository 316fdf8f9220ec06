package process

import (
	"testing"
	"time"
)

// What is dead is collected before anybody is refused; and who is refused again and again
// has nothing collected for it in between.
func TestRoom(t *testing.T) {
	now := time.Unix(1000, 0)
	used, live, collections := int64(0), int64(0), 0
	r := &roomCheck{inUse: func() int64 { return used }, now: func() time.Time { return now }, collect: func() {
		used, collections, now = live, collections+1, now.Add(10*time.Millisecond)
	}}
	for _, tt := range []struct {
		name             string
		used, live, want int64 // want more bytes
		after            time.Duration
		fits             bool
		collections      int
	}{
		{"there is room", 50, 40, 50, 0, true, 0},
		{"what is dead is in the way", 60, 40, 50, 0, true, 1},
		{"what lives is in the way", 60, 60, 50, 0, false, 1},
		{"and again at once", 60, 10, 50, 0, false, 0},
		{"a little was never in the way", 90, 60, 20, 0, true, 1},
		{"later it is looked at anew", 60, 10, 50, 40 * time.Millisecond, true, 1},
	} {
		used, live, collections = tt.used, tt.live, 0
		now = now.Add(tt.after)
		if got := r.has(tt.want, 100); got != tt.fits || collections != tt.collections {
			t.Errorf("%s: %v after %d collections; want %v after %d", tt.name, got, collections, tt.fits, tt.collections)
		}
	}
}

// The figures are of this process.
func TestRoomOfProcess(t *testing.T) {
	m := NewMemory(0, nil)
	defer m.Close()
	if !m.Room(1 << 40) {
		t.Error("no room without a bound")
	}
	m.SetLimit(1 << 30)
	if !m.Room(1 << 20) {
		t.Errorf("no room for 1 MiB of 1 GiB with %d in use", m.room.inUse())
	}
	if m.Room(1 << 30) {
		t.Errorf("room for 1 GiB of 1 GiB with %d in use", m.room.inUse())
	}
	if u := ReadUsage().Taken; m.room.inUse() > u+64<<20 {
		t.Errorf("%d bytes in use of %d taken", m.room.inUse(), u)
	}
}
