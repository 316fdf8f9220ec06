// Package turn has a lock that can be waited for with a context, and handed on. A
// sync.Mutex can do neither, and a disk that hangs would have promotions, stops and
// settings wait without a bound.
package turn

import "context"

// Turn is the lock. Whoever unlocks it need not be whoever has locked it. It is made
// by New.
type Turn chan struct{}

// New returns one that nobody has.
func New() Turn { return make(Turn, 1) }

// TryLock takes it if nobody has it, and reports whether that was so.
func (t Turn) TryLock() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// Lock waits for it until ctx ends, and returns ctx's error then. One that nobody has
// is taken even after that.
func (t Turn) Lock(ctx context.Context) error {
	if t.TryLock() {
		return nil
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Unlock gives it back.
func (t Turn) Unlock() { <-t }
