package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay/replaytest"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// reports collects what a replica reports.
type reports struct {
	mu   sync.Mutex
	list []report
}

// collect has all reports to a broker collected.
func collect(t *testing.T, b *broker) *reports {
	t.Helper()
	r := &reports{}
	if _, err := b.nc.Subscribe(subjectReport, func(m *nats.Msg) {
		var q report
		if err := json.Unmarshal(m.Data, &q); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.list = append(r.list, q)
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reports) last(state standing.LinkState) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.list {
		if q.State.LinkState == state {
			n++
		}
	}
	return n
}

// source returns answers of a leader that has some numbers, and what they add up
// to.
func source(t *testing.T) (map[string]any, journal.Pos) {
	t.Helper()
	leader := replaytest.Open(t, 1, writer.Config{})
	for i := range 8 {
		leader.Must(replaytest.Set("k", fmt.Sprint(i)))
	}
	var all []byte
	for fr, err := range leader.Mem.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		all = appendFrame(all, journal.Frame{Seq: fr.Seq, Data: bytes.Clone(fr.Data)})
	}
	return map[string]any{subjectHello: sayTail, subjectReport: sayLast, subjectFetch: func(p *posing, m *nats.Msg) {
		var q fetchRequest
		if wire.Decode(m, &q) == nil && q.From == 1 {
			p.send(m, kindFrames, 9, all)
		}
		p.send(m, kindBeat, 9, nil)
		p.send(m, kindEnd, 9, nil)
	}}, leader.Pos()
}

// A disk that takes long over an append is slow, and nothing has failed: the link
// stays, the leader goes on hearing of the replica, and hears that it has stalled.
func TestSlowAppend(t *testing.T) {
	answers, want := source(t)
	a, p := newTarget(t), pose(t, answers)
	said := collect(t, p.broker)
	hold, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a.slow = func() {
		once.Do(func() {
			close(begun)
			<-hold
		})
	}
	f := newFollower(p.url, a, 3)
	running(t, f)
	<-begun
	waitFor(t, func() bool { return said.last(standing.LinkStalled) >= 2 }, func() string { return "reports that it has stalled" })
	if l := f.Link(); l.State != standing.LinkStreaming || l.Attempts != 0 {
		t.Errorf("during a slow append the link is %s with %d attempts; want it streaming", l.State, l.Attempts)
	}
	close(hold)
	waitFor(t, func() bool { return a.state.Pos() == want }, func() string { return fmt.Sprint(a.state.Pos()) })
	if n := p.count(subjectHello); n != 1 {
		t.Errorf("%d hellos; want the one", n)
	}
}

// A replica whose own journal takes no writes waits for it on the same connection,
// says so, and goes on where it was.
func TestSuspendedReplica(t *testing.T) {
	answers, want := source(t)
	a, p := newTarget(t), pose(t, answers)
	said := collect(t, p.broker)
	m := mem.New()
	a.writer = writer.New(writer.Config{Log: replaytest.NewLog(t, m), State: a.state})
	var err error
	if a.Follower, err = a.writer.Follow(t.Context(), errors.New("it follows")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.writer.RunHealth(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	if err := a.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Sicken(fault.With(fault.Retryable, context.DeadlineExceeded))
	f := newFollower(p.url, a, 3)
	running(t, f)
	waitFor(t, func() bool {
		l := f.Link()
		return l.State == standing.LinkStalled && l.Err != nil && strings.Contains(l.Err.Error(), "own journal")
	}, func() string { return fmt.Sprintf("%+v", f.Link()) })
	waitFor(t, func() bool { return said.last(standing.LinkStalled) >= 3 }, func() string { return "reports that it has stalled" })
	if l := f.Link(); l.Attempts != 0 {
		t.Errorf("%d attempts while it waits; want none", l.Attempts)
	}
	m.Heal()
	began := time.Now()
	if _, err := a.writer.Health().Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return a.state.Pos() == want }, func() string { return fmt.Sprint(a.state.Pos()) })
	t.Logf("level %v after the journal took writes again", time.Since(began).Round(time.Millisecond))
	waitFor(t, func() bool { l := f.Link(); return l.State == standing.LinkStreaming && l.Err == nil },
		func() string { return fmt.Sprintf("%+v", f.Link()) })
	if n := p.count(subjectHello); n != 1 {
		t.Errorf("%d hellos; want the one", n)
	}
}
