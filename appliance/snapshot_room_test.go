package appliance

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
)

// Whatever keeps a snapshot from being written on a full disk, it is said how much it needs,
// what is free, and what to do.
func TestShortOf(t *testing.T) {
	full := fmt.Errorf("write a: %w", syscall.ENOSPC)
	for _, tt := range []struct {
		name       string
		need, free int64
		inodes     bool
		want       string
	}{
		{"too little is free", 30 << 20, 12 << 20, true, "needs about 30.0 MiB, and 12.0 MiB are free on the disk of /d; make room there"},
		{"it should fit", 10 << 20, 12 << 20, true, "needs about 10.0 MiB, and 12.0 MiB are free on the disk of /d, and yet it is full: "},
		{"no inodes", 10 << 20, 12 << 20, false, "needs about 10.0 MiB, and 12.0 MiB are free on the disk of /d, and next to no inodes (df -i); make room"},
		{"nobody can tell", 10 << 20, math.MaxInt64, true, "needs about 10.0 MiB, and it is not known how many are free on the disk of /d; make room"},
	} {
		err := shortOf(full, tt.need, tt.free, tt.inodes, "/d")
		if got := err.Error(); !strings.Contains(got, tt.want) || !strings.Contains(got, "delete keys") || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %s; want %q, and what to do", tt.name, got, tt.want)
		}
	}
}
