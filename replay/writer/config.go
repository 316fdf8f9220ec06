package writer

import (
	"context"
	"log/slog"
	"time"

	"ledge/journal"
	"ledge/journal/timing"
	"ledge/replay"
	"ledge/replay/events"
)

// DefaultMaxValue is the longest value of a key, less its name, when nobody says.
const DefaultMaxValue = 8 << 20

// Config is what a Writer needs.
type Config struct {
	Log   *journal.Log
	State *replay.State
	// Node names the node in the epoch entry.
	Node string
	// Epoch is the least that the next epoch may be; 0 is any.
	Epoch uint64
	// MaxValue is the longest value; 0 is DefaultMaxValue.
	MaxValue int
	// Queue is the most proposals that may wait; 0 is 65536.
	Queue int
	// AppendTimeout bounds how long one append may take before it is in doubt, if
	// the journal has no shorter bound; 0 is 30 s.
	AppendTimeout time.Duration
	// DoubtWait is how long clients wait for the outcome of an append that is in
	// doubt before they are told that it is not known; 0 is a minute.
	DoubtWait time.Duration
	// StopWait is how long Run waits for it when the node stops; 0 is 5 s.
	StopWait time.Duration
	// Resume says when it is tried to resume without being asked.
	Resume ResumePolicy
	// AttemptTimeout bounds one attempt to resume; 0 is 10 min. Writing a
	// whole snapshot is the one thing in it that may take long.
	AttemptTimeout time.Duration
	// Explain adds to the cause of a suspension what a person has to know beside it; nil
	// adds nothing. The Writer waits for it.
	Explain func(cause error) error
	// Reserve is given up when the disk is full; nil is none.
	Reserve Reserve
	// Secure makes all that is acknowledged durable without the journal as it
	// stands, which it may truncate; it is called after a failed sync. nil is
	// for journals where that is not needed.
	Secure func(context.Context) error
	// Notify is told when the health has changed. It must not wait.
	Notify func(HealthChange)
	// Wanted returns the classes of events that Events is to be told; nil is
	// none.
	Wanted func() events.Class
	// Events is told what the commands of a group did, in order, once it is
	// applied and before its clients are answered. It must not wait.
	Events func([]events.Event)
	// Applied counts how long applying batches took; nil does not count.
	Applied *timing.Histogram
	// Clock returns the time; nil is time.Now.
	Clock func() time.Time
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}
