package client

import (
	"fmt"

	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Redis's texts for commands whose keys are not all served here.
const (
	errCrossSlot resp.Error = "CROSSSLOT Keys in request don't hash to the same slot"
	errNotServed resp.Error = "CLUSTERDOWN Hash slot not served"
)

// redirect is an error that sends a client elsewhere. It stands for EXEC's whole reply.
type redirect struct{ to resp.Error }

func (r redirect) Error() string { return string(r.to) }
func (r redirect) Unwrap() error { return r.to }

// checkSlot refuses a command whose keys another node serves, or several, in a cluster.
func (c *Conn) checkSlot() error {
	if c.shared.Cluster == nil {
		return nil
	}
	return c.route(c.shared.Cluster())
}

// route says where a client is to go with the next command, or nil if that is here, by a
// map that is noted beside the command. Of EXEC the keys of all queued commands count.
func (c *Conn) route(m *cluster.Map) error {
	c.cmd.by = m
	if p := &c.cmd; m.ServesAll() && p.spec.OnlyKey(len(p.args)) > 0 {
		return nil // whatever its slot is, which takes time to find
	}
	slot, ok := c.slot()
	if m.HoldsAny() {
		switch {
		case c.queues():
			if slot != noSlot && m.Held(uint16(slot)) == cluster.HoldAll {
				return nil // it is for EXEC to wait
			}
		case c.awaitsSlot(m, slot):
			return c.parksBy(m)
		}
	}
	if slot == noSlot || ok && m.Serves(uint16(slot)) {
		return nil
	}
	switch {
	case m.Owner(uint16(slot)) == nil: // of the first key's
		return redirect{errNotServed}
	case !ok:
		return redirect{errCrossSlot}
	case m.Own(uint16(slot)) && (c.cmd.spec.Flags.Has(command.PubSub) || c.sess.ReadsReplica && c.reads()):
		return nil // a replica serves its shard's channels, whoever asks
	}
	return c.elsewhere(m, uint16(slot))
}

// rerouted asks again where the next command is to go, if there is another map than the one
// by which it was judged. It is for whoever runs a command some time after that.
func (c *Conn) rerouted() error {
	if c.shared.Cluster == nil {
		return nil
	}
	if m := c.shared.Cluster(); m != c.cmd.by {
		return c.route(m)
	}
	return nil
}

// elsewhere sends the client to who serves a slot.
func (c *Conn) elsewhere(m *cluster.Map, slot uint16) error {
	s := m.Owner(slot)
	if s == nil || s.Leader() == nil || s.Leader().ID == m.Self { // nobody, or a node that only should
		return redirect{errNotServed}
	}
	if me := m.Me(); me != nil && me.Host != "" && me.Addr(c.sess.TLS) == s.Leader().Addr(c.sess.TLS) {
		return redirect{errNotServed} // a node that was there before: the client would come back
	}
	return redirect{resp.Error(fmt.Sprintf("MOVED %d %s", slot, s.Leader().Addr(c.sess.TLS)))}
}

// slot returns the hash slot of the next command's keys, and whether all are in that.
func (c *Conn) slot() (slot slotOf, ok bool) {
	slot, ok = noSlot, true
	if p := &c.cmd; !c.sess.Tx.On || p.spec.Name != "exec" {
		ok = slot.add(p.spec, p.args)
		return slot, ok
	}
	for _, q := range c.sess.Tx.Queue {
		ok = ok && slot.add(q.Spec, q.Args)
	}
	return slot, ok
}

// reads reports whether a replica may answer the next command.
func (c *Conn) reads() bool {
	if p := &c.cmd; !c.sess.Tx.On || p.spec.Name != "exec" {
		return onlyReads(p.spec, p.args)
	}
	for _, q := range c.sess.Tx.Queue {
		if !onlyReads(q.Spec, q.Args) {
			return false
		}
	}
	return true
}

// onlyReads reports whether a replica may answer a command. What a script writes is
// refused when it does.
func onlyReads(spec *command.Spec, args command.Args) bool {
	return !spec.Flags.Has(command.Write) || spec.Reads(args) != nil
}

// slotOf is the hash slot of the first key, which all have in common.
type slotOf int

// noSlot is before the first key.
const noSlot slotOf = -1

// add has a command's keys count. It reports whether all so far are of one slot.
func (s *slotOf) add(spec *command.Spec, args command.Args) (same bool) {
	same = true
	if i := spec.OnlyKey(len(args)); i > 0 {
		slot := slotOf(value.SlotOf(args[i]))
		same = *s == noSlot || *s == slot
		if *s == noSlot {
			*s = slot
		}
		return same
	}
	for i := range spec.EachKey(args) {
		slot := slotOf(value.SlotOf(args[i]))
		if *s == noSlot {
			*s = slot
		}
		same = same && *s == slot
	}
	return same
}
