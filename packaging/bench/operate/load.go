package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ledge/respd/resp"
)

// load is the clients that write while an act is done.
type load struct {
	clients []*client
	end     context.CancelFunc
	work    sync.WaitGroup
}

// client writes: it has a counter of its own, and keys of its own that it writes once.
// Its goroutine has it until the load has stopped.
type client struct {
	r       *rig
	t       *tally
	name    string
	overTLS bool
	depth   int // of its pipelines
	leaves  int // after so many pipelines it makes another connection; 0 for never

	conn    *conn
	told    int64 // as rig.told, when it connected
	batches atomic.Int64
	last    time.Time // when it was last told that a write is done
	ops     int

	// The counter was acked when it was last known, and at most sent since. They differ
	// once a connection has ended before all replies were there.
	acked, sent int64
	keys        int64          // that were sent, from 0 on
	maybe       map[int64]bool // of these, those that were not acknowledged
}

// startLoad has clients write. Every second one has pipelines of 16, the next two of four
// use TLS, and one in four makes another connection now and then.
func (r *rig) startLoad(ctx context.Context, t *tally, name string) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{end: cancel}
	for i := range r.settings.clients {
		c := &client{r: r, t: t, name: fmt.Sprintf("%s:%d", name, i), overTLS: i/2%2 == 1, depth: 1, maybe: make(map[int64]bool)}
		if i%2 == 1 {
			c.depth = 16
		}
		if i%4 == 2 {
			c.leaves = 50
		}
		l.clients = append(l.clients, c)
		l.work.Go(func() { c.run(ctx) })
	}
	return l
}

func (l *load) stop() {
	l.end()
	l.work.Wait()
}

// goOn waits until each client has written twice more, on its way to be up to date.
func (l *load) goOn(ctx context.Context) error {
	for _, c := range l.clients {
		from := c.batches.Load()
		if err := await(ctx, c.name+" goes on", func() bool { return c.batches.Load() >= from+2 }); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) run(ctx context.Context) {
	defer c.drop()
	for n := 1; ctx.Err() == nil; n++ {
		err := c.turn(ctx)
		if err != nil && ctx.Err() == nil {
			c.t.fail("client", err)
			pause(ctx, 5*time.Millisecond)
		}
		if c.leaves > 0 && n%c.leaves == 0 || c.stale() {
			c.drop()
		}
	}
}

// stale says whether a password was changed since the client has connected.
func (c *client) stale() bool { return c.told != c.r.told.Load() }

func (c *client) drop() {
	if c.conn != nil {
		c.conn.close()
		c.conn = nil
	}
}

// turn connects, if need be, and sends a pipeline. What ctx interrupts is not begun: a
// pipeline that was sent is waited for.
func (c *client) turn(ctx context.Context) (err error) {
	if c.conn == nil {
		if c.conn, c.told, err = c.r.connect(ctx, false, c.overTLS); err != nil {
			return err
		}
	}
	if c.acked != c.sent {
		if err = c.reconcile(c.conn); err != nil {
			return c.hurt(err)
		}
	}
	if err = c.batch(); err == nil && c.batches.Add(1)%32 == 0 {
		err = c.readBack()
	}
	return c.hurt(err)
}

// hurt ends the connection if it is no good any more.
func (c *client) hurt(err error) error {
	var reply answered
	if err != nil && !errors.As(err, &reply) {
		c.drop()
	}
	return err
}

// reconcile finds out which of the increments that were not answered were done.
func (c *client) reconcile(on *conn) error {
	v, err := on.ask("GET", c.name)
	if err != nil {
		return err
	}
	n := int64(0)
	if !v.IsNil() {
		if n, err = strconv.ParseInt(v.Str(), 10, 64); err != nil {
			return err
		}
	}
	c.count(n, c.acked, c.sent)
	return nil
}

// count takes what the counter is, and what it may be.
func (c *client) count(n, least, most int64) {
	if n < least {
		c.t.lose(least - n)
	}
	if n > most {
		c.t.double(n - most)
	}
	c.acked, c.sent = n, n
}

func (c *client) key(n int64) string { return fmt.Sprintf("%s:%d", c.name, n) }

func value(n int64) string { return fmt.Sprintf("value-%d-of-a-key-that-is-written-once", n) }

// batch sends a pipeline of increments and keys in turn, and checks each reply.
func (c *client) batch() error {
	var out []byte
	first := c.ops
	c.ops += c.depth
	keys := c.keys
	for i := first; i < c.ops; i++ {
		if i%2 == 0 {
			out = resp.AppendCommand(out, "INCR", c.name)
			c.sent++
			continue
		}
		out = resp.AppendCommand(out, "SET", c.key(c.keys), value(c.keys))
		c.maybe[c.keys] = true
		c.keys++
	}
	if err := c.conn.send(out); err != nil {
		return err
	}
	var refused error
	for i := first; i < c.ops; i++ {
		v, err := c.conn.next()
		var reply answered
		switch {
		case errors.As(err, &reply):
			refused = err // it was not done, whatever it was
			if i%2 == 0 {
				c.sent--
			}
		case err != nil:
			return err
		case i%2 == 0:
			c.counted(v.Num())
		case v.Str() != "OK":
			return fmt.Errorf("SET was answered %s", v)
		default:
			delete(c.maybe, keys)
		}
		if err == nil {
			c.last = c.t.ack(1, c.last)
		}
		if i%2 == 1 {
			keys++
		}
	}
	return refused
}

// counted takes the reply of the next increment of a pipeline.
func (c *client) counted(n int64) {
	ahead := c.sent - c.acked - 1
	c.count(n, c.acked+1, c.acked+1)
	c.sent = n + ahead
}

// readBack reads the counter, and the last key that was acknowledged.
func (c *client) readBack() error {
	if err := c.reconcile(c.conn); err != nil {
		return err
	}
	n := c.keys - 1
	for n >= 0 && c.maybe[n] {
		n--
	}
	if n < 0 {
		return nil
	}
	v, err := c.conn.ask("GET", c.key(n))
	if err == nil && v.Str() != value(n) {
		c.t.lose(1)
	}
	return err
}
