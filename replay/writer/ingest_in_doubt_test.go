package writer_test

// A replica whose appends and syncs neither answer nor fail until they are released.

import (
	"context"
	"errors"
	"testing"
	"time"

	"ledge/journal/fault"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// awaitDoubt waits until a writer is in doubt, or not any more.
func awaitDoubt(t *testing.T, w *writer.Writer, want bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); w.Health().InDoubt() != want; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in doubt is %v after 10 s; want %v", !want, want)
		}
	}
}

// A replica neither applies what may not be stored nor asks for it again: Ingest
// waits, and goes on where the doubt has ended.
func TestIngestInDoubt(t *testing.T) {
	frames := written(t, 12)
	for _, stored := range []bool{true, false} {
		a := follow(t)
		if err := a.Ingest(t.Context(), frames[:4], 12); err != nil {
			t.Fatal(err)
		}
		at := a.state.Pos()
		release := a.mem.Hang()
		done := make(chan error, 1)
		go func() { done <- a.Ingest(t.Context(), frames[4:], 12) }()
		awaitDoubt(t, a.writer, true)
		if a.state.Pos() != at {
			t.Error("what is in doubt was applied")
		}
		release(stored, map[bool]error{true: nil, false: replaytest.ErrFull}[stored])
		err := <-done
		if stored {
			if err != nil || a.state.Pos().Seq != frames[len(frames)-1].Seq {
				t.Errorf("Ingest = %v at %d; want nil and all", err, a.state.Pos().Seq)
			}
			continue
		}
		if !errors.Is(err, replaytest.ErrFull) || a.state.Pos() != at {
			t.Errorf("Ingest = %v at %v; want why, and nothing applied", err, a.state.Pos())
		}
		for end := time.Now().Add(10 * time.Second); a.writer.Health().Suspension() != nil; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it is still suspended")
			}
		}
		if err := a.Ingest(t.Context(), frames[4:], 12); err != nil {
			t.Errorf("Ingest after that = %v; want nil", err)
		}
	}
}

// Whoever stops a replica does not wait for its disk. What turns out to be stored is
// applied when that shows, and not fetched again.
func TestIngestGivesWay(t *testing.T) {
	frames := written(t, 8)
	a := follow(t)
	release := a.mem.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Ingest(ctx, frames, 8) }()
	awaitDoubt(t, a.writer, true)
	cancel()
	if err := <-done; fault.Of(err) != fault.Retryable {
		t.Errorf("Ingest that was told to stop = %v; want a Retryable error", err)
	}
	soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := a.Ingest(soon, frames, 8); err == nil || a.state.Pos().Seq != 0 {
		t.Errorf("Ingest in doubt = %v at %d; want that it is refused", err, a.state.Pos().Seq)
	}
	release(true, nil)
	awaitDoubt(t, a.writer, false)
	if a.state.Pos().Seq != 1 {
		t.Fatalf("the state is at %d; want what was stored, 1", a.state.Pos().Seq)
	}
	if err := a.Ingest(t.Context(), frames[1:], 8); err != nil {
		t.Errorf("Ingest of the rest = %v; want nil", err)
	}
}

// A sync in bulk that hangs has not failed: the replica waits, and is not suspended.
func TestBulkSyncInDoubt(t *testing.T) {
	frames := written(t, 40)
	for _, cause := range []error{nil, errBadSync} {
		a := follow(t)
		release := a.mem.HangSync()
		done := make(chan error, 1)
		go func() { done <- a.Ingest(t.Context(), frames, 100_000) }()
		awaitDoubt(t, a.writer, true)
		release(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("Ingest = %v; want %v", err, cause)
		}
		if s := a.writer.Health().Suspension(); (s != nil) != (cause != nil) {
			t.Errorf("after a sync with %v the suspension is %+v", cause, s)
		}
	}
}
