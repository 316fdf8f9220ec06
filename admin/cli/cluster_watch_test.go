package cli

import (
	"testing"
	"time"
)

// What a watched cluster was is told apart from what it became, and from when each is.
func TestStamped(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, tt := range []struct {
		screen bool
		want   string
	}{
		{false, "--- 2026-03-04T05:06:07Z\nslots 7\n"},
		{true, "\x1b[H\x1b[2J--- 2026-03-04T05:06:07Z\nslots 7\n\x1b[J"},
	} {
		if got := string(stamped([]byte("slots 7\n"), at, tt.screen)); got != tt.want {
			t.Errorf("stamped(screen %v) = %q; want %q", tt.screen, got, tt.want)
		}
	}
}
