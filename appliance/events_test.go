package appliance

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal/fault"
	"ledge/replay/writer"
)

// Of the events that were so many are kept as fit, over restarts too, and those since a
// time are found. One that is no event doesn't hide the others.
func TestPastEvents(t *testing.T) {
	dir := paths{t.TempDir()}
	now := time.Unix(1e9, 0).UTC()
	for range 2 {
		n := &Node{own: dir.openStore(false, slog.New(slog.DiscardHandler)), dir: &directory{node: "n"}}
		e := newEvents(n)
		for range mostKept/2 + 10 {
			now = now.Add(time.Second)
			e.keep(admin.Event{Kind: admin.EventSnapshot, At: now})
		}
		e.keep(admin.Event{Kind: admin.EventLink, At: now, Cause: strings.Repeat("x", maxEvent)})
		if err := n.own.Close(); err != nil {
			t.Fatal(err)
		}
	}
	n := &Node{own: dir.openStore(false, slog.New(slog.DiscardHandler))}
	defer n.own.Close()
	e := newEvents(n)
	all := e.past(time.Time{}, 2*mostKept)
	if len(all) != mostKept || !all[0].At.Equal(now.Add(time.Second-mostKept*time.Second)) || !all[mostKept-1].At.Equal(now) {
		t.Errorf("%d events are kept, from %s to %s; want %d, to %s", len(all), all[0].At, all[len(all)-1].At, mostKept, now)
	}
	last, _ := n.own.Last(eventTable)
	if err := n.own.Put(eventTable, last.Key, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if got := e.past(now.Add(-9*time.Second), 5); len(got) != 5 || got[4].Node != "n" || !got[4].At.Equal(now.Add(-time.Second)) {
		t.Errorf("the last 5 events are %+v; want those before the one that can't be read", got)
	}
	if got := e.past(now.Add(-9*time.Second), 50); len(got) != 9 {
		t.Errorf("%d events since 9 s ago; want 9", len(got))
	}
}

// What is told of the journal's health becomes an event that says how it is: a
// reserve that is held again is said to be so, whether or not the journal takes
// writes.
func TestHealthEvents(t *testing.T) {
	n := &Node{report: &report.Report{Node: "n"}}
	n.cfg.Clock = time.Now
	n.live.Store(new(options.Live))
	n.recovered.Store(&recovered{})
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
