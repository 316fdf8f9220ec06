package timing_test

import (
	"testing"
	"time"

	"ledge/journal/timing"
)

// A duration is counted under the least bound that it does not exceed.
func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		took time.Duration
		want int
	}{
		{-time.Second, 0}, {0, 0}, {1, 0}, {time.Microsecond, 0}, {time.Microsecond + 1, 1}, {2 * time.Microsecond, 1},
		{2*time.Microsecond + 1, 2}, {timing.Bound(24), 24}, {timing.Bound(24) + 1, 25}, {time.Hour, 25}, {1<<63 - 1, 25},
	} {
		var got timing.Times
		var h timing.Histogram
		got.Add(tt.took)
		h.Add(tt.took)
		if got.Counts[tt.want] != 1 || got.Total() != 1 {
			t.Errorf("%s is counted in %v; want bucket %d", tt.took, got.Counts, tt.want)
		}
		if h.Times() != got || got.Sum < 0 {
			t.Errorf("%s: a histogram has %v; want %v", tt.took, h.Times(), got)
		}
	}
}

// A quantile lies in the bucket that its rank falls into.
func TestQuantile(t *testing.T) {
	var none, even, mixed, long timing.Times
	even.Counts[3] = 100 // 4 to 8 µs
	mixed.Counts[0], mixed.Counts[10] = 99, 1
	long.Counts[timing.Bounds] = 1
	for _, tt := range []struct {
		name string
		of   timing.Times
		q    float64
		want time.Duration
	}{
		{"of nothing", none, .5, 0},
		{"middle of a bucket", even, .5, 6 * time.Microsecond},
		{"end of a bucket", even, 1, 8 * time.Microsecond},
		{"the first bucket", mixed, .99, time.Microsecond},
		{"the one that was slow", mixed, 1, timing.Bound(10)},
		{"beyond all bounds", long, .5, timing.Bound(24)},
	} {
		if got := tt.of.Quantile(tt.q); got != tt.want {
			t.Errorf("%s: quantile %v is %s; want %s", tt.name, tt.q, got, tt.want)
		}
	}
}

// What is counted since an earlier look is the difference, and after a reset it is all.
func TestSince(t *testing.T) {
	var a, b timing.Times
	a.Add(time.Second)
	b.Join(&a)
	b.Add(time.Millisecond)
	got := b.Since(a)
	if got.Total() != 1 || got.Sum != time.Millisecond {
		t.Errorf("since a look %d in %s; want 1 in 1ms", got.Total(), got.Sum)
	}
	if got := a.Since(b); got != a {
		t.Errorf("after a reset %v; want %v", got, a)
	}
}

// No histogram is one that counts nothing.
func TestNil(t *testing.T) {
	var h *timing.Histogram
	h.Add(time.Second)
	if got := h.Times(); got != (timing.Times{}) {
		t.Errorf("nil has counted %v; want nothing", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	b.Run("times", func(b *testing.B) {
		var t timing.Times
		for b.Loop() {
			t.Add(1234)
		}
	})
	b.Run("histogram", func(b *testing.B) {
		var h timing.Histogram
		for b.Loop() {
			h.Add(1234)
		}
	})
}
