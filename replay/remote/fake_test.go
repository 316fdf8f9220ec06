package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// fakeConn is a connection without a network: what is asked is answered by a
// function, in the order in which it is asked.
type fakeConn struct {
	mu     sync.Mutex
	inbox  int
	boxes  map[string]chan *nats.Msg
	asked  []string // the subjects
	told   []report
	answer func(f *fakeConn, subject string, body []byte, to chan<- *nats.Msg)
	broken error // of whatever is sent
}

func (f *fakeConn) NewInbox() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inbox++
	return fmt.Sprint("inbox", f.inbox)
}

func (f *fakeConn) ChanSubscribe(subject string, to chan *nats.Msg) (*nats.Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.boxes == nil {
		f.boxes = make(map[string]chan *nats.Msg)
	}
	f.boxes[subject] = to
	return &nats.Subscription{}, nil
}

func (f *fakeConn) PublishRequest(subject, reply string, body []byte) error {
	f.mu.Lock()
	f.asked = append(f.asked, subject)
	to, err := f.boxes[reply], f.broken
	f.mu.Unlock()
	if err == nil && f.answer != nil {
		f.answer(f, subject, body, to)
	}
	return err
}

func (f *fakeConn) Publish(_ string, body []byte) error {
	var r report
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, r)
	return f.broken
}

func (f *fakeConn) LastError() error { return io.ErrUnexpectedEOF }
func (f *fakeConn) Close()           {}

// times counts how often a subject was asked.
func (f *fakeConn) times(subject string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.asked {
		if s == subject {
			n++
		}
	}
	return n
}

// over returns a conn over a fake.
func over(f *fakeConn) *conn {
	at := net.IPv4(10, 0, 0, 1)
	return &conn{&wire.Conn{Carrier: f, Gone: make(chan struct{}), Local: &net.TCPAddr{IP: at}, Seen: at, To: "leader"}, "RUN", "", nil}
}

// script answers with each list of messages in turn, whatever is asked.
func script(lists ...[]*nats.Msg) *fakeConn {
	at := 0
	return &fakeConn{answer: func(_ *fakeConn, _ string, _ []byte, to chan<- *nats.Msg) {
		if at < len(lists) {
			for _, m := range lists[at] {
				to <- m
			}
		}
		at++
	}}
}

// say makes a message of a fetch, with frames of those numbers.
func say(kind string, last int, numbers ...int) *nats.Msg {
	m := nats.NewMsg("")
	m.Header.Set(headerKind, kind)
	m.Header.Set(headerLast, fmt.Sprint(last))
	for _, n := range numbers {
		m.Data = appendFrame(m.Data, journal.Frame{Seq: journal.Seq(n), Data: []byte{byte(n)}})
	}
	return m
}

// sayJSON makes a message that is JSON.
func sayJSON(v any) *nats.Msg {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	m := nats.NewMsg("")
	m.Data = b
	return m
}

// follower returns one that never connects, whose clock stands, and its target.
func idleFollower(t *testing.T, change func(*FollowerConfig)) (*Follower, *target) {
	t.Helper()
	a := newTarget(t)
	cfg := FollowerConfig{Leader: "nats://127.0.0.1:1", ID: "RUN", Node: "replica", Target: a,
		Redis: func(seen net.IP) string { return net.JoinHostPort(seen.String(), "6379") },
		Timeouts: func() Timeouts {
			return Timeouts{Connect: time.Second, Fetch: time.Second, Chunk: time.Second, Attempts: 3}
		},
		Notify: func(standing.Link) {}, Clock: func() time.Time { return time.Unix(1000, 0) }, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return NewFollower(cfg), a
}

// fakeBroker is a leader's connection: what it has subscribed to, and what it has
// sent.
type fakeBroker struct {
	mu       sync.Mutex
	handlers map[string]nats.MsgHandler
	sent     chan *nats.Msg
	refuses  string // a subject
	heard    func() // a message that was sent; nil is nobody
}

func newFakeBroker() *fakeBroker {
	return &fakeBroker{handlers: make(map[string]nats.MsgHandler), sent: make(chan *nats.Msg, 4096)}
}

func (b *fakeBroker) Subscribe(subject string, answer nats.MsgHandler) (*nats.Subscription, error) {
	if subject == b.refuses {
		return nil, errors.New("refused")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handlers[subject] = answer
	return &nats.Subscription{}, nil
}

func (b *fakeBroker) PublishMsg(m *nats.Msg) error {
	c := *m
	c.Data = append([]byte(nil), m.Data...)
	b.sent <- &c
	if b.heard != nil {
		b.heard()
	}
	return nil
}

// ask sends a request, and returns the answer.
func (b *fakeBroker) ask(t *testing.T, subject string, q any) *nats.Msg {
	t.Helper()
	b.request(t, subject, q)
	return b.next(t)
}

func (b *fakeBroker) request(t *testing.T, subject string, q any) {
	t.Helper()
	m := sayJSON(q)
	m.Subject, m.Reply = subject, "reply"
	b.mu.Lock()
	h := b.handlers[subject]
	b.mu.Unlock()
	h(m)
}

// next returns what was sent next.
func (b *fakeBroker) next(t *testing.T) *nats.Msg {
	t.Helper()
	select {
	case m := <-b.sent:
		return m
	case <-time.After(patience):
		t.Fatalf("nothing is sent within %s", patience)
		return nil
	}
}
