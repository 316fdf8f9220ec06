package web

import (
	"errors"
	"sync"
	"time"
)

// passwordWait is how long somebody who logs in waits for a password to be read.
const passwordWait = 500 * time.Millisecond

// errSlow is why a password is not there.
var errSlow = errors.New("reading it takes long, as on a mount that hangs")

// password is a password that is read anew for each login, by one goroutine at a time:
// a file that hangs holds that one, and nobody who asks for longer than passwordWait.
type password struct {
	read func() (string, error)

	mu      sync.Mutex
	last    string   // mu; what was read last
	reading *reading // mu; nil is that nobody reads
}

// reading is one time that a password is read. p and err are for reading once done is
// closed.
type reading struct {
	began time.Time
	done  chan struct{}
	p     string
	err   error
}

// get returns the password and, if it can't be read, why. Then it is the one that was
// read last, "" for none.
func (s *password) get() (string, error) {
	r := s.start()
	t := time.NewTimer(max(0, passwordWait-time.Since(r.began)))
	defer t.Stop()
	err := errSlow
	select {
	case <-r.done:
		if r.err == nil {
			return r.p, nil
		}
		err = r.err
	case <-t.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, err
}

// start begins to read, unless somebody does already.
func (s *password) start() *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading != nil {
		return s.reading
	}
	r := &reading{began: time.Now(), done: make(chan struct{})}
	s.reading = r
	go func() {
		defer close(r.done)
		r.p, r.err = s.read()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.reading = nil; r.err == nil {
			s.last = r.p
		}
	}()
	return r
}
