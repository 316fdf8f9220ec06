package cli

import (
	"strings"
	"testing"

	"ledge/admin"
)

// A leader whose slots nobody serves does not pass for a sound one, and it is said what to do.
func TestUnfit(t *testing.T) {
	for _, tt := range []struct {
		h    admin.Health
		want string // "" is that it is sound
	}{
		{admin.Health{Role: "leader"}, ""},
		{admin.Health{Role: "leader", SlotsSeized: "0-9"}, "ledge cluster yield"},
		{admin.Health{Role: "leader", SlotsGiven: "0-9"}, "ledge cluster moves"},
	} {
		if got := unfit(tt.h, false); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %q; want %q", tt.h, got, tt.want)
		}
	}
}
