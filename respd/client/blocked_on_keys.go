package client

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// A client that waits in a blocking command is registered under its keys. The
// writer serves it in the middle of a group, right after the command or
// transaction that gave a key something, as Redis does: the first waiter first,
// and before whoever comes next. What it gets is an entry of its own in the
// same batch, so the waiter hears of it when the batch stands.
//
// While it waits its connection is nobody's. Whoever holds the waiter's lock and
// finds it waiting may touch the connection: the writer to serve it, the loop to
// send what had been answered before, and whoever ends the wait.

const errUnblocked resp.Error = "UNBLOCKED client unblocked via CLIENT UNBLOCK"

const errWaitsFull resp.Error = "ERR the clients that wait have too many keys together"

// waitBytes is what is reckoned for each key that a client waits for, besides the key.
const waitBytes = 192

// Waiter is one blocked client.
type Waiter struct {
	c        *Conn
	keys     []waitKey
	bytes    int           // that its keys take
	timeout  time.Duration // 0 is for ever
	since    time.Time
	serveKey func(*replay.Draft, []byte) (resp.Value, error) // Serve of its command.Block

	mu    sync.Mutex
	state waitState   // mu
	timer *time.Timer // mu; nil until it is parked and has a timeout
}

type waitState uint8

const (
	queued  waitState = iota // its own proposal is not done yet
	waiting                  // parked
	ended                    // served, or given up
)

type waitKey struct {
	db  journal.DB
	key string
}

// waiters are the blocked clients by key, in the order in which they came.
type waiters struct {
	n  atomic.Int64 // clients, so that a push can skip the lock
	mu sync.Mutex
	by map[waitKey][]*Waiter // mu
}

func (q *waiters) add(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.by == nil {
		q.by = make(map[waitKey][]*Waiter)
	}
	for _, k := range w.keys {
		if !slices.Contains(q.by[k], w) {
			q.by[k] = append(q.by[k], w)
		}
	}
	q.n.Add(1)
}

func (q *waiters) remove(w *Waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, k := range w.keys {
		rest := slices.DeleteFunc(slices.Clone(q.by[k]), func(x *Waiter) bool { return x == w })
		if len(rest) == 0 {
			delete(q.by, k)
		} else {
			q.by[k] = rest
		}
	}
	q.n.Add(-1)
}

// at returns the waiters for a key. The slice is not changed any more.
func (q *waiters) at(k waitKey) []*Waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.by[k])
}

