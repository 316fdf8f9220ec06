package appliance

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ledge/appliance/options"
	"ledge/journal"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
	"ledge/respd/command"
)

// newTaken returns what takes snapshots of a node with some numbers, whose replicas
// need the journal after held.
func newTaken(t *testing.T, held func() (journal.Seq, bool)) (*snapshots, *replaytest.Node) {
	t.Helper()
	n := replaytest.Open(t, 1, writer.Config{})
	for range 20 {
		n.Must(replaytest.Set("k", strings.Repeat("v", 100)))
	}
	return newSnapshots(snapshotsConfig{freed: func() {}, dir: t.TempDir(), live: func() *options.Live { return &options.Live{RetainForReplicas: 1 << 20} }, state: n.State, log: n.Log,
		appended: func() int64 { return 0 }, held: held, backup: nobodyNeeds, beside: func() func() { return func() {} },
		ready: func() error { return nil }, notify: func(snapshot.Info, error) {}, clock: time.Now,
		logger: slog.New(slog.DiscardHandler)}, time.Unix(1000, 0)), n
}

func nobodyNeeds() (journal.Seq, bool) { return 0, false }

// One snapshot is taken at a time. Whoever waits for the right to take one has it as
// soon as it is given back, and gives up with its context.
func TestSnapshotsOneAtATime(t *testing.T) {
	s, _ := newTaken(t, nobodyNeeds)
	release, err := taker{s}.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.take(t.Context()); !errors.Is(err, command.ErrSaving) {
		t.Errorf("take beside another = %v; want %v", err, command.ErrSaving)
	}
	if err := s.ask(); !errors.Is(err, command.ErrSaving) || !s.facts().Running {
		t.Errorf("ask beside another = %v; want %v, and that one is said to be running", err, command.ErrSaving)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := (taker{s}).Hold(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Hold = %v; want %v", err, context.DeadlineExceeded)
	}
	got := make(chan error, 1)
	go func() { got <- s.secure(t.Context()) }()
	release()
	if err := <-got; err != nil {
		t.Errorf("a snapshot that has waited = %v; want nil", err)
	}
	if f := s.facts(); f.Running || f.Failed != nil || f.Pos == 0 || f.Changes != 0 {
		t.Errorf("facts = %+v; want one that covers everything, and none running", f)
	}
	if err := s.ask(); err != nil {
		t.Errorf("ask = %v; want nil", err)
	}
	if err := s.ask(); !errors.Is(err, command.ErrSaving) {
		t.Errorf("ask twice = %v; want %v", err, command.ErrSaving)
	}
}

// What replicas need of the journal stays when it is truncated, as long as it is no
// more than is kept for them.
func TestSnapshotsHold(t *testing.T) {
	for _, tt := range []struct {
		name   string
		held   journal.Seq
		needs  bool
		retain int64
		want   journal.Seq
	}{
		{"nobody follows", 0, false, 1 << 20, 0},
		{"one that needs some", 5, true, 1 << 20, 5},
		{"one that needs all", 0, true, 1 << 20, 1},
		{"one that has all", 1 << 20, true, 1 << 20, 0},
		{"one that needs too much", 5, true, 10, 0},
	} {
		s, n := newTaken(t, func() (journal.Seq, bool) { return tt.held, tt.needs })
		s.cfg.live = func() *options.Live { return &options.Live{RetainForReplicas: tt.retain} }
		if got := s.hold(t.Context()); got != tt.want {
			t.Errorf("%s: held is %d; want %d", tt.name, got, tt.want)
		}
		if _, err := s.compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		st, err := n.Log.Stat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if most := tt.want + 1; tt.want > 0 && st.First > most {
			t.Errorf("%s: the journal begins with %d; want %d at most", tt.name, st.First, most)
		} else if tt.want == 0 && st.First <= 6 {
			t.Errorf("%s: the journal begins with %d; want it truncated", tt.name, st.First)
		}
	}
}
