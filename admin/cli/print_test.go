package cli

import (
	"strings"
	"testing"

	"ledge/admin"
)

// What health says of the reserve doesn't contradict itself: a reserve that was
// given up lets deletes in, one that was never held does not.
func TestHealthReserve(t *testing.T) {
	for _, c := range []struct {
		name        string
		health      admin.Health
		want, wrong string
	}{
		{"held", admin.Health{State: admin.StateOK}, "resume", "reserve"},
		{"given up", admin.Health{State: admin.StateSuspended, Deletes: true, ReserveMissing: true},
			"so that deletes find what room there is", "will take no deletes"},
		{"never held", admin.Health{State: admin.StateOK, ReserveMissing: true}, "will take no deletes", "given up"},
		{"never held, suspended", admin.Health{State: admin.StateSuspended, ReserveMissing: true}, "will take no deletes", "deletes only"},
	} {
		table := newTable()
		c.health.ResumeInterval = 60
		printHealth(table, c.health)
		var all strings.Builder
		for _, row := range table.rows {
			all.WriteString(strings.Join(row, " ") + "\n")
		}
		if got := all.String(); !strings.Contains(got, c.want) || strings.Contains(got, c.wrong) {
			t.Errorf("%s: health says\n%s\nwant %q in it, and not %q", c.name, got, c.want, c.wrong)
		}
	}
}

// An event of the reserve says what became of it: without a cause it is held again.
func TestReserveLine(t *testing.T) {
	for cause, want := range map[string]string{"": " reserve  held again", "no space left": " reserve  given up  no space left"} {
		if got := eventLine(admin.Event{Node: "n", Kind: admin.EventReserve, Cause: cause}); !strings.HasSuffix(got, want) {
			t.Errorf("cause %q: %q; want it to end with %q", cause, got, want)
		}
	}
}
