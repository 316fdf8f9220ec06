package cluster

// MaxStamp is the last stamp of a record. The one after it is 1: stamps go round, so that
// there is one after each, whatever a node has heard of itself. Nodes begin with the time in
// milliseconds, so honest stamps of one node are close together, and the shorter of the two
// ways from one to another says which is later. What somebody makes up who has the cluster's
// secret is either more than half of the way round ahead, which is before what is known, or
// the node goes on from there.
const MaxStamp = 1 << 62

// nextStamp returns the stamp after one.
func nextStamp(stamp uint64) uint64 { return stamp%MaxStamp + 1 }

// later reports whether a stamp is later than another one. Of two that are just as far from
// each other either way, neither is.
func later(a, b uint64) bool { return (a-b)%MaxStamp > 0 && (a-b)%MaxStamp < MaxStamp/2 }

// notLater reports whether a stamp is known not to be later than another one.
func notLater(a, b uint64) bool { return (a-b)%MaxStamp == 0 || later(b, a) }
