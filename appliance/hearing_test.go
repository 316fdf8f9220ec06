package appliance

import (
	"testing"
	"time"
)

// A node that only another one speaks with is known to be silent, and to be back, by what
// that one tells; one of which there is but a record is silent from then on.
func TestHearing(t *testing.T) {
	const nodeTimeout = 15 * time.Second
	now := time.Unix(1000, 0)
	near, far := make(hearing), make(hearing)
	tell := func() {
		for id, ago := range near.ages(now) {
			far.note(id, now.Add(-ago))
		}
	}
	near.note("b", now)
	near.expect("c", now)
	tell()
	now = now.Add(nodeTimeout)
	near.note("c", now)
	near.expect("b", now)
	tell()
	now = now.Add(time.Second)
	tell()
	for name, h := range map[string]hearing{"the one that it spoke with": near, "the one that was told": far} {
		if got := h.silent(now, nodeTimeout); len(got) != 1 || !got["b"] {
			t.Errorf("%s: silent are %v; want b", name, got)
		}
	}
	near.note("b", now)
	near.note("b", now.Add(-time.Hour))
	tell()
	if got := far.silent(now, nodeTimeout); len(got) != 0 {
		t.Errorf("silent are %v once b was heard of; want none", got)
	}
}
