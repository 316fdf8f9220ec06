package appliance

import (
	"runtime"
	"testing"
)

// Recovery gets more room only where there is plenty.
func TestMemoryLoading(t *testing.T) {
	for _, tt := range []struct {
		name             string
		bytes, available int64
		want             int64
	}{
		{"plenty", 1 << 20, 8 << 20, loadPercent},
		{"not so much", 1<<20 + 1, 8 << 20, 100},
		{"nobody knows", 1 << 20, 0, 100},
		{"nothing to load", 0, 0, loadPercent},
	} {
		m := newMemory(0)
		m.loading(tt.bytes, tt.available)
		if got := m.percent.Load(); got != tt.want {
			t.Errorf("%s: %d %%; want %d", tt.name, got, tt.want)
		}
		m.close()
	}
}

// The figure is one that this machine could have.
func TestAvailable(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc/meminfo")
	}
	if got := available(); got < 16<<20 || got > 1<<50 {
		t.Errorf("available = %d", got)
	}
}
