package client

import (
	"context"
	"slices"
	"sync"
	"time"

	"ledge/replay"
	"ledge/respd/command"
)

const (
	// elementBytes is what is reckoned for each element that a read looks at: its place
	// in the reply before that is encoded, and a short value in what is encoded.
	elementBytes = 64
	// besideBytes and slowBytes are what is reckoned at least for a read beside the
	// loop, the second for one of which nobody can say how much it looks at.
	besideBytes = 4 << 20
	slowBytes   = 64 << 20
	// mostCrowded is how long a read waits for room at most.
	mostCrowded = 5 * time.Second
)

// crowds reports whether the next command may have a reply for which there is no room
// at present: it has to wait until clients have taken theirs. Whoever calls it has
// found that clients hold much already.
func (c *Conn) crowds(v *replay.View) bool {
	n := c.reach(v)
	if n < keepBuffer {
		return false
	}
	s, now := c.shared, int64(Elapsed())
	if int64(n)+s.Stats.Held() <= s.Buffers() {
		s.waits.Store(0)
		c.waits = 0
		return false
	}
	s.waits.CompareAndSwap(0, now)
	s.waited.Store(now)
	if c.waits == 0 {
		c.waits = now
	}
	// It may be that many hold a little each. Then it goes by what happens.
	if now-c.waits > int64(mostCrowded) {
		c.waits = 0
		return false
	}
	return true
}

// reach is about how many bytes the next command looks at, or EXEC's.
func (c *Conn) reach(v *replay.View) (n int) {
	v.Select(c.sess.DB)
	if !c.sess.Tx.On {
		return reach(v, c.cmd.spec, c.cmd.args)
	}
	for _, q := range c.sess.Tx.Queue {
		n += reach(v, q.Spec, q.Args)
	}
	return n
}

// reach is about how many bytes a read looks at, and may answer with.
func reach(v *replay.View, spec *command.Spec, args command.Args) (n int) {
	if spec.Reads(args) == nil {
		return 0
	}
	for _, i := range spec.KeysOf(args) {
		n += v.Weight(args[i]) * elementBytes
	}
	return n
}

// readWeight is how much memory is reckoned for the next command, a read that runs
// beside the loop, until its reply is counted.
func (c *Conn) readWeight() int64 {
	if c.cmd.judged != exec && !c.cmd.spec.Flags.Has(command.Big) {
		return slowBytes
	}
	n := 0
	_ = c.shared.State.View(c.shared.Clock(), func(v *replay.View) error {
		n = c.reach(v)
		return nil
	})
	return int64(max(besideBytes, n))
}

// readRoom bounds what the reads beside the loop may take at the same time. They come
// in the order in which they ask. Nobody waits in it for a client: a read that has a
// place ends by itself.
type readRoom struct {
	mu    sync.Mutex
	taken int64         // mu
	line  []*roomWaiter // mu; in the order in which they came, one for a client at most
}

// roomWaiter is a read that waits for room.
type roomWaiter struct {
	n, most int64
	in      chan struct{} // closed when it has its room
}

// enter waits for room for n bytes of most, or until ctx ends, whose cause it returns
// then. Something that needs more than there is at all has it alone.
func (r *readRoom) enter(ctx context.Context, n, most int64) error {
	w := &roomWaiter{n: n, most: most, in: make(chan struct{})}
	r.mu.Lock()
	r.line = append(r.line, w)
	r.admit()
	r.mu.Unlock()
	select {
	case <-w.in:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.line, w); i >= 0 {
		r.line = slices.Delete(r.line, i, i+1)
	} else { // it was let in at the same time
		r.taken -= n
	}
	r.admit()
	return context.Cause(ctx)
}

// admit lets those in, from the head of the line, for whom there is room. The caller
// holds mu.
func (r *readRoom) admit() {
	for len(r.line) > 0 {
		w := r.line[0]
		if r.taken > 0 && r.taken+w.n > w.most {
			return
		}
		r.taken += w.n
		close(w.in)
		r.line = slices.Delete(r.line, 0, 1)
	}
}

// leave gives the room back.
func (r *readRoom) leave(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken -= n
	r.admit()
}
