package appliance

import (
	"errors"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal/fault"
	"ledge/replay/writer"
)

// What is told of the journal's health becomes an event that says how it is: a
// reserve that is held again is said to be so, whether or not the journal takes
// writes.
func TestHealthEvents(t *testing.T) {
	n := &Node{report: &report.Report{Node: "n"}}
	n.cfg.Clock = time.Now
	n.live.Store(new(options.Live))
	n.reserve = newReserve(t.TempDir(), 1)
	n.dir = &directory{node: "n"}
	e := newEvents(n)
	full := writer.Suspension{Class: fault.Retryable, Cause: errors.New("full"), Attempts: 2, LastError: errors.New("still")}
	for _, tt := range []struct {
		name    string
		change  writer.HealthChange
		held    bool
		want    admin.Event
		state   string
		missing bool
	}{
		{"suspended", writer.HealthChange{Kind: writer.Suspended, Suspension: full}, true,
			admin.Event{Kind: admin.EventSuspended, Class: "retryable", Cause: "full", Attempts: 2}, admin.StateSuspended, false},
		{"given up", writer.HealthChange{Kind: writer.ReserveGivenUp, Suspension: full}, false,
			admin.Event{Kind: admin.EventReserve, Class: "retryable", Cause: "full", Attempts: 2}, admin.StateSuspended, true},
		{"held again, all well", writer.HealthChange{Kind: writer.ReserveHeld}, true,
			admin.Event{Kind: admin.EventReserve}, admin.StateOK, false},
		{"held again, still suspended", writer.HealthChange{Kind: writer.ReserveHeld, Suspension: full}, true,
			admin.Event{Kind: admin.EventReserve}, admin.StateSuspended, false},
		{"attempt failed", writer.HealthChange{Kind: writer.ResumeFailed, Suspension: full}, true,
			admin.Event{Kind: admin.EventResumeFailed, Class: "retryable", Cause: "still", Attempts: 2}, admin.StateSuspended, false},
		{"resumed", writer.HealthChange{Kind: writer.Resumed, Suspension: full}, true,
			admin.Event{Kind: admin.EventResumed, Class: "retryable", Cause: "full", Attempts: 2}, admin.StateOK, false},
	} {
		n.reserve.held = tt.held
		e.health(tt.change)
		got := <-e.queue
		if got.Kind != tt.want.Kind || got.Class != tt.want.Class || got.Cause != tt.want.Cause || got.Attempts != tt.want.Attempts {
			t.Errorf("%s: %+v; want %+v", tt.name, got, tt.want)
		}
		if got.Health.State != tt.state || got.Health.ReserveMissing != tt.missing {
			t.Errorf("%s: state %s, reserve missing %v; want %s and %v", tt.name, got.Health.State, got.Health.ReserveMissing, tt.state, tt.missing)
		}
	}
}
