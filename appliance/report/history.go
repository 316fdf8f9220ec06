package report

import (
	"context"
	"math"
	"sync"
	"time"

	"ledge/journal/timing"
)

// SampleEvery is how often a sample is taken, and Samples how many are kept: those of
// the last hour.
const (
	SampleEvery = 10 * time.Second
	Samples     = int(time.Hour / SampleEvery)
)

// Sample is what went on in one span of SampleEvery, and how things stood at its end.
// Rates are per second, times in microseconds, sizes in bytes. A time of 0 says that
// nothing was timed.
type Sample struct {
	At       int64   `json:"at"` // Unix seconds, of its end
	Commands float64 `json:"commands"`
	Errors   float64 `json:"errors"`
	In       float64 `json:"in"`  // bytes from clients
	Out      float64 `json:"out"` // bytes to them
	Appends  float64 `json:"appends"`
	Written  float64 `json:"written"` // bytes to the journal

	Command50 float64 `json:"command_p50"`
	Command99 float64 `json:"command_p99"`
	Append50  float64 `json:"append_p50"`
	Append99  float64 `json:"append_p99"`
	Sync99    float64 `json:"sync_p99"`

	Journal int64  `json:"journal"` // what it takes on the disk
	Memory  int64  `json:"memory"`
	Clients int    `json:"clients"`
	Lag     uint64 `json:"lag"` // behind the leader, or of the replica that is furthest behind
	// Suspended says that writes were not taken at its end.
	Suspended bool `json:"suspended,omitempty"`
}

// Keeper keeps samples over a restart. What it can't keep is lost, and nothing else.
type Keeper interface {
	// Kept returns what was kept, the oldest first.
	Kept() []Sample
	// Keep keeps a sample. It must not wait for the disk.
	Keep(Sample)
}

// History has the samples of the last hour.
type History struct {
	report *Report
	keeper Keeper // nil is none

	mu      sync.Mutex
	samples []Sample // mu; the oldest first

	last counters // belongs to Run
}

// counters is what a sample is the difference of.
type counters struct {
	at                                          time.Time
	commands, errors, in, out, appends, written int64
	command, append, sync                       timing.Times
}

// NewHistory returns a history that goes on from what was kept; the keeper may be nil.
func NewHistory(r *Report, k Keeper) *History {
	h := &History{report: r, keeper: k}
	if k == nil {
		return h
	}
	oldest := r.Clock().Add(-time.Hour).Unix()
	for _, s := range k.Kept() {
		if s.At > oldest && s.At <= r.Clock().Unix() {
			h.add(s)
		}
	}
	return h
}

// Run takes samples until ctx ends.
func (h *History) Run(ctx context.Context) {
	h.last = h.read()
	tick := time.NewTicker(SampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.Take()
		case <-ctx.Done():
			return
		}
	}
}

// Take takes a sample of the time since the last one. Run calls it, and nobody beside
// Run may.
func (h *History) Take() {
	now := h.read()
	s, ok := h.sample(h.last, now)
	if h.last = now; !ok {
		return
	}
	h.add(s)
	if h.keeper != nil {
		h.keeper.Keep(s)
	}
}

// Samples returns the samples of the last hour, the oldest first.
func (h *History) Samples() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Sample{}, h.samples...)
}

func (h *History) add(s Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == Samples {
		copy(h.samples, h.samples[1:])
		h.samples = h.samples[:Samples-1]
	}
	h.samples = append(h.samples, s)
}

// read reads the counters.
func (h *History) read() counters {
	j, st := h.report.Journal(), h.report.Clients().Stats
	c := counters{at: h.report.Clock(), commands: st.Commands.Load(), errors: st.Errors.Load(),
		in: st.NetIn.Load(), out: st.NetOut.Load(), appends: j.Appends, written: j.Appended,
		append: j.AppendTimes, sync: j.SyncTimes}
	for _, of := range Commands(st) {
		c.command.Join(&of.Took)
	}
	return c
}

// sample makes a sample of two looks at the counters. There is none if no time is
// between them, as after the clock was set back.
func (h *History) sample(was, now counters) (s Sample, ok bool) {
	span := now.at.Sub(was.at).Seconds()
	if was.at.IsZero() || span <= 0 {
		return s, false
	}
	rate := func(now, was int64) float64 {
		if now < was { // CONFIG RESETSTAT
			was = 0
		}
		return round(float64(now-was) / span)
	}
	command, appended, synced := now.command.Since(was.command), now.append.Since(was.append), now.sync.Since(was.sync)
	r := h.report
	s = Sample{At: now.at.Unix(),
		Commands: rate(now.commands, was.commands), Errors: rate(now.errors, was.errors),
		In: rate(now.in, was.in), Out: rate(now.out, was.out),
		Appends: rate(now.appends, was.appends), Written: rate(now.written, was.written),
		Command50: micros(command, .5), Command99: micros(command, .99),
		Append50: micros(appended, .5), Append99: micros(appended, .99), Sync99: micros(synced, .99),
		Journal: r.Journal().Bytes, Memory: r.Memory().Taken, Clients: r.Clients().Connected,
		Lag: furthest(r.Replication()), Suspended: r.Health().Suspension != nil}
	return s, true
}

// micros returns a quantile in microseconds: 0 if nothing was timed, and then only.
func micros(t timing.Times, q float64) float64 {
	if t.Total() == 0 {
		return 0
	}
	return max(.1, round(float64(t.Quantile(q))/1000))
}

// round leaves out digits that nobody reads.
func round(f float64) float64 { return math.Round(f*10) / 10 }

// furthest is how far the node is behind its leader, or its furthest replica behind it.
func furthest(p Replication) (most uint64) {
	most = lag(p.Link)
	for _, r := range p.Replicas {
		most = max(most, uint64(max(p.Applied, r.Applied)-r.Applied))
	}
	return most
}
