package durable

import (
	"os"
	"sync"
)

// streamRun is after how many bytes a Stream has the disk begin.
const streamRun = 16 << 20

// Stream writes to a file whose syncs are under way while it is written, so that
// little is left to wait for at the end. Write and Close are for one goroutine.
type Stream struct {
	f     *os.File
	open  int // bytes since the last sync was asked for
	ask   chan struct{}
	ended sync.WaitGroup
	err   error // of syncs; good once ended
	once  sync.Once
}

// Begin returns a Stream to f, which stays the caller's to close.
func Begin(f *os.File) *Stream {
	s := &Stream{f: f, ask: make(chan struct{}, 1)}
	s.ended.Go(func() {
		for range s.ask {
			if err := f.Sync(); err != nil && s.err == nil {
				s.err = err
			}
		}
	})
	return s
}

// Write writes to the file, and waits for no sync.
func (s *Stream) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	if s.open += n; s.open >= streamRun {
		s.open = 0
		select {
		case s.ask <- struct{}{}:
		default: // one is due already, and has this as well
		}
	}
	return n, err
}

// Close returns once everything is on the disk, or why it may not be: the first error
// of a sync counts, since the kernel tells each only once. It is safe to call twice.
func (s *Stream) Close() error {
	s.once.Do(func() {
		close(s.ask)
		s.ended.Wait()
		if err := s.f.Sync(); s.err == nil {
			s.err = err
		}
	})
	return s.err
}
