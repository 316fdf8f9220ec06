package appliance_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// strait is before a node's NATS port and can be closed: what is sent
// then arrives when it is open again, as on a line that drops packets for a
// while.
type strait struct {
	url, to string

	mu   sync.Mutex
	open *sync.Cond
	shut bool // mu
	over bool // mu
}

func newStrait(t *testing.T, to string) *strait {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &strait{url: "nats://" + l.Addr().String(), to: strings.TrimPrefix(to, "nats://")}
	s.open = sync.NewCond(&s.mu)
	var busy sync.WaitGroup
	busy.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			busy.Go(func() { s.pass(&busy, in) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		s.over = true
		s.open.Broadcast()
		s.mu.Unlock()
		busy.Wait()
	})
	return s
}

// close and reopen what is between the two sides.
func (s *strait) close() { s.set(true) }

func (s *strait) reopen() { s.set(false) }

func (s *strait) set(shut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = shut
	s.open.Broadcast()
}

// wait returns when the strait is open, and false when the test is over.
func (s *strait) wait() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.shut && !s.over {
		s.open.Wait()
	}
	return !s.over
}

func (s *strait) pass(busy *sync.WaitGroup, in net.Conn) {
	defer in.Close()
	if !s.wait() {
		return
	}
	out, err := net.Dial("tcp", s.to)
	if err != nil {
		return
	}
	defer out.Close()
	ended := make(chan struct{}, 2)
	for _, way := range [2][2]net.Conn{{in, out}, {out, in}} {
		busy.Go(func() {
			_, _ = io.Copy(gated{s, way[1]}, way[0])
			ended <- struct{}{}
		})
	}
	<-ended // one side has gone, or the test is over: both are closed
}

// gated writes when the strait is open.
type gated struct {
	s *strait
	w io.Writer
}

func (g gated) Write(b []byte) (int, error) {
	if !g.s.wait() {
		return 0, net.ErrClosed
	}
	return g.w.Write(b)
}
