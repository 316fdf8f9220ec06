package replay

import "sync/atomic"

// pen is what collections are changed with. Nodes and bodies that one pen made
// it may change in place, as long as nobody else has seen them; all others are
// copied first. A batch that is applied has a pen of its own, and so has a
// group that is evaluated.
type pen struct {
	gen  uint64         // of what it may change in place
	next *atomic.Uint64 // the state's generations
	// keeps says that steps are noted, so that a command can be undone.
	keeps bool
	steps []step
	// retired are nodes that were copied, for the pool if there is one.
	pool    *pool
	retired []*node
}

// step is one change to a body and what it was before.
type step struct {
	b     *body
	which which // of the body's trees
	did   did
	at    int
	key   uint64
	block *block
	was   *body // of exchanged
}

type did uint8

const (
	inserted  did = iota // the block at a place
	removed              // a block that was at a place, with its key
	replaced             // likewise
	counted              // what a body adds up to: its sum in key, its bytes in at
	exchanged            // the names, of which no node has been changed since
	widened              // only that it is wide, and no node
	filled               // all of it; there was nothing
	rebuilt              // both trees, of which no node has been changed since
)

// which names one of a body's trees.
type which uint8

const (
	names which = iota
	ranks
)

// fresh gives p a new generation: nothing that there is may be changed in place.
func (p *pen) fresh() { p.gen = p.next.Add(1) }

// note keeps a step.
func (p *pen) note(s step) {
	if p.keeps {
		p.steps = append(p.steps, s)
	}
}

// mark is a point that revert goes back to.
type penMark struct{ steps, retired int }

func (p *pen) mark() penMark { return penMark{len(p.steps), len(p.retired)} }

// revert takes back the steps since m. What was retired since may be in use
// again.
func (p *pen) revert(m penMark) {
	n := m.steps
	keeps := p.keeps
	p.keeps = false
	for i := len(p.steps) - 1; i >= n; i-- {
		p.steps[i].takeBack(p)
	}
	clear(p.steps[n:])
	p.steps, p.keeps = p.steps[:n], keeps
	p.drop(m.retired)
}

// retire is told that n has been copied.
func (p *pen) retire(n *node) {
	if p.pool != nil {
		p.retired = append(p.retired, n)
	}
}

// drop leaves all nodes that were retired after the first n to the collector.
func (p *pen) drop(n int) {
	clear(p.retired[n:])
	p.retired = p.retired[:n]
}

func (s *step) takeBack(p *pen) {
	t := s.b.tree(s.which)
	switch s.did {
	case inserted:
		t.remove(p, s.at, 1)
	case removed:
		t.insert(p, s.at, s.key, s.block)
	case replaced:
		t.set(p, s.at, s.key, s.block)
	case counted:
		s.b.sum, s.b.bytes = s.key, int64(s.at)
	case exchanged:
		s.b.names, s.b.wide = s.was.names, s.was.wide
	case widened:
		s.b.wide = false
	case rebuilt:
		s.b.names, s.b.ranks, s.b.wide = s.was.names, s.was.ranks, s.was.wide
	case filled:
		s.b.names.root, s.b.ranks.root, s.b.wide = nil, nil, false
	}
}

// forget drops all steps and keeps some room for others.
func (p *pen) forget() {
	if cap(p.steps) > keepRows {
		p.steps = nil
		return
	}
	clear(p.steps)
	p.steps = p.steps[:0]
}
