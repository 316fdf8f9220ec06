package replaytest

import (
	"errors"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// What a journal may answer. ErrRefused is an append that stored nothing and may
// be tried again at once; ErrFull makes the writer stop taking writes; ErrLost
// ends it.
var (
	ErrRefused = fault.With(fault.Refused, errors.New("the journal refuses this one"))
	ErrFull    = fault.With(fault.Retryable, errors.New("disk full"))
	ErrLost    = errors.New("nobody knows what became of it")
)

// Command is one entry in the journal, or nothing when it fails.
type Command func(*replay.Draft) error

// Set returns a command that sets a string in database 0.
func Set(key, val string) Command { return SetUntil(0, key, val, 0) }

// SetUntil returns a command that sets a string with a deadline in Unix
// milliseconds, 0 for none.
func SetUntil(db journal.DB, key, val string, at int64) Command {
	return func(d *replay.Draft) error {
		d.Select(db)
		return d.SetString([]byte(key), []byte(val), at)
	}
}

// Delete returns a command that removes a key of database 0.
func Delete(key string) Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		_, err := d.Delete([]byte(key))
		return err
	}
}

// Read calls fn with a view of the node's state at its clock's time.
func (n *Node) Read(tb testing.TB, fn func(*replay.View)) {
	tb.Helper()
	err := n.State.View(n.Clock.Now(), func(v *replay.View) error { fn(v); return nil })
	if err != nil {
		tb.Fatal(err)
	}
}

// Get returns what key holds in database 0, "" if nothing.
func (n *Node) Get(tb testing.TB, key string) (val string) {
	tb.Helper()
	n.Read(tb, func(v *replay.View) { val, _, _ = v.GetString([]byte(key)) })
	return val
}
