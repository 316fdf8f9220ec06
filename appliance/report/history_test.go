package report_test

import (
	"slices"
	"testing"
	"time"

	"ledge/appliance/report"
	"ledge/journal/timing"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/stats"
)

// drawer keeps samples in memory.
type drawer struct{ kept []report.Sample }

func (d *drawer) Kept() []report.Sample { return d.kept }
func (d *drawer) Keep(s report.Sample)  { d.kept = append(d.kept, s) }

// clocked is a report whose time and counters a test moves.
func clocked() (r *report.Report, now *time.Time, st *command.Stats, j *report.Journal) {
	r, _ = counted()
	now, st, j = new(time.Time), stats.New[*command.Spec](at), &report.Journal{Bytes: 7}
	*now = at
	r.Clock = func() time.Time { return *now }
	r.Clients = func() report.Clients { return report.Clients{Connected: 3, Stats: st} }
	r.Journal = func() report.Journal { return *j }
	return r, now, st, j
}

// A sample is the difference of two looks at the counters, per second, and a reset of
// the counters between them makes nothing negative.
func TestSamples(t *testing.T) {
	r, now, st, j := clocked()
	keeper := &drawer{}
	h := report.NewHistory(r, keeper)
	spec := &command.Spec{Name: "get"}
	h.Take() // the first look
	if got := h.Samples(); len(got) != 0 {
		t.Fatalf("after one look %+v; want no sample", got)
	}
	step := func(commands int64, took time.Duration) {
		*now = now.Add(report.SampleEvery)
		var c stats.Calls
		for range commands {
			c.Took.Add(took)
		}
		st.Commands.Add(commands)
		st.Count(spec, &c)
		j.Appended, j.Appends = j.Appended+1000, j.Appends+20
		j.AppendTimes.Add(took)
		h.Take()
	}
	step(50, 100*time.Microsecond)
	got := h.Samples()[0]
	if got.At != now.Unix() || got.Commands != 5 || got.Written != 100 || got.Appends != 2 || got.Journal != 7 || got.Clients != 3 {
		t.Errorf("sample %+v; want 5 commands, 100 bytes and 2 appends a second", got)
	}
	if got.Command99 <= 64 || got.Command99 > 128 || got.Append50 <= 64 || got.Append50 > 128 {
		t.Errorf("p99 of commands %v µs, p50 of appends %v µs; want both between 64 and 128", got.Command99, got.Append50)
	}
	if got.Sync99 != 0 {
		t.Errorf("p99 of syncs without any is %v; want 0", got.Sync99)
	}
	if !got.Suspended || got.Lag != 3 {
		t.Errorf("suspended %v, lag %d; want true and 3", got.Suspended, got.Lag)
	}
	step(10, time.Millisecond)
	if got := h.Samples()[1]; got.Commands != 1 || got.Command50 < 512 {
		t.Errorf("second sample %+v; want what was since the first alone", got)
	}
	step(1000, 0) // of which a median is less than is shown
	if got := h.Samples()[2]; got.Command50 <= 0 || got.Append50 <= 0 {
		t.Errorf("p50 of commands %v µs, of appends %v µs; want both above 0, which is that there were none", got.Command50, got.Append50)
	}
	step(0, time.Millisecond)
	if got := h.Samples()[3]; got.Command50 != 0 || got.Command99 != 0 || got.Append50 == 0 {
		t.Errorf("sample without a command: %+v; want 0 for those times, and only those", got)
	}
	st.Reset()
	r.Health = func() report.Health { return report.Health{Suspension: (*writer.Suspension)(nil)} }
	step(10, time.Millisecond)
	if got := h.Samples()[4]; got.Commands != 1 || got.Suspended {
		t.Errorf("sample after a reset %+v; want one command a second, and ok", got)
	}
	*now = now.Add(-time.Hour)
	h.Take()
	if n := len(h.Samples()); n != 5 || len(keeper.kept) != n {
		t.Errorf("%d samples after the clock was set back, %d kept; want 5 and 5", n, len(keeper.kept))
	}
}

// The last hour is kept and no more, and a start goes on from what was kept of it.
func TestHour(t *testing.T) {
	r, now, _, _ := clocked()
	keeper := &drawer{kept: []report.Sample{
		{At: at.Add(-2 * time.Hour).Unix()}, {At: at.Add(-time.Minute).Unix(), Commands: 9}, {At: at.Add(time.Hour).Unix()},
	}}
	h := report.NewHistory(r, keeper)
	if got := h.Samples(); len(got) != 1 || got[0].Commands != 9 {
		t.Fatalf("after a start %+v; want the one sample of the last hour", got)
	}
	for range 2 * report.Samples {
		h.Take()
		*now = now.Add(report.SampleEvery)
	}
	got := h.Samples()
	if len(got) != report.Samples || !slices.IsSortedFunc(got, func(a, b report.Sample) int { return int(a.At - b.At) }) {
		t.Errorf("%d samples; want %d, the oldest first", len(got), report.Samples)
	}
	if got[len(got)-1].At != now.Add(-report.SampleEvery).Unix() {
		t.Errorf("the last is of %d; want %d", got[len(got)-1].At, now.Add(-report.SampleEvery).Unix())
	}
}

// The page has what the other words of the facts have, and its lists have bounds.
func TestPageFacts(t *testing.T) {
	r, _ := counted()
	many := stats.New[*command.Spec](at)
	for i := range 100 {
		var took timing.Times
		took.Add(time.Duration(i) * time.Millisecond)
		many.Count(&command.Spec{Name: string(rune('a'+i/26)) + string(rune('a'+i%26))}, &stats.Calls{Calls: 1, Took: took})
	}
	r.Clients = func() report.Clients { return report.Clients{Stats: many} }
	p := r.Page()
	if len(p.Commands) != report.PageRows || p.Commands[0].Total < p.Commands[1].Total || p.Commands[0].Name != "dv" {
		t.Errorf("%d commands, first %+v; want %d, those first that took most time", len(p.Commands), p.Commands[0], report.PageRows)
	}
	refused := stats.New[*command.Spec](at)
	var took timing.Times
	took.Add(time.Millisecond)
	refused.Count(&command.Spec{Name: "get"}, &stats.Calls{Calls: 1, Took: took})
	refused.Count(&command.Spec{Name: "incr"}, &stats.Calls{Rejected: 2})
	refused.Count(&command.Spec{Name: "set"}, &stats.Calls{Rejected: 7})
	r.Clients = func() report.Clients { return report.Clients{Stats: refused} }
	if got := r.Page().Commands; len(got) != 3 || got[0].Name != "get" || got[0].Refused != 0 ||
		got[1] != (report.PageCommand{Name: "set", Refused: 7}) || got[2] != (report.PageCommand{Name: "incr", Refused: 2}) {
		t.Errorf("commands %+v; want those that were only refused after those that ran, and how often", got)
	}
	if p.Status.Health.State != "suspended" || p.Counts.Expiring != 1 || p.Memory.Taken != 5 || !p.Memory.Refusing {
		t.Errorf("page %+v; want what the report has", p)
	}
}
