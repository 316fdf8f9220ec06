package admin

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// meter counts one verb's requests. Micro's own counters see only how long it
// took to start them.
type meter struct {
	requests, underWay, errors, took atomic.Int64
	last                             atomic.Pointer[string]
}

func (m *meter) done(took time.Duration, failed string) {
	m.took.Add(int64(took))
	if failed != "" {
		m.errors.Add(1)
		m.last.Store(&failed)
	}
}

// Stats is what an endpoint's data in $SRV.STATS has.
type Stats struct {
	Requests  int64   `json:"requests"`
	UnderWay  int64   `json:"under_way"`
	Errors    int64   `json:"errors"`
	LastError string  `json:"last_error,omitempty"`
	Took      float64 `json:"took_ms"` // all together
	// The rest is of the whole service.
	Events  int64 `json:"events"`         // published
	Dropped int64 `json:"events_dropped"` // because they came too fast
}

// stats is called by micro, with its lock held.
func (s *Service) stats(e *micro.Endpoint) any {
	m := s.meters[e.Name]
	if m == nil {
		return nil
	}
	st := Stats{Requests: m.requests.Load(), UnderWay: m.underWay.Load(), Errors: m.errors.Load(),
		Took:   float64(m.took.Load()) / float64(time.Millisecond),
		Events: s.events.published.Load(), Dropped: s.events.dropped.Load()}
	if last := m.last.Load(); last != nil {
		st.LastError = *last
	}
	return st
}
