package hub_test

import (
	"testing"

	"ledge/replay/events"
	"ledge/respd/hub"
)

// Letters in any order, printed in Redis's.
func TestParseEvents(t *testing.T) {
	for _, tt := range []struct {
		in, out string
		ok      bool
		wanted  events.Class // by a hub with these flags
	}{
		{"", "", true, 0},
		{"KEA", "AKE", true, 0x1ff},
		{"g$lshzxetdKE", "AKE", true, 0x1ff},
		{"Kxg", "gxK", true, events.Generic | events.Expired},
		{"AKEnm", "AKEm", true, 0x1ff | events.NewKey | events.KeyMiss},
		{"mKEnd$l", "$ldnKEm", true,
			events.String | events.List | events.NewKey | events.KeyMiss},
		{"g$", "g$", true, 0}, // neither K nor E: nothing is sent
		{"KE", "KE", true, 0},
		{"k", "", false, 0},
		{"A A", "", false, 0},
	} {
		f, ok := hub.ParseEvents(tt.in)
		h := hub.New()
		h.SetEvents(f)
		if ok != tt.ok || f.String() != tt.out || h.Wanted() != tt.wanted {
			t.Errorf("ParseEvents(%q) = %q, %v, wanted %#x; want %q, %v, %#x",
				tt.in, f, ok, h.Wanted(), tt.out, tt.ok, tt.wanted)
		}
	}
}
