package remote

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
)

// Whatever comes in place of frames is refused or split into what it holds; it
// never makes frames that were not there.
func FuzzSplitFrames(f *testing.F) {
	var whole []byte
	for i, data := range []string{"", "a", "some frame", string(make([]byte, 300))} {
		whole = appendFrame(whole, journal.Frame{Seq: journal.Seq(i + 1), Data: []byte(data)})
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := splitFrames(nil, b)
		if err != nil {
			if frames != nil {
				t.Errorf("%d frames beside error %v; want none", len(frames), err)
			}
			return
		}
		var again []byte
		for _, fr := range frames {
			again = appendFrame(again, fr)
		}
		if !bytes.Equal(again, b) {
			t.Errorf("frames make %x; want %x", again, b)
		}
	})
}

// An error keeps its class on the way to a replica; one that is Fatal there is
// for the operator here.
func TestFailure(t *testing.T) {
	for class, want := range map[fault.Class]fault.Class{
		fault.Refused: fault.Refused, fault.Retryable: fault.Retryable,
		fault.Operator: fault.Operator, fault.Fatal: fault.Operator,
	} {
		err := failed(failure(fault.With(class, context.DeadlineExceeded)))
		if got := fault.Of(err); got != want || err == nil {
			t.Errorf("%s becomes %s (%v); want %s", class, got, err, want)
		}
	}
	if err := failed(nats.NewMsg("x")); err != nil {
		t.Errorf("a message without an error is %v; want nil", err)
	}
}

// stored is a journal that has numbers 1 to last.
func stored(last journal.Seq) func(context.Context, journal.Seq) frames {
	return func(_ context.Context, from journal.Seq) frames {
		return func(yield func(journal.Frame, error) bool) {
			for ; from <= last; from++ {
				if !yield(journal.Frame{Seq: from, Data: []byte{byte(from)}}, nil) {
					return
				}
			}
		}
	}
}

// A feed has what the journal has, from its files at first and at hand once
// somebody has asked, without a gap between the two.
func TestFeed(t *testing.T) {
	ctx := t.Context()
	f := NewFeed(3, stored(3))
	give := func(from journal.Seq, most int, want ...int) {
		t.Helper()
		var got []int
		err := f.Give(ctx, from, most, func(fr journal.Frame) bool {
			got = append(got, int(fr.Seq))
			return int(fr.Seq) != 5
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Give(%d, %d) = %v, %v; want %v", from, most, got, err, want)
		}
	}
	give(1, 100, 1, 2, 3)
	give(2, 1, 2)
	if err := f.Give(ctx, 4, 1, nil); fault.Of(err) != fault.Retryable {
		t.Errorf("Give of what is not there = %v; want a Retryable error", err)
	}
	if f.Wait(ctx, 3, 0, time.Millisecond) {
		t.Error("Wait = true behind the last frame; want false")
	}
	done := make(chan bool, 1)
	go func() { done <- f.Wait(ctx, 3, 0, time.Minute) }()
	f.Stored(4, []byte{4})
	if !<-done {
		t.Error("Wait = false when a frame came; want true")
	}
	f.Stored(5, []byte{5})
	f.Stored(6, []byte{6})
	give(4, 100, 4, 5) // it wants no more
	give(5, 1, 5)
	before := f.Woken()
	f.Wake() // before somebody waits who has looked around already
	if began := time.Now(); f.Wait(ctx, 6, before, time.Minute) || time.Since(began) > time.Minute/2 {
		t.Error("Wait behind Wake did not return false at once")
	}
	f.Reset(9)
	if got := f.Last(); got != 9 {
		t.Errorf("Last = %d behind Reset; want 9", got)
	}
}

// The pause between attempts grows, and is never out of its bounds.
func TestBackoff(t *testing.T) {
	for n := 1; n < 100; n++ {
		d := backoff(n)
		if d < RetryLeast*4/5 || d > RetryMost*6/5 {
			t.Errorf("backoff(%d) = %v; want between %v and %v, give or take a fifth", n, d, RetryLeast, RetryMost)
		}
	}
	if a, b := backoff(1), backoff(8); a >= b {
		t.Errorf("backoff(1) = %v, backoff(8) = %v; want it to grow", a, b)
	}
}
