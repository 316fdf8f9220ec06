package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ledge/journal/progress"
)

// WorkFullSync is the Verb of a full sync that a replica is given, for which nobody has
// asked just then.
const WorkFullSync = "full-sync"

// Work is what a node does for an operator that takes long, and how far that is.
type Work struct {
	Verb  string    `json:"verb"`
	Began time.Time `json:"began"`
	Step  string    `json:"step,omitempty"` // what it is at, in words
	// Unit is what Done and Total count within the step: "bytes", "keys", "numbers"; ""
	// is nothing. A Total of 0 is not known.
	Unit  string  `json:"unit,omitempty"`
	Done  int64   `json:"done,omitempty"`
	Total int64   `json:"total,omitempty"`
	Rate  float64 `json:"units_per_second,omitempty"`
	// Percent is of the time that all of it takes, about, or of the step where that can't
	// be told; none while nothing is known.
	Percent *float64 `json:"percent,omitempty"`
	Left    *float64 `json:"seconds_left,omitempty"` // about; none while nobody can tell
}

// units are the words for what is counted.
var units = map[progress.Unit]string{progress.Bytes: "bytes", progress.Keys: "keys", progress.Numbers: "numbers"}

// WorkOf words how far a request is.
func WorkOf(verb string, began time.Time, s progress.Seen) Work {
	w := Work{Verb: verb, Began: began.UTC(), Step: s.Step, Unit: units[s.Unit], Done: s.Done, Total: s.Total, Rate: s.Rate}
	if s.Known {
		percent := 100 * s.Share
		w.Percent = &percent
	}
	if s.Left >= 0 {
		left := s.Left.Seconds()
		w.Left = &left
	}
	return w
}

// Seen is what the work has said of itself to the node.
func (w *Work) Seen() progress.Seen {
	s := progress.Seen{Step: w.Step, Done: w.Done, Total: w.Total, Rate: w.Rate, Left: -1}
	for u, word := range units {
		if word == w.Unit {
			s.Unit = u
		}
	}
	if w.Percent != nil {
		s.Share, s.Known = min(1, max(0, *w.Percent/100)), true
	}
	if w.Left != nil {
		s.Left = time.Duration(max(0, *w.Left) * float64(time.Second))
	}
	return s
}

// shown returns a context on whose Meter the request says how far it is, until done is
// called. Only verbs that may take long have one.
func (c *call) shown(ctx context.Context) (_ context.Context, done func()) {
	if !c.verb.long {
		return ctx, func() {}
	}
	m := progress.New()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.work[c] = m
	return progress.With(ctx, m), func() {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		delete(c.s.work, c)
	}
}

// workUnderWay returns what takes long, the oldest first.
func (s *Service) workUnderWay() (list []Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, m := range s.work {
		list = append(list, WorkOf(c.verb.name, c.began, m.Look()))
	}
	slices.SortFunc(list, func(a, b Work) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Verb, b.Verb)) })
	return list
}
