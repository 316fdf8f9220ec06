package main

import (
	"context"
	"fmt"
	"time"
)

// verify reads all that the load has written, on the leader and then on the replica once
// that has everything, and takes it away.
func (r *rig) verify(ctx context.Context, t *tally, l *load) error {
	if err := r.readAll(ctx, l, false); err != nil {
		return fmt.Errorf("read the leader: %w", err)
	}
	if err := await(ctx, "the replica has everything", func() bool { return r.level(ctx, l) }); err != nil {
		t.fail("replica", err)
	}
	if err := r.readAll(ctx, l, true); err != nil {
		return fmt.Errorf("read the replica: %w", err)
	}
	_, err := r.ask(ctx, false, "FLUSHALL")
	return err
}

// level says whether the replica has the last that each client wrote. What they wrote is
// in one order, so it has all that they wrote before.
func (r *rig) level(ctx context.Context, l *load) bool {
	on, _, err := r.connect(ctx, true, false)
	if err != nil {
		return false
	}
	defer on.close()
	for _, c := range l.clients {
		v, err := on.ask("GET", c.name)
		if err != nil || v.Str() != fmt.Sprint(c.acked) {
			return false
		}
		if n := c.keys - 1; n >= 0 && !c.maybe[n] {
			if v, err = on.ask("GET", c.key(n)); err != nil || v.Str() != value(n) {
				return false
			}
		}
	}
	return true
}

func (r *rig) readAll(ctx context.Context, l *load, replica bool) error {
	on, _, err := r.connect(ctx, replica, false)
	if err != nil {
		return err
	}
	defer on.close()
	for _, c := range l.clients {
		if err := c.reconcile(on); err != nil {
			return err
		}
		if err := c.readKeys(on); err != nil {
			return err
		}
	}
	return nil
}

// readKeys counts the keys that were acknowledged and are not there.
func (c *client) readKeys(on *conn) error {
	const each = 500
	for from := int64(0); from < c.keys; from += each {
		args := []string{"MGET"}
		for n := from; n < min(from+each, c.keys); n++ {
			args = append(args, c.key(n))
		}
		v, err := on.ask(args...)
		if err != nil {
			return err
		}
		for i, e := range v.Elems() {
			n := from + int64(i)
			if e.Str() != value(n) && !(c.maybe[n] && e.IsNil()) {
				c.t.lose(1)
			}
		}
		if len(v.Elems()) != len(args)-1 {
			return fmt.Errorf("MGET of %d keys was answered with %d", len(args)-1, len(v.Elems()))
		}
	}
	return nil
}

// linked says whether the replica streams.
func (r *rig) linked(ctx context.Context) bool {
	v, err := r.ask(ctx, true, "ROLE")
	e := v.Elems()
	return err == nil && len(e) > 3 && e[0].Str() == "slave" && e[3].Str() == "connected"
}

// watchLink adds up how long the replica does not stream.
func (r *rig) watchLink(ctx context.Context, t *tally) {
	seen := time.Now()
	for ctx.Err() == nil {
		linked := r.linked(ctx)
		now := time.Now()
		if !linked && ctx.Err() == nil {
			t.leave(now.Sub(seen))
		}
		seen = now
		pause(ctx, 20*time.Millisecond)
	}
}
