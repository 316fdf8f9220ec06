package remote

// A leader that answers what a test says, and the node that follows it.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/journal"
	server "ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/standing"
	"ledge/replay/writer"
)

// broker is a broker with nobody who answers yet.
type broker struct {
	url string
	nc  *nats.Conn // whoever answers
}

const password = "sesame"

func newBroker(t *testing.T) *broker {
	t.Helper()
	running, err := server.Start(t.Context(), server.Config{Dir: filepath.Join(t.TempDir(), "broker"), Name: "broker",
		SyncInterval: time.Second, Listen: "127.0.0.1:0",
		Users: admin.Users(map[string]string{admin.ReplicaUser: password}, Subjects)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Close() })
	b := &broker{url: running.ClientURL()}
	if b.nc, err = running.Connect(admin.ServiceUser); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.nc.Close)
	return b
}

// target is a node that follows.
type target struct {
	*writer.Follower
	state  *replay.State
	writer *writer.Writer
	dir    string
	adopt  func(path string, at journal.Pos) error // nil takes all
	room   int64
	slow   func() // called in Ingest
}

func newTarget(t *testing.T) *target {
	t.Helper()
	a := &target{state: replaytest.NewState(t, 1), dir: filepath.Join(t.TempDir(), "inbox"), room: 1 << 40}
	a.writer = writer.New(writer.Config{Log: replaytest.NewLog(t, mem.New()), State: a.state})
	var err error
	if a.Follower, err = a.writer.Follow(t.Context(), errors.New("it follows")); err != nil {
		t.Fatal(err)
	}
	if err := a.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *target) Lineage() journal.Lineage { return replaytest.Lineage }

func (a *target) State() *replay.State { return a.state }

func (a *target) Empty() bool { return a.state.Empty() }

func (a *target) Synced() journal.Seq { return a.state.Pos().Seq }

func (a *target) SetAside(context.Context, error) error { return nil }

func (a *target) Inbox() string { return a.dir }

func (a *target) Ingest(ctx context.Context, fs []journal.Frame, last journal.Seq) error {
	if a.slow != nil {
		a.slow()
	}
	return a.Follower.Ingest(ctx, fs, last)
}

func (a *target) Suspended() error {
	if s := a.writer.Health().Suspension(); s != nil {
		return s
	}
	return nil
}

func (a *target) Fits(n, have int64) error {
	if n-have > a.room {
		return fault.With(fault.Operator, fmt.Errorf("%d bytes, of which %d are here, and room for %d", n, have, a.room))
	}
	return nil
}

func (a *target) Adopt(_ context.Context, _ journal.Lineage, path string, at journal.Pos) error {
	if a.adopt != nil && path != "" {
		return a.adopt(path, at)
	}
	return nil
}

// posing is a leader of whose answers a test decides.
type posing struct {
	*broker
	mu    sync.Mutex
	asked map[string]int
}

// pose answers with what is given for each subject: a string as JSON, an error,
// or a function that answers by itself.
func pose(t *testing.T, answers map[string]any) *posing {
	t.Helper()
	p := &posing{broker: newBroker(t), asked: make(map[string]int)}
	if _, err := p.nc.Subscribe(Subjects, func(m *nats.Msg) {
		if m.Reply == "" {
			return
		}
		p.mu.Lock()
		p.asked[m.Subject]++
		p.mu.Unlock()
		switch a := answers[m.Subject].(type) {
		case string:
			_ = p.nc.Publish(m.Reply, []byte(a))
		case error:
			r := failure(a)
			r.Subject = m.Reply
			_ = p.nc.PublishMsg(r)
		case func(*posing, *nats.Msg):
			a(p, m)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *posing) count(subject string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[subject]
}

// send answers with a message of a fetch.
func (p *posing) send(m *nats.Msg, kind string, last journal.Seq, body []byte) {
	r := nats.NewMsg(m.Reply)
	r.Header.Set(headerKind, kind)
	r.Header.Set(headerLast, fmt.Sprint(uint64(last)))
	r.Data = body
	_ = p.nc.PublishMsg(r)
}

// followed runs a follower, and returns it when done says so.
func followed(t *testing.T, url string, a *target, attempts int, done func(standing.Link) bool) *Follower {
	t.Helper()
	f := newFollower(url, a, attempts)
	running(t, f)
	waitFor(t, func() bool { return done(f.Link()) }, func() string { return fmt.Sprintf("%+v", f.Link()) })
	return f
}

func newFollower(url string, a *target, attempts int) *Follower {
	return NewFollower(FollowerConfig{Leader: url, User: admin.ReplicaUser, Password: func() (string, error) { return password, nil },
		ID: "RUN", Node: "replica", Redis: func(seen net.IP) string { return net.JoinHostPort(seen.String(), "6379") },
		Target: a, Timeouts: func() Timeouts {
			return Timeouts{Connect: 10 * time.Second, Fetch: 5 * time.Second, Chunk: 5 * time.Second, Attempts: attempts}
		},
		Notify: func(standing.Link) {}, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
}

// running runs a follower until the test ends.
func running(t *testing.T, f *Follower) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	}()
	t.Cleanup(func() { stop(); <-ended })
}

// patience is how long a test waits for what comes soon.
const patience = 30 * time.Second

func waitFor(t *testing.T, ready func() bool, say func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ready(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", patience, say())
		}
	}
}
