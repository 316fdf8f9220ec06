package scripts

import (
	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/respd/command"
)

// Redis's texts for keys that a script may not touch in a cluster.
const (
	errNotLocal  = "ERR Script attempted to access a non local key in a cluster node"
	errManySlots = "ERR Script attempted to access keys that do not hash to the same slot"
)

// cluster returns who serves which hash slot; nil if the node is none of a cluster's.
func (e *Engine) cluster() *cluster.Map {
	if e.host == nil {
		return nil
	}
	return e.host.Cluster()
}

// declared returns the hash slot of the keys that a script is called with, which are all
// of one; less than 0 if there are none, or no cluster.
func (e *Engine) declared(keys command.Args) int {
	if len(keys) == 0 || e.cluster() == nil {
		return -1
	}
	return int(value.SlotOf(keys[0]))
}

// moving reports whether a command needs a hash slot that is held while it moves to another
// shard. Those that the script was called with are asked for before it runs.
func (s *state) moving(spec *command.Spec, args command.Args) bool {
	if !s.holds() {
		return false
	}
	m, least := s.e.cluster(), cluster.HoldAll
	if spec.Writes(args) {
		least = cluster.HoldWrites
	}
	for i := range spec.EachKey(args) {
		if m.Held(value.SlotOf(args[i])) >= least {
			return true
		}
	}
	return spec.Whole
}

// holds reports whether any hash slot is held.
func (s *state) holds() bool {
	m := s.e.cluster()
	return m != nil && m.HoldsAny()
}

// elsewhere says why a script may not call a command with these keys in a cluster. The
// keys of one call are of one slot of this shard; those of all calls are, too, unless the
// script says nothing of itself or that it may touch several.
func (s *state) elsewhere(spec *command.Spec, args command.Args) string {
	m := s.e.cluster()
	if m == nil {
		return ""
	}
	slot := -1
	for i := range spec.EachKey(args) {
		n := int(value.SlotOf(args[i]))
		if slot >= 0 && n != slot || !m.Own(uint16(n)) {
			return errNotLocal
		}
		slot = n
	}
	switch r := s.run; {
	case slot < 0 || r.anySlots:
	case r.slot < 0:
		r.slot = slot
	case r.slot != slot:
		return errManySlots
	}
	return ""
}
