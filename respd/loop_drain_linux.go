//go:build !threads

package respd

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// The end of the loop has two parts. While it drains, what clients had sent by then is
// answered, and each connection is closed when it has nothing under way. When that is
// done, or the grace is over, leave closes the rest.

// drain serves what has arrived until everything has been answered or end is
// over.
func (l *loop) drain(end context.Context, events []unix.EpollEvent) error {
	stop := context.AfterFunc(end, l.wake)
	defer stop()
	l.srv.Pause(time.Time{}, false) // or what it holds back would never be answered
	for _, c := range l.conns {     // what has come by now is still taken
		c.link.readable = true
		l.enlist(c)
	}
	for end.Err() == nil && len(l.conns) > 0 {
		if err := l.round(end, events); err != nil {
			return err
		}
		// From the second round on nothing more is read: a client that goes on
		// sending would keep the loop for ever.
		l.draining = true
		l.finish()
	}
	return nil
}

// finish closes every connection that has nothing under way.
func (l *loop) finish() {
	for _, c := range l.conns {
		k := &c.link
		// Nobody will give it anything any more, so its wait is over.
		if k.parked != nil {
			c.Doom()
			l.attend(c)
			continue
		}
		c.Release()
		if !k.owned && !k.queued && !k.held && c.Unsent() == 0 && !c.Streaming() && !c.HasMail() {
			l.shut(c)
		}
	}
}

// leave closes all connections that are left and waits for the goroutines of
// slow commands, no longer than until end.
func (l *loop) leave(end context.Context) error {
	var err error
	if n := len(l.conns); n > 0 {
		err = fmt.Errorf("%d clients were cut off: their last replies did not go out in time", n)
	}
	for _, c := range l.conns {
		c.Doom()
		l.shut(c)
	}
	l.mu.Lock()
	l.closed = true // add refuses what comes after this
	fresh := l.fresh
	l.fresh = nil
	l.mu.Unlock()
	for _, c := range fresh {
		unix.Close(c.link.fd)
		l.srv.forget(c)
	}
	// A slow command may not end in time, as when the disk hangs. Its goroutine is
	// then left to itself; its client has been told by the end of its connection.
	idle := make(chan struct{})
	go func() { l.beside.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-end.Done():
	}
	return err
}
