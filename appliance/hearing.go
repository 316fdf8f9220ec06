package appliance

import (
	"time"

	"ledge/replay/cluster"
)

// hearing is when the other nodes of a cluster were heard of last, by the node itself or by
// another that has told it. A replica speaks with the node that it follows alone: without
// what others tell, nobody else would learn that it is silent.
type hearing map[string]time.Time

// note says that a node was heard of at a time, which counts if it is later than what
// was known.
func (h hearing) note(id string, at time.Time) {
	had, known := h[id]
	if known && at.After(had) || !known && len(h) < cluster.MostNodes {
		h[id] = at
	}
}

// expect has a node that was not heard of count as silent from now on.
func (h hearing) expect(id string, now time.Time) {
	if _, known := h[id]; !known {
		h.note(id, now)
	}
}

// ages returns how long ago the nodes were heard of.
func (h hearing) ages(now time.Time) map[string]time.Duration {
	ages := make(map[string]time.Duration, len(h))
	for id, at := range h {
		ages[id] = max(0, now.Sub(at))
	}
	return ages
}

// silent returns the nodes of which nothing was heard for longer than limit.
func (h hearing) silent(now time.Time, limit time.Duration) map[string]bool {
	silent := make(map[string]bool)
	for id, at := range h {
		if now.Sub(at) > limit {
			silent[id] = true
		}
	}
	return silent
}
