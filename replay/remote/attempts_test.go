package remote

import (
	"context"
	"errors"
	"testing"
	"time"

	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// What becomes of a link when attempts fail: it stalls, it has failed after as many
// as are allowed or at once when a person is needed, and pauses grow.
func TestFailed(t *testing.T) {
	again, person := fault.As(fault.Retryable, "", errors.New("again")), fault.As(fault.Operator, "", errors.New("person"))
	gone := fault.As(fault.Retryable, "", &wire.Unreachable{Err: errors.New("nobody")})
	for _, tt := range []struct {
		name  string
		state standing.LinkState // before
		errs  []error
		want  standing.LinkState
		least time.Duration // of the last pause
		most  time.Duration
	}{
		{"a stream breaks", standing.LinkStreaming, []error{again}, standing.LinkStalled, RetryLeast / 2, 2 * RetryLeast},
		{"a handshake fails", standing.LinkHandshake, []error{again}, standing.LinkHandshake, RetryLeast / 2, 2 * RetryLeast},
		{"twice", standing.LinkStreaming, []error{again, again}, standing.LinkStalled, RetryLeast, 4 * RetryLeast},
		{"as often as is allowed", standing.LinkStreaming, []error{again, again, again}, standing.LinkFailed, RetryMost / 2, 2 * RetryMost},
		{"a person is needed", standing.LinkStreaming, []error{person}, standing.LinkFailed, RetryMost / 2, 2 * RetryMost},
		{"one that has only just gone is tried soon", standing.LinkHandshake, []error{again, again, gone}, standing.LinkFailed, RetryLeast / 2, 2 * RetryLeast},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := idleFollower(t, nil)
			f.enter(tt.state, "")
			var pause time.Duration
			for _, err := range tt.errs {
				pause = f.failed(err)
			}
			l := f.Link()
			if l.State != tt.want || l.Attempts != len(tt.errs) {
				t.Errorf("link %s after %d attempts; want %s after %d", l.State, l.Attempts, tt.want, len(tt.errs))
			}
			if pause < tt.least || pause > tt.most || !l.Next.Equal(time.Unix(1000, 0).Add(pause)) {
				t.Errorf("the pause is %s, until %s; want between %s and %s", pause, l.Next, tt.least, tt.most)
			}
			if fault.Of(l.Err) != fault.Of(tt.errs[len(tt.errs)-1]) {
				t.Errorf("the link's error is %s; want the class of the last", fault.Of(l.Err))
			}
		})
	}
}

// Only so many causes are kept, whatever number of attempts there was.
func TestCausesAreBounded(t *testing.T) {
	f, _ := idleFollower(t, nil)
	for range 5 * keptCauses {
		f.failed(errors.New("again"))
	}
	if len(f.causes) != keptCauses || f.Link().Attempts != 5*keptCauses {
		t.Errorf("%d causes of %d attempts are kept; want %d", len(f.causes), f.Link().Attempts, keptCauses)
	}
}

// Only progress ends a row of failures: more than was ever stored of a snapshot, or
// a stream that was sound for long.
func TestWorked(t *testing.T) {
	fails := func(f *Follower) {
		f.causes = nil
		f.set(func(l *standing.Link) { l.Attempts = 0 })
		f.failed(errors.New("again"))
	}
	f, _ := idleFollower(t, nil)
	for _, tt := range []struct {
		name string
		do   func()
		want int // attempts
	}{
		{"nothing new is applied", f.advanced, 1},
		{"some of a snapshot", func() { f.stored(10) }, 0},
		{"the same of it again", func() { f.stored(10) }, 1},
		{"less", func() { f.stored(5) }, 1},
		{"more", func() { f.stored(11) }, 0},
		{"level for a moment", func() { f.level(0, time.Now()) }, 1},
		{"not level", func() { f.level(9, time.Now().Add(-2*RetryMost)) }, 1},
		{"level for long", func() { f.level(0, time.Now().Add(-2*RetryMost)) }, 0},
	} {
		fails(f)
		if tt.do(); f.Link().Attempts != tt.want {
			t.Errorf("%s: %d attempts; want %d", tt.name, f.Link().Attempts, tt.want)
		}
	}
	f.causes = nil
	f.worked()
	if f.Link().Attempts != 0 {
		t.Error("a link on which nothing has failed counts attempts")
	}
}

// A pause ends with its time and with its context.
func TestPause(t *testing.T) {
	f, _ := idleFollower(t, nil)
	f.pause(t.Context(), time.Millisecond, errors.New("again"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	f.knocked = true
	if f.pause(ctx, time.Hour, &wire.Unreachable{Err: errors.New("nobody")}); time.Since(began) > time.Minute || f.knocked {
		t.Errorf("a pause took %s although its context has ended", time.Since(began))
	}
}
