package replay

// Proposal is something that wants to change the state: what one client sent
// at once, or one step of the sweeper. Its methods are called by one goroutine,
// the one that writes.
type Proposal interface {
	// Step evaluates the next command on d and reports whether more follow.
	// It calls Seal when the command stands, and keeps the reply.
	Step(d *Draft) (more bool)
	// Settle tells the outcome of everything stepped since the last Settle.
	// Nil means that it is in the journal and applied. Otherwise nothing of
	// it has changed anything: replies that were kept must be dropped, and
	// reads among them, which may have seen what now never was, run again.
	Settle(err error)
	// Done says that the proposal is finished, and how it ended as a whole.
	// Nothing is called afterwards.
	Done()
}
