package remote

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/replay/replaytest"
	"ledge/replay/wire"
)

// overheard is what subscribers of a node were given.
type overheard struct {
	mu  sync.Mutex
	all []string // mu
}

func (o *overheard) add(posts []wire.Post, from string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range posts {
		o.all = append(o.all, fmt.Sprintf("%s%s:%s", from, p.Channel, p.Text))
	}
}

func (o *overheard) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.all, " ")
}

// fetches has a replica ask for what comes after the journal's end.
func (l *led) fetches(id string, takes bool) chan *nats.Msg {
	l.t.Helper()
	msgs := make(chan *nats.Msg, 4096)
	inbox := l.nc.NewInbox()
	if _, err := l.nc.ChanSubscribe(inbox, msgs); err != nil {
		l.t.Fatal(err)
	}
	if err := l.nc.PublishRequest(subjectFetch, inbox, fmt.Appendf(nil, `{"id":%q,"from":%d,"posts":%v}`, id, l.home.Pos().Seq+1, takes)); err != nil {
		l.t.Fatal(err)
	}
	l.kind(msgs, kindBeat) // the fetch is being answered
	return msgs
}

// kind waits for a message of a fetch of a kind.
func (l *led) kind(msgs chan *nats.Msg, kind string) *nats.Msg {
	l.t.Helper()
	for end := time.After(patience); ; {
		select {
		case m := <-msgs:
			if m.Header.Get(headerKind) == kind {
				return m
			}
		case <-end:
			l.t.Fatalf("no message of kind %s", kind)
		}
	}
}

