package admin

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// maxEvents is how many events may wait to be published.
const maxEvents = 256

// events publishes events in order. A connection's Publish only fills a
// buffer, until that is full: then it writes to a pipe and waits for the broker
// to read it. Who publishes events has just seen the journal fail, and must not
// wait for a broker that may be the cause.
type events struct {
	nc                 *nats.Conn
	log                *slog.Logger
	queue              chan Event
	published, dropped atomic.Int64

	stop  chan struct{} // closed by close
	once  sync.Once
	ended chan struct{} // closed when run has ended
}

func newEvents(nc *nats.Conn, log *slog.Logger) *events {
	e := &events{nc: nc, log: log, queue: make(chan Event, maxEvents),
		stop: make(chan struct{}), ended: make(chan struct{})}
	go e.run()
	return e
}

// Publish publishes an event of this node. It fills in the node and, unless it
// is set, the time. It never waits: an event that finds the queue full, or
// comes after Close, is dropped and counted.
func (s *Service) Publish(e Event) {
	e.Node = s.cfg.Node
	if e.At.IsZero() {
		e.At = s.cfg.Clock()
	}
	select {
	case <-s.events.stop:
		s.events.dropped.Add(1)
		return
	default:
	}
	select {
	case s.events.queue <- e:
	default:
		s.events.dropped.Add(1)
	}
}

func (e *events) run() {
	defer close(e.ended)
	for {
		select {
		case ev := <-e.queue:
			e.publish(ev)
		case <-e.stop:
			e.rest()
			return
		}
	}
}

// rest publishes what is queued.
func (e *events) rest() {
	for {
		select {
		case ev := <-e.queue:
			e.publish(ev)
		default:
			return
		}
	}
}

func (e *events) publish(ev Event) {
	body, err := json.Marshal(ev)
	if err == nil {
		err = e.nc.Publish(eventSubject(ev.Node, ev.Kind), body)
	}
	if err != nil {
		e.dropped.Add(1)
		e.log.Debug("an event could not be published", "kind", ev.Kind, "cause", err)
		return
	}
	e.published.Add(1)
}

// close publishes what is queued and waits for it, but not for ever.
func (e *events) close() error {
	e.once.Do(func() { close(e.stop) })
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	select {
	case <-e.ended:
		return flush(e.nc)
	case <-limit.C:
		return fmt.Errorf("%d events are not published after %s", len(e.queue), closeTimeout)
	}
}
