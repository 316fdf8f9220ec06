package appliance

import "ledge/appliance/process"

// What bounds the memory of a node.
const (
	boundByNothing = "none"
	boundByOption  = "max-memory"
	boundByGroup   = "cgroup"
)

// boundByGroup finds out what fits the control group that the process is in: the
// kernel kills what goes past that.
func (n *Node) boundByGroup() {
	limit := process.GroupLimit()
	if limit == 0 {
		return
	}
	n.group = process.WithinGroup(limit)
	if n.live.Load().MaxMemory == 0 {
		n.cfg.Logger.Info("memory is bounded, since the process's control group is", "bytes", n.group, "group", limit)
	}
}

// memoryBound returns what the process may take, 0 for any, and what says so: max-memory
// as it is set, or else the control group.
func (n *Node) memoryBound() (most int64, by string) {
	switch set := n.live.Load().MaxMemory; {
	case set > 0:
		return set, boundByOption
	case n.group > 0:
		return n.group, boundByGroup
	}
	return 0, boundByNothing
}

// boundNow returns what the process may take, 0 for any.
func (n *Node) boundNow() int64 {
	most, _ := n.memoryBound()
	return most
}
