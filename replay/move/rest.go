package move

import "time"

// Where nobody else is served a move goes as fast as both nodes can. Beside clients its pieces
// are bounded, and after each the target rests for much longer than the piece took: so clients
// have most of both nodes' processors. Each piece delays the writes that come while it is
// fetched and stored, by about a millisecond, whether it has ten rows or some thousand. Few pieces
// delay few writes, so they are large, and far between. What is written to the moving slots
// meanwhile is not held up by that.

const (
	// besideBytes bounds a piece beside clients.
	besideBytes = 512 << 10
	// restParts is how much longer than the piece a rest is, mostRest what it is at most: where
	// syncs take most of a piece's time a move would take days.
	restParts = 50
	mostRest  = 300 * time.Millisecond
)

// rest returns for how long the target rests after a piece that has taken so long: not at all
// unless clients are served on either side.
func (t *target) rest(took time.Duration) time.Duration {
	if t.active || t.m.cfg.Active() {
		return restAfter(took)
	}
	return 0
}

// restAfter returns for how long clients are left alone after a step that has taken so long.
func restAfter(took time.Duration) time.Duration { return min(restParts*took, mostRest) }
