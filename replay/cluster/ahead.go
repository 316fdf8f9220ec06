package cluster

// Ahead is a document that a node was told and that its journal has not got: it follows, and
// its leader need not have been told.
type Ahead struct {
	Version uint64
	*Document
	// Force says that the document holds though the journal's is newer.
	Force bool
	// Before is what the journal had when the node was told.
	Before *Topology
}

// Holds reports whether the document holds yet where the journal has a topology. One that was
// forced does as long as the journal's document is the one that there was: moves and further
// entries that say the same make another topology of it.
func (a *Ahead) Holds(now *Topology) bool {
	switch {
	case now == nil || a.Version > now.Version:
		return true
	case !a.Force || a.Before == nil:
		return false
	case a.Before == now:
		return true
	case a.Version == now.Version && a.Document.Text() == now.Document.Text():
		return false // the journal has it, as far as can be told
	}
	return a.Before.Version == now.Version && a.Before.Document.Text() == now.Document.Text()
}
