package writer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

var (
	errNoRoom  = fault.With(fault.Retryable, errors.Join(errors.New("disk is full"), journal.ErrNoSpace))
	errBadDisk = fault.With(fault.Operator, errors.New("input/output error"))
	errBadSync = fault.With(fault.Operator, errors.Join(errors.New("input/output error"), journal.ErrSync))
)

// sicken suspends a node's journal with cause, which lasts until Heal.
func sicken(t *testing.T, n *replaytest.Node, cause error) {
	t.Helper()
	n.Mem.Sicken(cause)
	if err := n.Do(set(0, "k")); !errors.Is(err, cause) {
		t.Fatalf("Do on a sick journal = %v; want %v", err, cause)
	}
}

// suspension waits until the suspension, nil for none, is as is says.
func suspension(t *testing.T, n *replaytest.Node, is func(*writer.Suspension) bool) *writer.Suspension {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; <-time.After(time.Millisecond) {
		s := n.Writer.Health().Suspension()
		if is(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("suspension is %+v after 10 s", s)
		}
	}
}

// A resume that is asked for fails while the cause lasts, naming it, and works
// when it is gone, whatever failed before. Only then are writes taken.
func TestResume(t *testing.T) {
	for _, cause := range []error{replaytest.ErrFull, errBadDisk, errBadSync} {
		n := replaytest.Open(t, 2, writer.Config{})
		n.Must(set(0, "k"))
		sicken(t, n, cause)
		for i := 1; i <= 3; i++ {
			steps, err := n.Writer.Health().Resume(t.Context())
			if !errors.Is(err, cause) || len(steps) == 0 || !errors.Is(steps[len(steps)-1].Err, cause) {
				t.Errorf("Resume on a sick journal = %v, %v; want %v", steps, err, cause)
			}
			s := n.Writer.Health().Suspension()
			if s == nil || s.Attempts != i || s.Automatic != 0 || !errors.Is(s.LastError, cause) {
				t.Errorf("after attempt %d: %+v", i, s)
			}
		}
		n.Mem.Heal()
		if err := n.Do(set(0, "k")); !errors.Is(err, cause) {
			t.Errorf("Do before a resume = %v; want %v", err, cause)
		}
		epoch := n.Epoch()
		steps, err := n.Writer.Health().Resume(t.Context())
		if err != nil || steps[len(steps)-1].Name != "read it back" {
			t.Errorf("Resume = %v, %v; want nil and the probe read back", steps, err)
		}
		if n.Epoch() != epoch+1 {
			t.Errorf("epoch = %d; want the probe's, %d", n.Epoch(), epoch+1)
		}
		n.Must(set(0, "k"))
		if steps, err := n.Writer.Health().Resume(t.Context()); steps != nil || err != nil {
			t.Errorf("Resume of what isn't suspended = %v, %v; want nothing", steps, err)
		}
	}
}

// What clients are told names the cause and what ends it.
func TestRefusalText(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	sicken(t, n, errBadDisk)
	want := "input/output error; reads are served; writes resume after ledge resume"
	if got := n.Writer.Health().Refusal(true).Error(); !strings.HasSuffix(got, want) {
		t.Errorf("refusal = %q; want it to end in %q", got, want)
	}
	n = replaytest.Open(t, 1, writer.Config{})
	sicken(t, n, replaytest.ErrFull)
	want = "writes resume after the attempt at 1970-01-01T00:17:40Z or ledge resume"
	if got := n.Writer.Health().Refusal(true).Error(); !strings.HasSuffix(got, want) {
		t.Errorf("refusal = %q; want it to end in %q", got, want)
	}
}

