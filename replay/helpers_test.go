package replay_test

import (
	"errors"

	"ledge/journal/fault"
)

// errRefused is an append that stored nothing and may be tried again at once;
// errFull makes the writer stop taking writes; errLost ends it.
var (
	errRefused = fault.As(fault.Refused, "", errors.New("the journal refuses this one"))
	errFull    = fault.As(fault.Retryable, "", errors.New("disk full"))
	errLost    = errors.New("nobody knows what became of it")
)
