package mem_test

import (
	"context"
	"errors"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/journaltest"
	"ledge/journal/mem"
)

func TestDriver(t *testing.T) {
	journaltest.Run(t,
		func(*testing.T) journal.Driver { return mem.New() },
		func(_ *testing.T, d journal.Driver) journal.Driver { return d.(*mem.Journal).Restart() })
}

// Ordered failures meet one append each, in order, and keep their class.
func TestFailures(t *testing.T) {
	j := mem.New()
	j.FailNext(fault.With(fault.Retryable, errors.New("disk full")))
	j.StoreThenFail(errors.New("who knows"))
	if err := j.Append(t.Context(), 0, []byte("a")); fault.Of(err) != fault.Retryable {
		t.Errorf("first Append = %v; want a Retryable error", err)
	}
	if err := j.Append(t.Context(), 0, []byte("b")); fault.Of(err) != fault.Fatal {
		t.Errorf("second Append = %v; want a Fatal error", err)
	}
	if st, _ := j.Stat(t.Context()); st.Last != 1 {
		t.Errorf("last number is %d; want 1", st.Last)
	}
	if err := j.Append(t.Context(), 1, []byte("c")); err != nil {
		t.Errorf("third Append = %v; want nil", err)
	}
}

// A held append waits for the release, and gives up with its context.
func TestHold(t *testing.T) {
	j := mem.New()
	release := j.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() { got <- j.Append(ctx, 0, []byte("a")) }()
	cancel()
	if err := <-got; fault.Of(err) != fault.Retryable {
		t.Errorf("Append given up = %v; want a Retryable error", err)
	}
	go func() { got <- j.Append(t.Context(), 0, []byte("a")) }()
	release()
	release()
	if err := <-got; err != nil {
		t.Errorf("Append after release = %v; want nil", err)
	}
}

// Harm done to stored frames shows when they are read.
func TestHarm(t *testing.T) {
	j := mem.New()
	for i := range journal.Seq(3) {
		if err := j.Append(t.Context(), i, []byte{0}); err != nil {
			t.Fatal(err)
		}
	}
	j.Flip(3, 4)
	j.Drop(2)
	var got []byte
	var last error
	for f, err := range j.Read(t.Context(), 1) {
		if last = err; err == nil {
			got = append(got, f.Data...)
		}
	}
	var d *journal.DamageError
	if !errors.As(last, &d) || d.Seq != 2 || len(got) != 1 {
		t.Errorf("Read over a gap yields %v and %v; want one frame and damage at 2", got, last)
	}
	for f := range j.Read(t.Context(), 3) {
		if f.Data[0] != 1<<4 {
			t.Errorf("flipped frame holds %v; want bit 4", f.Data)
		}
	}
}
