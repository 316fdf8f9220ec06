package process

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
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
		m := NewMemory(0, nil)
		m.Loading(tt.bytes, tt.available)
		if got := m.percent.Load(); got != tt.want {
			t.Errorf("%s: %d %%; want %d", tt.name, got, tt.want)
		}
		m.Close()
	}
}

// A program that loads a backup gives the collector that room where there is plenty, and
// takes it back.
func TestHurry(t *testing.T) {
	target := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	usual := target()
	for _, tt := range []struct {
		name        string
		bytes, room int64
		want        int
	}{
		{"plenty", 1 << 20, 8 << 20, loadPercent},
		{"not so much", 1<<20 + 1, 8 << 20, usual},
		{"nobody knows", 1 << 20, 0, usual},
	} {
		done := hurry(tt.bytes, tt.room)
		if got := target(); got != tt.want {
			t.Errorf("%s: %d %%; want %d", tt.name, got, tt.want)
		}
		if done(); target() != usual {
			t.Errorf("%s: %d %% afterwards; want %d", tt.name, target(), usual)
		}
	}
}

// The figure is one that this machine could have.
func TestAvailable(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc/meminfo")
	}
	if got := Available(); got < 16<<20 || got > 1<<50 {
		t.Errorf("available = %d", got)
	}
}

// The narrowest group around the process counts, whether or not it is its own.
func TestGroupLeft(t *testing.T) {
	root := t.TempDir()
	put := func(group, limit, used string) {
		dir := filepath.Join(root, group)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"memory.max": limit, "memory.current": used} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("wide.slice", "1000", "300")
	put("wide.slice/free.service", "max", "200")
	put("wide.slice/tight.service", "500", "200")
	put("wide.slice/over.service", "100", "200")
	put("wide.slice/slow.service", "500", "200")
	if err := os.WriteFile(filepath.Join(root, "wide.slice/slow.service/memory.high"), []byte("300\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for groups, want := range map[string]int64{
		"":                                     math.MaxInt64,
		"3:memory:/old\n":                      math.MaxInt64,
		"0::/\n":                               math.MaxInt64,
		"0::/elsewhere\n":                      math.MaxInt64,
		"0::/wide.slice\n":                     700,
		"0::/wide.slice/free.service\n":        700,
		"0::/wide.slice/tight.service\n":       300,
		"0::/wide.slice/slow.service\n":        100,
		"1:x:/\n0::/wide.slice/over.service\n": 0,
	} {
		if got := groupLeft(root, []byte(groups)); got != want {
			t.Errorf("%q: %d; want %d", groups, got, want)
		}
	}
}