// keysIn returns the keys of a database that somebody waits for.
func (q *waiters) keysIn(db journal.DB) (keys []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for k := range q.by {
		if k.db == db {
			keys = append(keys, k.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// all returns all waiters.
func (q *waiters) all() []*Waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	seen := make(map[*Waiter]struct{})
	var ws []*Waiter
	for _, list := range q.by {
		for _, w := range list {
			if _, ok := seen[w]; !ok {
				seen[w] = struct{}{}
				ws = append(ws, w)
			}
		}
	}
	return ws
}

// block makes the connection wait for the keys of its next command, which found
// nothing. The writer calls it.
func (c *Conn) block(v *replay.View) {
	p := &c.cmd
	b, err := p.spec.Block(v, p.args)
	if err != nil {
		c.turnAway(err)
		return
	}
	at := b.Keys
	if at == nil {
		at = p.spec.KeysOf(p.args)
	}
	// What waiting takes counts with what waits for EXEC.
	n := 0
	for _, i := range at {
		n += len(p.args[i]) + waitBytes
	}
	if c.shared.Stats.HeldTx.Load()+int64(n) > c.shared.Buffers() {
		c.turnAway(errWaitsFull)
		return
	}
	w := &Waiter{c: c, bytes: n, timeout: b.Timeout, since: c.shared.Clock(), serveKey: b.Serve}
	for _, i := range at {
		w.keys = append(w.keys, waitKey{c.sess.DB, p.args.Str(i)})
	}
	c.wait = w
	c.sess.Blocked.Store(true)
	c.shared.waiters.add(w)
}

// leaveQueue ends the wait of a connection whose proposal has failed, or whose
// wait is over.
func (c *Conn) leaveQueue() {
	w := c.wait
	if w == nil {
		return
	}
	w.mu.Lock()
	open := w.state != ended
	w.state = ended
	w.mu.Unlock()
	if open {
		c.shared.waiters.remove(w)
	}
	c.wait = nil
	c.sess.Blocked.Store(false)
}

// parked leaves the connection to whoever serves it or ends its wait, and reports
// whether there is anything to wait for.
func (c *Conn) parked() bool {
	w := c.wait
	if w == nil {
		return false
	}
	shared := c.shared
	if !w.park() {
		c.wait = nil
		c.sess.Blocked.Store(false)
		return false
	}
	if shared.follows() {
		shared.expel(w)
	} else if shared.Cluster != nil {
		shared.sendOn(w, shared.Cluster())
	}
	return true
}

// park has a waiter wait, from whose unlocking on its connection is nobody's,
// unless it has been served already.
func (w *Waiter) park() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state != queued {
		return false
	}
	w.state = waiting
	w.c.sess.LastCmd.Store(w.c.cmd.spec) // others see what it waits in
	shared := w.c.shared
	if w.timeout > 0 {
		w.timer = time.AfterFunc(max(0, w.timeout-shared.Clock().Sub(w.since)), func() {
			shared.unblock(w, resp.NilArray)
		})
	}
	w.c.wire.Park(w)
	return true
}

// Hold locks the waiter if it is waiting, and reports whether it is.
func (w *Waiter) Hold() bool {
	w.mu.Lock()
	if w.state != waiting {
		w.mu.Unlock()
		return false
	}
	return true
}

// Unhold ends a Hold. The waiter waits on.
func (w *Waiter) Unhold() { w.mu.Unlock() }

// Leave ends the wait of a client that is closed, if it still waits.
func (w *Waiter) Leave() { w.c.shared.unblock(w, resp.Nil) }

// End ends the wait of a waiter that is held. Its connection is the caller's.
func (w *Waiter) End() {
	w.state = ended
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.c.shared.waiters.remove(w)
	w.c.wait = nil
	w.c.sess.Blocked.Store(false)
}

// unblock ends a wait with a reply, and reports whether the client was waiting.
func (s *Shared) unblock(w *Waiter, val resp.Value) bool {
	if !w.Hold() {
		return false
	}
	s.release(w, val)
	return true
}

// release ends the wait of a waiter that is held with a reply.
func (s *Shared) release(w *Waiter, val resp.Value) {
	w.End()
	c := w.c
	c.tally.begin()
	c.ran(c.cmd.spec, c.cmd.args, val.IsError())
	c.reply(val)
	c.consume()
	c.Save()
	c.count()
	c.wire.Back()
}

// Unblock ends the wait of the connection's client.
func (c *Conn) Unblock(withError bool) bool {
	cause := errReleased
	if withError {
		cause = errUnblocked
	}
	if c.unblock(cause) {
		return true
	}
	for _, w := range c.shared.waiters.all() {
		if w.c != c {
			continue
		}
		if withError {
			return c.shared.unblock(w, resp.Err(errUnblocked))
		}
		return c.shared.unblock(w, resp.NilArray)
	}
	return false
}

// refuse answers all waiters with an error: nobody can write, so what
// they wait for will not come soon.
func (q *waiters) refuse(s *Shared, err error) {
	if q.n.Load() == 0 {
		return
	}
	for _, w := range q.all() {
		s.unblock(w, resp.FromError(err))
	}
}

// serve gives the waiters what the entries sealed last have brought. What one
// of them does may serve another. The writer calls it.
func (q *waiters) serve(d *replay.Draft) {
	if q.n.Load() == 0 {
		return
	}
	for keys := d.Ready(); len(keys) > 0; keys = d.Ready() {
		for _, r := range keys {
			if !r.All {
				q.serveKey(d, waitKey{r.DB, r.Key})
				continue
			}
			for _, key := range q.keysIn(r.DB) {
				q.serveKey(d, waitKey{r.DB, key})
			}
		}
	}
}

func (q *waiters) serveKey(d *replay.Draft, k waitKey) {
	key := []byte(k.key)
	for _, w := range q.at(k) {
		if d.Select(k.db); !d.Exists(key) {
			return
		}
		w.serve(d, key)
	}
}

// serve runs the waiter's command on the key if it still waits.
func (w *Waiter) serve(d *replay.Draft, key []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == ended {
		return
	}
	c, spec, args := w.c, w.c.cmd.spec, w.c.cmd.args
	m := d.Mark()
	val, err := w.attempt(d, m, key)
	if err != nil {
		d.Undo(m)
	}
	if err == command.ErrWait {
		return
	}
	if err != nil {
		val = resp.FromError(err)
	} else {
		d.Seal(c.who())
	}
	if w.state == waiting {
		d.Join(c)
		c.tally.begin()
		c.Save() // what has been sent since it was parked can't be taken back
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.state = ended
	c.shared.waiters.remove(w)
	c.ran(spec, args, val.IsError())
	c.reply(val)
	c.consume()
}
