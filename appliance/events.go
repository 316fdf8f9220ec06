package appliance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
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
	// came wakes watchReplicas: a replica streams that did not. turns counts how often the
	// node has taken or lost its lead.
	came  chan struct{}
	turns atomic.Int64
}

// The events that were are rows of the node's own store, under numbers that grow, of
// which there are mostKept at most. One that is longer than maxEvent is not kept.
const (
	eventTable = "events"
	mostKept   = 10000
	maxEvent   = 16 << 10
)

// maxEvents is how many events may wait to be published.
const maxEvents = 256

// limitEvery is how often it is said that clients are turned away.
const limitEvery = time.Second

func newEvents(n *Node) *events {
	return &events{node: n, queue: make(chan admin.Event, maxEvents), came: make(chan struct{}, 1)}
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
	e.post(admin.Event{Kind: admin.EventStarted})
	for {
		select {
		case ev := <-e.queue:
			e.publish(ev)
		case <-ctx.Done():
			for len(e.queue) > 0 {
				e.publish(<-e.queue)
			}
			e.publish(admin.Event{Kind: admin.EventStopping, At: e.node.cfg.Clock()})
			return
		}
	}
}

func (e *events) publish(ev admin.Event) {
	e.keep(ev)
	if o := e.node.admin(); o != nil && o.service != nil {
		o.publish(ev)
	}
}

// keep adds an event to those that were. That some are missing costs no more than a
// line of a timeline, so the store alone says what is wrong with the disk.
func (e *events) keep(ev admin.Event) {
	ev.Node = e.node.dir.node
	b, err := json.Marshal(ev)
	if err != nil || len(b) > maxEvent {
		return
	}
	own, next := e.node.own, uint64(1)
	if last, ok := own.Last(eventTable); ok {
		n, _ := strconv.ParseUint(last.Key, 16, 64) // another key would begin anew
		next = n + 1
	}
	if err := own.Put(eventTable, eventKey(next), b); err == nil {
		_ = own.Trim(eventTable, mostKept) // it can only be closed
	}
}

// latest returns the last events, the newest first, at most so many.
func (e *events) latest(most int) []admin.Event {
	list := []admin.Event{}
	last, ok := e.node.own.Last(eventTable)
	n, err := strconv.ParseUint(last.Key, 16, 64)
	if !ok || err != nil {
		return list
	}
	rows := e.node.own.Range(eventTable, eventKey(n-min(n, uint64(most-1))), "")
	for _, r := range slices.Backward(rows) {
		var ev admin.Event
		if json.Unmarshal(r.Val, &ev) == nil {
			list = append(list, ev)
		}
	}
	return list
}

func eventKey(n uint64) string { return fmt.Sprintf("%016x", n) }

// past returns the last events since a time, in the order in which they happened, at
// most so many.
func (e *events) past(since time.Time, most int) []admin.Event {
	rows := e.node.own.Range(eventTable, "", "")
	var list []admin.Event
	for i := len(rows) - 1; i >= 0 && len(list) < most; i-- {
		var ev admin.Event
		if json.Unmarshal(rows[i].Val, &ev) == nil && !ev.At.Before(since) {
			list = append(list, ev)
		}
	}
	slices.Reverse(list)
	return list
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

// turned is told when the node follows the leader with that URL from now on; with ""
// it leads.
func (e *events) turned(leader string) {
	ev := admin.Event{Kind: admin.EventRole, Role: report.Role(e.node.repl.Link()), Number: uint64(e.node.state.Pos().Seq)}
	if leader != "" {
		ev.Leader = options.ShownURL(leader)
	}
	e.post(ev)
	e.turns.Add(1)
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
