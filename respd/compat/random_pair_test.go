package compat_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"ledge/respd/resp"
)

// links is how many connections send random commands; there is one more, the
// boss, for what takes several commands to compare.
const (
	links = 3
	boss  = links
)

// request is what one turn does: a command that is sent to both servers, or
// something that only makes sense as a whole.
type request struct {
	args []string
	same rule // nil is equal
	// run is instead of the command; args then only say what it does.
	run func(*both) error
	// keep is what of the arguments must not be changed at random.
	keep keep
}

// turn is a request on a link. A batch has turns of one link only.
type turn struct {
	link int
	req  request
}

func (t turn) String() string {
	return fmt.Sprintf("@%d %s", t.link+1, quoteAll(t.req.args))
}

// difference is a turn that the servers have answered differently. The keys
// are those it is about, when the turn itself does not tell.
type difference struct {
	turn      turn
	keys      []string
	want, got string
}

func (d *difference) name() string { return d.turn.req.args[0] }

// pair is two servers and the connections to them.
type pair struct {
	addrs [2]string // redis, then ledge
	proto int
	links [links + 1]*link
	// ears hear the keyspace events, if both can tell them.
	ears *ears
}

// link is a connection to each of the two.
type link struct {
	conns [2]*client
	// queue is what waits for EXEC, by what was answered.
	queue []request
	// encoding is what the last OBJECT ENCODING answered: it says whether the
	// order of the reply that follows is one to be compared.
	encoding string
}

func newPair(t *testing.T, redis, ours string, proto int) *pair {
	p := &pair{addrs: [2]string{redis, ours}, proto: proto}
	t.Cleanup(p.hangUp)
	return p
}

func (p *pair) hangUp() {
	for i, l := range p.links {
		if l != nil {
			l.conns[0].nc.Close()
			l.conns[1].nc.Close()
			p.links[i] = nil
		}
	}
	if p.ears != nil {
		p.ears.conns[0].nc.Close()
		p.ears.conns[1].nc.Close()
		p.ears = nil
	}
}

// reset empties both and connects anew, so that nothing of what was is left.
func (p *pair) reset(t *testing.T) {
	t.Helper()
	p.hangUp()
	for i := range p.links {
		p.links[i] = &link{}
		for j, addr := range p.addrs {
			p.links[i].conns[j] = connect(t, addr, p.proto)
		}
	}
	for _, c := range p.links[boss].conns {
		if v, err := c.do([]string{"FLUSHALL"}); err != nil || v.IsError() {
			t.Fatalf("FLUSHALL: %v, %v", v, err)
		}
	}
	p.listen(t)
}

func connect(t *testing.T, addr string, proto int) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{nc: nc, r: resp.NewReader(bufio.NewReaderSize(nc, 64<<10))}
	if proto == 3 {
		if v, err := c.do([]string{"HELLO", "3"}); err != nil || v.IsError() {
			t.Fatalf("HELLO 3: %v, %v", v, err)
		}
	}
	return c
}

// play sends turns, those of one link together, up to the first difference. It
// returns how many were compared.
func (p *pair) play(t *testing.T, turns []turn) (int, *difference) {
	t.Helper()
	for i := 0; i < len(turns); {
		if turns[i].req.run != nil {
			if err := turns[i].req.run(&both{t: t, link: p.links[boss]}); err != nil {
				return i + 1, asDifference(turns[i], err)
			}
			p.heard(t) // of no use: each server was sent commands of its own
			i++
			continue
		}
		n := 1
		for i+n < len(turns) && turns[i+n].link == turns[i].link && turns[i+n].req.run == nil && n < 200 {
			n++
		}
		if j, d := p.links[turns[i].link].send(t, turns[i:i+n]); d != nil {
			return i + j + 1, d
		}
		if d := p.compareEvents(t); d != nil {
			return i + n, d
		}
		i += n
	}
	return len(turns), nil
}

// mismatch is the error of a request that compares by itself.
type mismatch struct{ key, want, got string }

func (m *mismatch) Error() string { return "redis " + m.want + "; ledge " + m.got }

func asDifference(t turn, err error) *difference {
	var m *mismatch
	if errors.As(err, &m) {
		return &difference{turn: t, keys: []string{m.key}, want: m.key + " " + m.want, got: m.key + " " + m.got}
	}
	return &difference{turn: t, want: "no error", got: err.Error()}
}

// send sends a batch to both servers at once and compares reply by reply.
func (l *link) send(t *testing.T, turns []turn) (int, *difference) {
	t.Helper()
	var out []byte
	for _, turn := range turns {
		out = resp.AppendCommand(out, turn.req.args...)
	}
	for _, c := range l.conns {
		_ = c.nc.SetDeadline(time.Now().Add(60 * time.Second))
		// Beside the reading: the server stops taking commands while nobody
		// takes its replies. A failure shows in the reading.
		go func() { _, _ = c.nc.Write(out) }()
	}
	var first *difference
	at := 0
	for i, turn := range turns {
		want, err := l.conns[0].r.ReadValue()
		if err != nil {
			t.Fatalf("redis: %s: %v", turn, err)
		}
		got, err := l.conns[1].r.ReadValue()
		if err != nil && first == nil {
			t.Fatalf("ledge: %s: %v", turn, err)
		}
		// What follows a difference is read, so that both stay in step.
		if first == nil && !l.judge(turn.req, want, got) {
			first = &difference{turn: turn, want: want.String(), got: got.String()}
			at = i
		}
	}
	return at, first
}

// judge compares two replies. What MULTI queues is compared when EXEC answers
// it.
func (l *link) judge(r request, want, got resp.Value) bool {
	if isQueued(want) {
		l.queue = append(l.queue, r)
		return isQueued(got)
	}
	switch strings.ToUpper(r.args[0]) {
	case "EXEC":
		queue := l.queue
		l.queue = nil
		if want.Kind() != resp.KindArray || len(want.Elems()) != len(queue) {
			return got.Equal(want)
		}
		return l.judgeAll(queue, want.Elems(), got.Elems())
	case "DISCARD", "RESET":
		l.queue = nil
	}
	if r.same == nil {
		return got.Equal(want)
	}
	return r.same(l, want, got)
}

func (l *link) judgeAll(queue []request, want, got []resp.Value) bool {
	if len(want) != len(got) {
		return false
	}
	for i, r := range queue {
		if !l.judge(r, want[i], got[i]) {
			return false
		}
	}
	return true
}

func isQueued(v resp.Value) bool {
	return v.Kind() == resp.KindSimple && v.Str() == "QUEUED"
}
