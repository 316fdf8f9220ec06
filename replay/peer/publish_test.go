package peer_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/journal/fault"
	"ledge/replay/peer"
	"ledge/replay/wire"
)

// heard is what subscribers of a node have heard.
type heard struct {
	mu  sync.Mutex
	all []string // mu
}

func (h *heard) give(posts []wire.Post) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range posts {
		h.all = append(h.all, string(p.Channel)+" "+string(p.Text))
	}
}

func post(channel, text string) wire.Post {
	return wire.Post{Channel: []byte(channel), Text: []byte(text)}
}

func (h *heard) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[:len(h.all):len(h.all)]
}

// Another shard is told of messages of any bytes, in order. One that is not connected, and
// one that has stopped taking them, are not waited for: what they miss is counted.
func TestPublish(t *testing.T) {
	var h heard
	stopped, goOn := make(chan struct{}, 4096), make(chan struct{})
	good := serve(t, "1", "1", map[string]peer.Answer{peer.SubjectPublish: peer.Published(newViews("1", "1", ""), h.give)})
	slow := serve(t, "2", "2", map[string]peer.Answer{peer.SubjectPublish: func(*nats.Msg) (*nats.Msg, error) {
		stopped <- struct{}{}
		<-goOn
		return &nats.Msg{}, nil
	}})
	a := start(t, good.Passwords[admin.PeerUser], slow.Passwords[admin.PeerUser])
	a.set(peer.Shard{ID: id("1"), Nodes: []peer.Node{good.node(true)}})
	until(t, "the good one is connected", func() bool { return a.link("1").Up })
	var want []string
	for i := range 500 {
		text := fmt.Sprint(i, "\x00\xff\r\n")
		a.Publish(post("c\xfe", text))
		want = append(want, "c\xfe "+text)
	}
	until(t, "all is heard", func() bool { return len(h.got()) == len(want) })
	if got := h.got(); strings.Join(got, "|") != strings.Join(want, "|") || a.Dropped() != 0 {
		t.Errorf("heard %.60q, %d dropped; want %.60q and none", got, a.Dropped(), want)
	}
	a.set(peer.Shard{ID: id("2"), Nodes: []peer.Node{slow.node(true)}})
	until(t, "the slow one is connected alone", func() bool { return a.link("2").Up && len(a.Links()) == 1 })
	a.Publish(post("c", "first"))
	<-stopped
	for range 1024 + 100 {
		a.Publish(post("c", "more"))
	}
	if n := a.Dropped(); n < 100 {
		t.Errorf("%d messages are dropped beyond what is queued; want 100 at least", n)
	}
	close(goOn)
	a.set(peer.Shard{ID: id("3")})
	until(t, "a shard that nobody can reach is known", func() bool { return len(a.Links()) == 1 && a.link("3").Shard != "" })
	before := a.Dropped()
	a.Publish(post("c", "x"))
	until(t, "what it is not told is counted", func() bool { return a.Dropped() > before })
}

// FuzzPublished has a node told of messages by whatever bytes: it gives those of its own
// cluster alone to subscribers.
func FuzzPublished(f *testing.F) {
	c := id("c")
	f.Add([]byte(`{"cluster":"` + c + `","posts":[{"channel":"Yw==","text":"/w=="}]}`))
	f.Add([]byte(`{"cluster":"` + id("d") + `","posts":[{"channel":"Yw==","text":"/w=="}]}`))
	f.Add([]byte(`{"cluster":"` + c + `","posts":[]}`))
	f.Add([]byte(`{"cluster":"` + c + `","posts":[{"channel":7}]}`))
	f.Add([]byte(`{"cluster":"` + c + `","posts":[` + strings.Repeat(`{},`, 1024) + `{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		given := 0
		_, err := peer.Published(newViews("1", "1", ""), func(posts []wire.Post) { given += len(posts) })(&nats.Msg{Data: b})
		switch {
		case err == nil && (given == 0 || given > 1024 || !bytes.Contains(b, []byte(c))):
			t.Errorf("%d messages are given of %q", given, b)
		case err != nil && (given > 0 || fault.Of(err) == fault.Fatal):
			t.Errorf("%q: %d messages are given, and %v", b, given, err)
		}
	})
}
