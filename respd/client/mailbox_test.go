package client

import (
	"testing"
	"time"

	"ledge/respd/hub"
	"ledge/respd/resp"
)

// The bounds of a mailbox. What happens to the client is in pubsub_test.go.
func TestMailbox(t *testing.T) {
	now := time.Unix(1000, 0)
	clock := func() time.Time { return now }
	limit := &PushLimit{Hard: 100, Soft: 50, SoftFor: time.Minute}
	messages := hub.New()
	m := &mailbox{proto: resp.RESP2}
	var first, over bool
	to := puts{to: func(msg *hub.Message) { first, over = m.put(msg, limit, 1<<30, clock) }}
	messages.Subscribe(&hub.Member{}, to, hub.Channel, "c")
	const size = len("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n")
	put := func(what string, wantFirst, wantOver bool) {
		t.Helper()
		messages.Publish(hub.Channel, "c", "x")
		if first != wantFirst || over != wantOver {
			t.Errorf("%s: first %v, over %v; want %v, %v", what, first, over, wantFirst, wantOver)
		}
	}
	put("into an empty one", true, false)
	put("above the soft bound", false, false)
	now = now.Add(time.Minute)
	put("a minute later", false, false)
	if out := m.take([]byte("reply"), resp.RESP3); len(out) != len("reply")+3*size || m.size.Load() != 0 {
		t.Errorf("take gives %q", out)
	}
	now = now.Add(time.Second)
	put("emptied", true, false)
	if out := string(m.take(nil, resp.RESP2)); out != ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n" {
		t.Errorf("after RESP3 was chosen take gives %q", out)
	}
	put("emptied again", true, false)
	put("above the soft bound again", false, false)
	now = now.Add(time.Minute + 1)
	put("above it for too long", false, true)
	if got := m.dropped(); got != 3*size {
		t.Errorf("dropped %d bytes; want %d", got, 3*size)
	}
	put("given up", false, false)
	if out := m.take(nil, resp.RESP2); len(out) != 0 {
		t.Errorf("given up, take gives %q", out)
	}

	m = &mailbox{proto: resp.RESP2}
	put("the first", true, false)
	put("the second", false, false)
	put("the third", false, false)
	put("past the hard bound", false, true)
}

// puts is a connection to put messages into.
type puts struct{ to func(*hub.Message) }

func (p puts) Push(msg *hub.Message) { p.to(msg) }