// A leader tells replicas that take messages of them, each after the frames that the journal
// had, but for the one from which a message came. One that takes none, and one of an older
// version, is told nothing, and one that takes no more is not waited for.
func TestLeaderTells(t *testing.T) {
	var untold atomic.Int64
	l := newLed(t, func(cfg *LeaderConfig) { cfg.Untold = &untold })
	if l.Tell(wire.Post{}, ""); l.Followed() {
		t.Error("a leader without replicas is followed")
	}
	for i, id := range []string{"A", "B", "OLD"} {
		l.joins(id, id, fmt.Sprint("10.0.0.1:", i+1))
	}
	if l.Tell(wire.Post{}, ""); !l.Followed() || untold.Load() != 0 {
		t.Errorf("followed: %v, %d messages untold; want true and none: nobody has said that it takes any", l.Followed(), untold.Load())
	}
	a, b, old := l.fetches("A", true), l.fetches("B", true), l.fetches("OLD", false)
	l.home.Must(replaytest.Set("k", "w"))
	l.home.feed.Reset(l.home.Pos().Seq)
	l.Tell(wire.Post{Channel: []byte("c\xff"), Text: []byte("1")}, "B")
	if m := l.kind(a, kindFrames); len(m.Data) == 0 {
		t.Error("no frames come before the message; want those that the journal had")
	}
	if m := l.kind(a, kindPosts); string(m.Data) != `{"posts":[{"channel":"Y/8=","text":"MQ=="}]}` {
		t.Errorf("A is told %s; want the message", m.Data)
	}
	l.Tell(wire.Post{Channel: []byte("c"), Text: []byte("2"), Sharded: true}, "A")
	if m := l.kind(b, kindPosts); string(m.Data) != `{"posts":[{"channel":"Yw==","text":"Mg==","sharded":true}]}` {
		t.Errorf("B is told %s; want the second message alone", m.Data)
	}
	l.kind(old, kindFrames)
	l.kind(old, kindBeat)
	if err := l.with("A", func(f *follower) error { // as if its fetch had ended
		f.cancel()
		for f.posts.Add(wire.Post{After: 1 << 60}) {
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if l.Tell(wire.Post{}, "B"); untold.Load() != 1 {
		t.Errorf("%d messages untold; want the one that A has no room for", untold.Load())
	}
}

// What a replica tells is taken if the leader knows the replica, and is what it may be.
func TestLeaderIsTold(t *testing.T) {
	var o overheard
	l := newLed(t, func(cfg *LeaderConfig) { cfg.Heard = o.add })
	const post = `{"channel":"Yw==","text":"MQ=="}`
	l.joins("A", "a", "10.0.0.1:1")
	for _, x := range []struct {
		q  string
		ok bool
	}{
		{`{"id":"A","posts":[` + post + `,` + post + `]}`, true},
		{`{"id":"B","posts":[` + post + `]}`, false},
		{`{"posts":[` + post + `]}`, false},
		{`{"id":"A","posts":[]}`, false},
		{`{"id":"A","posts":[{"hops":17}]}`, false},
		{`{"id":"A","posts":[` + strings.Repeat(`{},`, 1024) + `{}]}`, false},
	} {
		if _, err := l.ask(subjectPublish, x.q); (err == nil) != x.ok {
			t.Errorf("%.60s: %v; taken should be %v", x.q, err, x.ok)
		}
	}
	if got := o.String(); got != "Ac:1 Ac:1" {
		t.Errorf("subscribers are given %q; want the two of the replica that is known", got)
	}
	if _, err := newLed(t, nil).ask(subjectPublish, `{"id":"A","posts":[`+post+`]}`); err == nil {
		t.Error("a leader that nobody wants to hear takes messages")
	}
}

// A replica gives what it is told to its subscribers once it has taken in what came before.
func TestFetchGivesPosts(t *testing.T) {
	told := sayJSON(posts{[]wire.Post{{Channel: []byte("c"), Text: []byte("x")}}})
	told.Header.Set(headerKind, kindPosts)
	told.Header.Set(headerLast, "5")
	bad := say(kindPosts, 5)
	bad.Data = []byte(`{"posts":[]}`)
	var o overheard
	c := over(script([]*nats.Msg{say(kindFrames, 5, 4, 5), told, say(kindEnd, 5)}, []*nats.Msg{told, bad}))
	c.heard = func(posts []wire.Post) { o.add(posts, "") }
	err := c.fetch(t.Context(), 4, time.Second, func(journal.Seq) error { return nil }, func(frames []journal.Frame) error {
		o.add([]wire.Post{{Text: fmt.Append(nil, len(frames), " frames")}}, "")
		return nil
	})
	if err == nil || o.String() != ":2 frames c:x c:x" {
		t.Errorf("taken in %q, %v; want the message after the frames, another one, and an error of one that is none", o.String(), err)
	}
}

// What clients have published is told to the leader in order while there is a link, and
// counted otherwise.
func TestFollowerTells(t *testing.T) {
	var untold atomic.Int64
	f, _ := idleFollower(t, func(cfg *FollowerConfig) {
		cfg.Untold, cfg.Timeouts = &untold, func() Timeouts { return Timeouts{Fetch: patience} }
	})
	f.Tell(wire.Post{})
	asked, answer := make(chan string, 9), make(chan *nats.Msg, 9)
	c := over(&fakeConn{answer: func(_ *fakeConn, _ string, body []byte, to chan<- *nats.Msg) {
		asked <- string(body)
		if m := <-answer; m != nil {
			to <- m
		}
	}})
	end := f.keepPosting(context.Background(), c)
	f.Tell(wire.Post{Text: []byte("1")})
	if got := <-asked; got != `{"id":"RUN","posts":[{"channel":null,"text":"MQ=="}]}` {
		t.Errorf("the leader is told %s; want the message", got)
	}
	f.Tell(wire.Post{Text: []byte("2")})
	answer <- failure(errStranger)
	<-asked
	answer <- &nats.Msg{}
	f.Tell(wire.Post{Text: []byte("3")})
	<-asked
	f.Tell(wire.Post{Text: []byte("4")})
	answer <- nil // there is none to that
	end()
	if f.Tell(wire.Post{}); untold.Load() != 5 {
		t.Errorf("%d messages untold; want 5: one before there was a link, one that was refused, two that were waiting as it ended, one afterwards", untold.Load())
	}
}
