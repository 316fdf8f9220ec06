package turn_test

import (
	"context"
	"errors"
	"testing"

	"ledge/journal/turn"
)

// A wait for the lock ends with its context, and the lock is then still whose it was;
// one that is free is taken even if the context has ended.
func TestLock(t *testing.T) {
	l := turn.New()
	if !l.TryLock() || l.TryLock() {
		t.Fatal("TryLock did not take a free lock, or took it twice")
	}
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() { waited <- l.Lock(ctx) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Fatalf("Lock after its context has ended = %v", err)
	}
	if l.TryLock() {
		t.Fatal("a wait that was given up has let go of the lock")
	}
	go l.Unlock() // by another than whoever took it
	if err := l.Lock(t.Context()); err != nil {
		t.Fatalf("Lock of what was given back: %v", err)
	}
	l.Unlock()
	if err := l.Lock(ctx); err != nil {
		t.Fatalf("Lock of a free one with a context that has ended: %v", err)
	}
}