// Attempts without being asked are made for what the policy says, and stop at
// the cap; one that is asked for works after it.
func TestAutomaticResume(t *testing.T) {
	soon := func(a writer.ResumeAuto, most int) writer.Config {
		return writer.Config{Resume: writer.ResumePolicy{Auto: a, Interval: time.Millisecond, MaxAttempts: most}}
	}
	for _, tt := range []struct {
		cfg   writer.Config
		cause error
		tries bool
	}{
		{soon(writer.ResumeRetryable, 3), replaytest.ErrFull, true},
		{soon(writer.ResumeRetryable, 3), errBadDisk, false},
		{soon(writer.ResumeAll, 3), errBadDisk, true},
		{soon(writer.ResumeNone, 0), replaytest.ErrFull, false},
	} {
		n := replaytest.Open(t, 1, tt.cfg)
		sicken(t, n, tt.cause)
		if s := n.Writer.Health().Suspension(); tt.tries == s.NextAttempt.IsZero() && s.Automatic < 3 {
			t.Errorf("%s, %v: next attempt at %v", tt.cfg.Resume.Auto, tt.cause, s.NextAttempt)
		}
		if !tt.tries {
			continue
		}
		// The clock has to pass each due time.
		s := suspension(t, n, func(s *writer.Suspension) bool {
			n.Clock.Add(time.Millisecond)
			return s.Automatic == 3 && s.Attempts == 3
		})
		if !s.NextAttempt.IsZero() {
			t.Errorf("%v: next attempt at %v after the cap; want none", tt.cause, s.NextAttempt)
		}
		n.Mem.Heal()
		if _, err := n.Writer.Health().Resume(t.Context()); err != nil {
			t.Errorf("Resume after the cap = %v; want nil", err)
		}
		n.Must(set(0, "k"))
	}
}

// The first automatic attempt fails; the second is made all the same, and
// works.
func TestSecondAttempt(t *testing.T) {
	var changes []writer.ChangeKind
	var mu sync.Mutex
	n := replaytest.Open(t, 1, writer.Config{
		Resume: writer.ResumePolicy{Interval: time.Millisecond},
		Notify: func(c writer.HealthChange) {
			mu.Lock()
			defer mu.Unlock()
			changes = append(changes, c.Kind)
		}})
	sicken(t, n, replaytest.ErrFull)
	suspension(t, n, func(s *writer.Suspension) bool {
		if n.Clock.Add(time.Millisecond); s.Attempts == 1 {
			n.Mem.Heal()
		}
		return s.Attempts >= 1
	})
	n.Mem.Heal()
	suspension(t, n, func(s *writer.Suspension) bool {
		n.Clock.Add(time.Millisecond)
		return s == nil
	})
	n.Must(set(0, "k"))
	mu.Lock()
	defer mu.Unlock()
	if got := slices.Compact(changes); !slices.Equal(got,
		[]writer.ChangeKind{writer.Suspended, writer.ResumeFailed, writer.Resumed}) {
		t.Errorf("changes = %v; want suspended, failed, resumed", changes)
	}
}

// Two that ask at once get one attempt.
func TestResumeTogether(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	sicken(t, n, errBadDisk)
	n.Mem.Heal()
	release := n.Mem.Hold()
	const askers = 5
	errs := make(chan error, askers)
	for range askers {
		go func() {
			_, err := n.Writer.Health().Resume(context.Background())
			errs <- err
		}()
	}
	await(t, n, 3) // the epoch, the failed one, the probe
	opens := n.Mem.Reopens()
	release()
	for range askers {
		if err := <-errs; err != nil {
			t.Errorf("Resume = %v; want nil", err)
		}
	}
	if got := n.Mem.Reopens(); got != opens || opens != 1 {
		t.Errorf("the journal was opened anew %d times; want once", got)
	}
}

// After a failed sync what was acknowledged is secured before a write is taken,
// and a failure of that is one of the attempt.
func TestSecure(t *testing.T) {
	fails, secured := errors.New("no room for a snapshot"), 0
	n := replaytest.Open(t, 1, writer.Config{Secure: func(context.Context) error {
		if secured++; secured == 1 {
			return fails
		}
		return nil
	}})
	sicken(t, n, errBadSync)
	n.Mem.Heal()
	appends := n.Mem.Appends()
	if _, err := n.Writer.Health().Resume(t.Context()); !errors.Is(err, fails) || n.Mem.Appends() != appends {
		t.Errorf("Resume = %v, %d appends; want %v and none", err, n.Mem.Appends()-appends, fails)
	}
	if _, err := n.Writer.Health().Resume(t.Context()); err != nil || secured != 2 {
		t.Errorf("second Resume = %v, secured %d times; want nil and 2", err, secured)
	}
	sicken(t, n, errBadDisk)
	n.Mem.Heal()
	if _, err := n.Writer.Health().Resume(t.Context()); err != nil || secured != 2 {
		t.Errorf("Resume after a fault without a sync = %v, secured %d times; want nil and 2", err, secured)
	}
}

