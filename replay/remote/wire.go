package remote

import (
	"fmt"

	"ledge/replay/standing"
	"ledge/replay/wire"
)

// What comes from the other side is made into the types of this file and of package wire, and
// the messages of messages.go, before anything else looks at it.

// Bounds of what the other side may send.
const (
	minChunk = 4 << 10
	maxChunk = 4 << 20
)

// start is where a replica's journal is to go on.
type start string

const (
	startTail     start = "tail"     // after its position
	startBegin    start = "begin"    // with number 1, in a new journal
	startSnapshot start = "snapshot" // after a snapshot, in a new journal
)

func (s *start) UnmarshalText(b []byte) error {
	switch v := start(b); v {
	case startTail, startBegin, startSnapshot:
		*s = v
		return nil
	}
	return fmt.Errorf("start %q is none of tail, begin, snapshot", wire.Clip(string(b), wire.MaxName))
}

// linkState is a state of a link by its name.
type linkState struct{ standing.LinkState }

func (s linkState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *linkState) UnmarshalText(b []byte) error {
	for v := standing.LinkConnecting; v <= standing.LinkFailed; v++ {
		if v.String() == string(b) {
			s.LinkState = v
			return nil
		}
	}
	return fmt.Errorf("state %q is none of a link's", wire.Clip(string(b), wire.MaxName))
}
