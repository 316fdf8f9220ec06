package value

import "sync/atomic"

// Pen is what collections are changed with. Nodes and bodies that one pen made
// it may change in place, as long as nobody else has seen them; all others are
// copied first. A batch that is applied has a pen of its own, and so has a
// group that is evaluated.
type Pen struct {
	gen  uint64         // of what it may change in place
	next *atomic.Uint64 // the state's generations
	// keeps says that steps are noted, so that a command can be undone.
	keeps bool
	steps []step
	// retired are nodes that were copied, for the pool if there is one.
	pool    *Pool
	retired []*node
}

// NewPen returns a pen that takes its generations from next, and whose changes
// can't be taken back.
func NewPen(next *atomic.Uint64) Pen {
	p := Pen{next: next}
	p.Fresh()
	return p
}

// Begin makes a pen ready for a group, whose changes can be taken back. It takes
// its generations from next and its nodes from the pool.
func (p *Pen) Begin(next *atomic.Uint64, pool *Pool) {
	p.next, p.keeps, p.pool = next, true, pool
	p.drop(0)
	p.Fresh()
}

// step is one change to a body and what it was before.
type step struct {
	of    *common
	which which // of the body's trees
	did   did
	at    int
	key   uint64
	block *Block
	was   *common // of exchanged and rebuilt
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

// Fresh gives p a new generation: nothing that there is may be changed in place.
func (p *Pen) Fresh() { p.gen = p.next.Add(1) }

// note keeps a step.
func (p *Pen) note(s step) {
	if p.keeps {
		p.steps = append(p.steps, s)
	}
}

// Mark is a point that Revert goes back to.
type Mark struct{ steps, retired int }

// Mark returns where the pen is.
func (p *Pen) Mark() Mark { return Mark{len(p.steps), len(p.retired)} }

// Revert takes back the steps since m. What was retired since may be in use
// again.
func (p *Pen) Revert(m Mark) {
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
func (p *Pen) retire(n *node) {
	if p.pool != nil {
		p.retired = append(p.retired, n)
	}
}

// Recycle gives the nodes that the pen has replaced to its pool, if unseen: no
// view, pin or walk may come upon them. Otherwise the collector has them.
func (p *Pen) Recycle(unseen bool) {
	if unseen && p.pool != nil {
		p.pool.give(p.retired)
	}
	p.drop(0)
}

// drop leaves all nodes that were retired after the first n to the collector.
func (p *Pen) drop(n int) {
	clear(p.retired[n:])
	p.retired = p.retired[:n]
}

func (s *step) takeBack(p *Pen) {
	t := s.of.tree(s.which)
	switch s.did {
	case inserted:
		t.remove(p, s.at, 1)
	case removed:
		t.insert(p, s.at, s.key, s.block)
	case replaced:
		t.set(p, s.at, s.key, s.block)
	case counted:
		s.of.sum, s.of.bytes = s.key, int64(s.at)
	case exchanged:
		s.of.names, s.of.wide = s.was.names, s.was.wide
	case widened:
		s.of.wide = false
	case rebuilt:
		s.of.names, s.of.ranks, s.of.wide = s.was.names, s.was.ranks, s.was.wide
	case filled:
		s.of.names.root, s.of.ranks.root, s.of.wide = nil, nil, false
	}
}

// keptSteps is for how many steps the memory is kept.
const keptSteps = 8192

// Forget drops all steps and keeps some room for others.
func (p *Pen) Forget() {
	if cap(p.steps) > keptSteps {
		p.steps = nil
		return
	}
	clear(p.steps)
	p.steps = p.steps[:0]
}