// A journal that lacks what was acknowledged, or has more, is never resumed.
func TestResumeFinds(t *testing.T) {
	for name, tt := range map[string]struct {
		harm  func(*replaytest.Node)
		class fault.Class
	}{
		"lost":     {func(n *replaytest.Node) { n.Mem.Drop(n.Pos().Seq) }, fault.Fatal},
		"replaced": {func(n *replaytest.Node) { n.Mem.Replace(n.Pos().Seq, []byte("foreign")) }, fault.Fatal},
		"gone on": {func(n *replaytest.Node) {
			if err := n.Mem.Append(context.Background(), n.Pos().Seq, []byte("foreign")); err != nil {
				panic(err)
			}
		}, fault.Operator},
	} {
		n := replaytest.Open(t, 1, writer.Config{})
		n.Must(set(0, "k"))
		sicken(t, n, errBadDisk)
		n.Mem.Heal()
		tt.harm(n)
		_, err := n.Writer.Health().Resume(t.Context())
		if fault.Of(err) != tt.class {
			t.Errorf("%s: Resume = %v, class %s; want class %s", name, err, fault.Of(err), tt.class)
		}
		if n.Writer.Health().Suspension() == nil {
			t.Errorf("%s: not suspended any more", name)
		}
		if tt.class == fault.Fatal {
			if err := n.Unwell(); fault.Of(err) != fault.Fatal {
				t.Errorf("%s: RunHealth = %v; want what is Fatal", name, err)
			}
		}
	}
}

// What hangs in an attempt is left behind when the node stops, and who waits
// for the attempt is answered.
func TestHungAttempt(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	sicken(t, n, errBadDisk)
	n.Mem.Heal()
	release := n.Mem.Hold()
	defer release()
	answer := make(chan error, 1)
	go func() {
		_, err := n.Writer.Health().Resume(context.Background())
		answer <- err
	}()
	await(t, n, 3)
	if err := n.Do(set(0, "k")); fault.Of(err) == 0 {
		t.Errorf("Do during an attempt = nil; want an error")
	}
	began := time.Now()
	if err := n.Stop(); err != nil {
		t.Errorf("Stop = %v; want nil", err)
	}
	if err := <-answer; err == nil {
		t.Errorf("Resume = nil; want an error")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %s beside an attempt that hangs", took)
	}
}

// A journal that can't take the first entry of a start is served from all the
// same.
func TestStartSuspended(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(set(0, "k"))
	n.Stop()
	m := n.Mem.Restart()
	m.Sicken(errNoRoom)
	w := writer.New(writer.Config{Log: replaytest.NewLog(t, m), State: n.State})
	if err := w.Start(t.Context()); err != nil {
		t.Fatalf("Start on a full disk = %v; want nil", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.RunHealth(ctx) }()
	defer func() { stop(); <-done }()
	if s := w.Health().Suspension(); s == nil || !errors.Is(s.Cause, errNoRoom) {
		t.Errorf("suspension = %+v; want it to say %v", s, errNoRoom)
	}
	m.Heal()
	if _, err := w.Health().Resume(t.Context()); err != nil {
		t.Errorf("Resume = %v; want nil", err)
	}
}

// An attempt that finds something worse than what is known says so: from there
// on it is not for time to mend. The error has both causes.
func TestWorse(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	sicken(t, n, replaytest.ErrFull)
	n.Mem.Sicken(errBadSync)
	if _, err := n.Writer.Health().Resume(t.Context()); !errors.Is(err, replaytest.ErrFull) || !errors.Is(err, errBadSync) {
		t.Errorf("Resume = %v; want both %v and %v", err, replaytest.ErrFull, errBadSync)
	}
	s := n.Writer.Health().Suspension()
	if s.Class != fault.Operator || !errors.Is(s.Cause, errBadSync) || !s.Suspect || !s.NextAttempt.IsZero() {
		t.Errorf("after an attempt that met %v: %+v", errBadSync, s)
	}
}

// A new policy holds for the suspension that is there.
func TestSetPolicy(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{Resume: writer.ResumePolicy{Auto: writer.ResumeNone}})
	sicken(t, n, errBadDisk)
	n.Mem.Heal()
	n.Writer.Health().SetPolicy(writer.ResumePolicy{Auto: writer.ResumeAll, Interval: time.Millisecond})
	if s := n.Writer.Health().Suspension(); s != nil && s.NextAttempt.IsZero() {
		t.Errorf("after a policy that tries all: %+v; want a next attempt", s)
	}
	suspension(t, n, func(s *writer.Suspension) bool {
		n.Clock.Add(time.Millisecond)
		return s == nil
	})
	n.Must(set(0, "k"))
}
