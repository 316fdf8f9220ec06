package appliance

import (
	"context"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/appliance/report"
	"ledge/journal/fault"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/writer"
)

// events tells whoever listens on the admin subjects what has happened to the
// node. Nobody waits for it: what comes while the queue is full is dropped.
type events struct {
	node    *Node
	queue   chan admin.Event
	limited atomic.Int64 // when a client was last said to be turned away, Unix nanoseconds
}

// maxEvents is how many events may wait to be published.
const maxEvents = 256

// limitEvery is how often it is said that clients are turned away.
const limitEvery = time.Second

func newEvents(n *Node) *events {
	return &events{node: n, queue: make(chan admin.Event, maxEvents)}
}

func (e *events) post(ev admin.Event) {
	ev.At = e.node.cfg.Clock()
	select {
	case e.queue <- ev:
	default:
	}
}

// run publishes until ctx ends.
func (e *events) run(ctx context.Context) {
	for {
		select {
		case ev := <-e.queue:
			e.publish(ev)
		case <-ctx.Done():
			e.publish(admin.Event{Kind: admin.EventStopping, At: e.node.cfg.Clock()})
			return
		}
	}
}

func (e *events) publish(ev admin.Event) {
	if o := e.node.admin(); o != nil && o.service != nil {
		o.publish(ev)
	}
}

// health is told when the journal's health has changed.
func (e *events) health(c writer.HealthChange) {
	kinds := map[writer.ChangeKind]string{
		writer.Suspended: admin.EventSuspended, writer.Resumed: admin.EventResumed,
		writer.ResumeFailed: admin.EventResumeFailed, writer.ReserveGivenUp: admin.EventReserve,
		writer.InDoubt: admin.EventInDoubt, writer.ReserveHeld: admin.EventReserve,
	}
	s := &c.Suspension
	ev := admin.Event{Kind: kinds[c.Kind], Class: s.Class.String(), Cause: report.Line(s.Cause), Attempts: s.Attempts}
	if c.Kind == writer.ResumeFailed {
		ev.Cause = report.Line(s.LastError)
	}
	if c.Kind == writer.ReserveHeld {
		ev.Class, ev.Cause, ev.Attempts = "", "", 0
	}
	if c.Kind == writer.Resumed || s.Cause == nil {
		s = nil
	}
	h := e.node.report.HealthOf(healthFacts(e.node), s)
	ev.Health = &h
	e.post(ev)
}

// link is told when the node stands otherwise with its leader.
func (e *events) link(l standing.Link) {
	ev := admin.Event{Kind: admin.EventLink, Cause: report.Line(l.Err), Attempts: l.Attempts}
	if l.Err != nil {
		ev.Class = fault.Of(l.Err).String()
	}
	s := report.LinkOf(l)
	ev.Link = &s
	e.post(ev)
}

// snapshot is told how a snapshot has ended.
func (e *events) snapshot(info snapshot.Info, err error) {
	ev := admin.Event{Kind: admin.EventSnapshot, Cause: report.Line(err)}
	if info.Path != "" {
		s := report.SnapshotOf(info)
		ev.Snapshot = &s
	}
	e.post(ev)
}

// turnedAway is told when a client finds no room.
func (e *events) turnedAway() {
	now := time.Now().UnixNano()
	last := e.limited.Load()
	if now-last >= int64(limitEvery) && e.limited.CompareAndSwap(last, now) {
		e.post(admin.Event{Kind: admin.EventClientLimit, Cause: "max-clients connections are open"})
	}
}
