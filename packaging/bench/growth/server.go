package main

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"time"

	"ledge/respd/resp"
)

// key is where the collection lies.
const key = "growth"

// server is a connection to one of the two.
type server struct {
	addr string
	nc   net.Conn
	r    *resp.Reader
	out  []byte
	sent int
}

func dial(addr string) (*server, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &server{addr: addr, nc: nc, r: resp.NewReader(bufio.NewReaderSize(nc, 1<<20))}, nil
}

func (s *server) close() { _ = s.nc.Close() }

// add puts a command into the pipeline.
func (s *server) add(args ...string) {
	s.out = resp.AppendCommand(s.out, args...)
	s.sent++
}

// flush sends the pipeline and reads the replies; the first error among them is
// returned.
func (s *server) flush() error {
	out, n := s.out, s.sent
	s.out, s.sent = nil, 0
	failed := make(chan error, 1)
	go func() { // beside the reading: nobody may wait for the other
		_, err := s.nc.Write(out)
		failed <- err
	}()
	var first error
	for range n {
		v, err := s.r.ReadValue()
		if err != nil {
			return fmt.Errorf("%s: %w", s.addr, err)
		}
		if v.IsError() && first == nil {
			first = fmt.Errorf("%s: %s", s.addr, v.ErrorText())
		}
	}
	if err := <-failed; err != nil {
		return fmt.Errorf("%s: %w", s.addr, err)
	}
	return first
}

// rest is how long a server may see to itself for each member that it was
// given, before it is measured.
const rest = time.Microsecond

// fill makes the collection, of n members.
func (s *server) fill(c collection, n int) error {
	s.add("DEL", key)
	const each = 500
	for from := 0; from < n; from += each {
		args := []string{c.fill, key}
		for i := from; i < min(from+each, n); i++ {
			args = append(args, c.member(i)...)
		}
		s.add(args...)
		if s.sent >= 100 {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	err := s.flush()
	time.Sleep(time.Duration(n) * rest)
	return err
}

func (s *server) drop() error {
	s.add("DEL", key, "copy")
	return s.flush()
}

// aside sends a command that is not timed, if there is any.
func (s *server) aside(args []string) error {
	if args == nil {
		return nil
	}
	s.add(args...)
	return s.flush()
}

// time returns the microseconds that an operation takes, or none if it is
// refused. What it has taken away or added is set right afterwards, untimed,
// where that is more than one in a hundred.
func (s *server) time(c collection, o op, n, rounds int) float64 {
	if o.most > 0 && n > o.most {
		return none
	}
	times := o.times
	if times == 0 {
		times = 2000
	}
	if o.spoils {
		times = min(times, max(n/20, 1))
	}
	var took []float64
	for r := range rounds {
		t, err := s.round(o, n, r*times, times)
		if err != nil {
			return none
		}
		took = append(took, float64(t.Nanoseconds())/1e3/float64(times))
	}
	if o.spoils && rounds*times > n/100 {
		if err := s.fill(c, n); err != nil {
			return none
		}
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// round returns how long so many operations take, from the given one on.
func (s *server) round(o op, n, from, times int) (time.Duration, error) {
	if err := s.aside(o.before); err != nil {
		return 0, err
	}
	for i := range times {
		s.add(o.args(n, from+i)...)
	}
	start := time.Now()
	if err := s.flush(); err != nil {
		return 0, err
	}
	took := time.Since(start)
	return took, s.aside(o.after)
}
