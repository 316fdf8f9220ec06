package report

import (
	"cmp"
	"slices"
	"time"

	"ledge/admin"
)

// Page is what the page of a node shows, as JSON.
type Page struct {
	At     time.Time    `json:"at"`
	Status admin.Status `json:"status"`
	// NotReady is why reads are refused, "" if they are not; WritesRefused is why
	// writes are.
	NotReady      string `json:"not_ready,omitempty"`
	WritesRefused string `json:"writes_refused,omitempty"`
	// Cluster is the cluster that the node is in, with at most PageRows shards; nil is
	// that it is in none.
	Cluster *admin.Cluster `json:"cluster,omitempty"`

	Memory   PageMemory     `json:"memory"`
	Counts   PageCounts     `json:"counts"`
	Commands []PageCommand  `json:"commands"` // that took most time, at most PageRows
	Clients  []admin.Client `json:"clients"`  // at most PageRows
	Slow     []admin.Slow   `json:"slow"`     // the newest first, at most PageRows
	Events   []admin.Event  `json:"events"`   // the newest first, at most PageEvents
	// Hidden says that clients and arguments in the slow log are left out, since
	// whoever asks has shown no password.
	Hidden bool `json:"hidden,omitempty"`
}

// How much of what there may be much of a page has.
const (
	PageRows   = 25
	PageEvents = 100
)

// PageMemory is what the process takes, in bytes.
type PageMemory struct {
	Taken    int64 `json:"taken"`
	Live     int64 `json:"live"`
	Most     int64 `json:"most,omitempty"` // that may be taken; none is no bound
	Resident int64 `json:"resident"`
	Refusing bool  `json:"refusing,omitempty"`
}

// PageCounts are counters since the start, of which the page makes rates, and figures
// of the moment.
type PageCounts struct {
	Commands int64   `json:"commands"`
	Errors   int64   `json:"errors"`
	Hits     int64   `json:"hits"`
	Misses   int64   `json:"misses"`
	In       int64   `json:"in"`
	Out      int64   `json:"out"`
	Appended int64   `json:"appended"` // bytes
	CPU      float64 `json:"cpu_seconds"`
	Blocked  int     `json:"blocked"`
	Clients  int     `json:"clients"`
	Most     int     `json:"most_clients"`
	Expiring int     `json:"expiring"` // keys with a deadline
}

// PageCommand is one command since the start. Times are in microseconds; 0 says that
// nothing was timed, since all of its calls were refused before they were run.
type PageCommand struct {
	Name    string  `json:"name"`
	Calls   int64   `json:"calls"`
	Failed  int64   `json:"failed"`
	Refused int64   `json:"refused"` // and not among the calls
	Mean    float64 `json:"mean"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Total   float64 `json:"total"`
}

// Page collects what the page shows, but for clients, slow log and events, which are
// not the report's.
func (r *Report) Page() Page {
	m, c, f := r.Memory(), r.Clients(), r.Process()
	p := Page{At: r.Clock().UTC(), Status: r.Status(), Commands: pageCommands(c),
		Memory: PageMemory{Taken: m.Taken, Live: m.Live, Most: m.Most, Resident: f.Resident, Refusing: m.Refusing},
		Counts: PageCounts{Commands: c.Stats.Commands.Load(), Errors: c.Stats.Errors.Load(),
			Hits: c.Stats.Hits.Load(), Misses: c.Stats.Misses.Load(), In: c.Stats.NetIn.Load(), Out: c.Stats.NetOut.Load(),
			Appended: r.Journal().Appended, CPU: (f.User + f.System).Seconds(),
			Blocked: c.Blocked, Clients: c.Connected, Most: c.Most}}
	for _, k := range r.Keys() {
		p.Counts.Expiring += k.Expiring
	}
	return p
}

func pageCommands(c Clients) []PageCommand {
	list := []PageCommand{}
	for _, of := range Commands(c.Stats) {
		n := of.Took.Total()
		if n == 0 && of.Rejected == 0 {
			continue
		}
		p := PageCommand{Name: of.Name, Calls: of.Calls.Calls, Failed: of.Failed, Refused: of.Rejected,
			P50: micros(of.Took, .5), P99: micros(of.Took, .99), Total: round(float64(of.Took.Sum) / 1000)}
		if n > 0 {
			p.Mean = max(.1, round(float64(of.Took.Sum)/float64(n)/1000))
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b PageCommand) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(b.Refused, a.Refused))
	})
	return list[:min(len(list), PageRows)]
}
