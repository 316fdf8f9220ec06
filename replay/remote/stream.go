package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// stream fetches what comes after the state's position, applies it and says so.
func (f *Follower) stream(ctx context.Context, c *conn) error {
	t := f.cfg.Target
	var began time.Time
	for {
		last, err := f.reportTo(ctx, c)
		if err != nil {
			return err
		}
		f.heard(last)
		if began.IsZero() {
			f.enter(standing.LinkStreaming, "")
			began = time.Now()
			continue // says that it streams
		}
		err = c.fetch(ctx, t.State().Pos().Seq+1, f.cfg.Timeouts().Fetch,
			func(last journal.Seq) error {
				f.heard(last)
				f.level(last, began)
				if f.renew.Load() {
					return errRenew
				}
				return nil
			},
			func(frames []journal.Frame) error { return f.ingest(ctx, c, frames) })
		var o offered
		if errors.As(err, &o) {
			err = f.acceptLead(ctx, c, o.m)
		}
		if err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
	}
}

// tellEvery is how often a leader hears of a replica that has nothing new, and
// about how often of one that has much to do.
const tellEvery = time.Second

// ingest gives frames to the target, as many at a time as it takes in until the
// leader is to hear of it. A target whose own journal takes none is waited for:
// the leader has done nothing wrong, and connecting anew would not help.
func (f *Follower) ingest(ctx context.Context, c *conn, frames []journal.Frame) error {
	t := f.cfg.Target
	for len(frames) > 0 {
		n, last, began := min(len(frames), max(f.pace, 1)), f.Link().Last, time.Now()
		f.busy.Store(began.UnixNano())
		err := t.Ingest(ctx, frames[:n], last)
		f.busy.Store(0)
		at := t.State().Pos().Seq
		for len(frames) > 0 && frames[0].Seq <= at {
			frames = frames[1:]
		}
		f.advanced()
		var s *writer.Suspension
		switch {
		case errors.As(err, &s):
			err = f.sit(ctx, c, s)
		case err == nil:
			f.pace = int(int64(n) * int64(tellEvery) / int64(max(time.Since(began), time.Microsecond)))
			f.heard(last)
			err = f.tell(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sit waits, with the link as it is, until the node's own journal takes writes
// again.
func (f *Follower) sit(ctx context.Context, c *conn, s *writer.Suspension) error {
	f.set(func(l *standing.Link) {
		l.State, l.Step = standing.LinkStalled, "the node's own journal takes no writes"
		l.Err = fmt.Errorf("the node's own journal: %w", s)
	})
	f.cfg.Logger.Warn("replica link waits for the node's own journal", "cause", s.Cause)
	tick := time.NewTicker(sitTick)
	defer tick.Stop()
	for f.cfg.Target.Suspended() != nil {
		select {
		case <-tick.C:
		case <-c.Gone:
			return fault.With(fault.Retryable, errors.Join(errors.New("the connection is lost"), c.LastError()))
		case <-ctx.Done():
			return fault.With(fault.Retryable, ctx.Err())
		}
	}
	f.set(func(l *standing.Link) {
		l.State, l.Step, l.Err = standing.LinkStreaming, "", nil
		if l.Attempts > 0 {
			l.Err = joined(l.Attempts, f.causes)
		}
	})
	return nil
}

// sitTick is how often it is looked whether the node's own journal takes writes.
const sitTick = 50 * time.Millisecond

// slowAfter is how long the target may be busy with what it was given until the
// leader hears that the replica has stalled. It goes on all the same.
const slowAfter = 5 * time.Second

// position is what the leader is to hear. It may be called from any goroutine.
func (f *Follower) position(c *conn) report {
	t := f.cfg.Target
	f.mu.Lock()
	state := f.link.State
	f.mu.Unlock()
	if at := f.busy.Load(); at != 0 && state == standing.LinkStreaming && time.Since(time.Unix(0, at)) > slowAfter {
		state = standing.LinkStalled
	}
	synced := t.Synced() // may be ahead of what is applied
	applied := t.State().Pos().Seq
	return report{ID: c.id, State: linkState{state}, Applied: applied, Synced: min(synced, applied)}
}

// reportTo tells the leader how far we have come, and learns how far it has.
func (f *Follower) reportTo(ctx context.Context, c *conn) (journal.Seq, error) {
	m, err := c.call(ctx, subjectReport, f.position(c), f.cfg.Timeouts().Fetch)
	if err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	var p reportReply
	err = wire.Decode(m, &p)
	return p.Last, err
}

// tell reports without waiting for an answer.
func (f *Follower) tell(c *conn) error { return f.publish(c, f.position(c)) }

func (f *Follower) publish(c *conn, r report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return fault.As(fault.Retryable, "report", c.Publish(subjectReport, b))
}

// keepTelling has the leader hear of the replica while it has nothing new, or is
// busy with what takes long: a snapshot that is loaded, an append on a slow disk.
// It returns how to end that.
func (f *Follower) keepTelling(c *conn) (end func()) {
	stop := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r := f.position(c)
				r.Redis = wire.Address(f.cfg.Redis(c.Seen))
				_ = f.publish(c, r) // a connection that fails is seen by its reader
			case <-c.Gone:
				return
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		told.Wait()
	}
}
