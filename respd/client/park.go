package client

import (
	"errors"
	"time"

	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// A slot that goes to another shard is held for a moment by the cluster's map: commands on
// it are parked. Their connections are served again once there is another map, by which they
// run here or are sent elsewhere. Nothing is done by a map that is of the past: the writer
// asks again about a command that was judged by another map than there is. So once a map is
// in place that holds a slot, and a proposal has been settled that was queued after that, no
// write to the slot is under way, and none comes until there is another map.

// mostParked bounds how long a command is parked, whatever becomes of the move.
const mostParked = 3 * time.Second

// errParked is for the next command, which is not to be answered yet.
var errParked = errors.New("the next command waits for a slot that is moving")

// parking is how the next command waits for a slot.
type parking struct {
	since time.Duration // by Elapsed; 0 is that it does not
	// reached is the map by which a command was judged that has found, as it ran, that it
	// needs a held slot: a script may need one of which its keys don't tell. It waits for
	// another map.
	reached *cluster.Map
}

// awaitsSlot reports whether the next command, whose keys are in slot, waits by this map.
func (c *Conn) awaitsSlot(m *cluster.Map, slot slotOf) bool {
	p := &c.cmd
	if c.parking.reached == m || p.spec.Whole {
		return true
	}
	tx := c.sess.Tx.On && p.spec.Name == "exec"
	writes := p.spec.Writes(p.args)
	if tx {
		writes = c.execKind() == execWrite
	}
	least := cluster.HoldAll
	if writes {
		least = cluster.HoldWrites
	}
	return slot != noSlot && m.Held(uint16(slot)) >= least || tx && c.execAwaits(m)
}

// execAwaits reports whether EXEC waits for more than the slot of its keys: for all that a
// command of it clears, or for a slot of which nobody knows who changes its watched keys.
func (c *Conn) execAwaits(m *cluster.Map) bool {
	for _, q := range c.sess.Tx.Queue {
		if q.Spec.Whole {
			return true
		}
	}
	for _, w := range c.sess.Tx.Watches {
		if _, key := w.Key(); m.Held(value.Slot(key)) == cluster.HoldAll {
			return true
		}
	}
	return false
}

// watchesGone reports whether a watched key has gone to another shard, which changes it
// unseen.
func (c *Conn) watchesGone(tx *command.Tx) bool {
	if c.cmd.by == nil {
		return false
	}
	for _, w := range tx.Watches {
		if _, key := w.Key(); !c.cmd.by.Here(value.Slot(key)) {
			return true
		}
	}
	return false
}

// parksBy has the next command wait, unless it has for too long.
func (c *Conn) parksBy(m *cluster.Map) error {
	if since := c.parking.since; since != 0 && Elapsed()-since >= mostParked {
		return redirect{command.ErrMoving}
	}
	c.cmd.by = m
	return errParked
}

// park notes that the next command waits for a slot.
func (c *Conn) park() Outcome {
	if c.parking.since == 0 {
		c.parking.since = max(1, Elapsed())
		c.shared.Stats.Parked.Add(1)
	}
	return Held
}

// unpark is told that the next command is answered, or tried again.
func (c *Conn) unpark() {
	if since := c.parking.since; since != 0 {
		took := int64(Elapsed() - since)
		for most := &c.shared.Stats.ParkedMost; ; {
			if n := most.Load(); n >= took || most.CompareAndSwap(n, took) {
				break
			}
		}
	}
	c.parking = parking{}
}

// reaches is told that a command, as it ran, has needed a slot that is held: nothing of it
// stands, and it is run again by another map than the one by which it was judged. That may be
// there already.
func (c *Conn) reaches() { c.parking.reached = c.cmd.by }

// needsHeld reports whether a write has failed because it needs a slot that is held. What the
// state refuses is awaited only while the map holds slots: otherwise nobody would say when
// that ends.
func (c *Conn) needsHeld(err error) bool {
	if err == command.ErrMoving {
		return true
	}
	return c.shared.Cluster != nil && errors.Is(err, replay.ErrHeld) && c.shared.Cluster().HoldsAny()
}

// reachesHeld reports whether a reply says so of a script.
func reachesHeld(spec *command.Spec, val *resp.Value) bool {
	return spec.Flags.Has(command.Scripted) && val.IsError() && val.ErrorText() == string(command.ErrMoving)
}

// Parked returns the map by which the next command waits for a slot, nil if it does not,
// and until when at most, by Elapsed.
func (c *Conn) Parked() (by *cluster.Map, until time.Duration) {
	if c.parking.since == 0 {
		return nil, 0
	}
	return c.cmd.by, c.parking.since + mostParked
}
