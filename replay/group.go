package replay

import (
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/events"
)

// Group is the draft of what shares one append, as whoever takes it through the
// journal has it: evaluate proposals, append the entries, apply them, tell the
// proposals. It holds no lock between Evaluate and Apply, so nothing that
// reads the state waits for the append. It belongs to one goroutine at a time.
type Group struct {
	s     *State
	limit int // longest value
	draft Draft
}

// NewGroup returns a group over the state; it can be used again and again, and
// keeps the room that its drafts have needed. maxValue is the longest value.
func (s *State) NewGroup(maxValue int) *Group { return &Group{s: s, limit: maxValue} }

// Evaluate drops what was drafted before and steps proposals, until the group is
// large enough for one append. It returns how many are finished, and whether the
// next has been begun. Events of the classes in wanted are noted.
//
// An error is a *fault.Panic: the last of them has panicked. Nothing of the group
// has changed anything and all of them must be told so. The class is Refused then,
// and Fatal if even undoing a command has panicked.
func (g *Group) Evaluate(at time.Time, wanted events.Class, ps []Proposal) (finished int, open bool, err error) {
	d := &g.draft
	d.reset(g.s, at, g.limit)
	d.wanted = wanted
	d.begin()
	defer d.end()
	for finished < len(ps) && !d.full() {
		if open, err = d.step(ps[finished]); !open {
			finished++
		}
		if err != nil {
			break
		}
	}
	return finished, open, err
}

// step steps a proposal. One that panics has left the draft in a way that can't
// be known, so it is dropped as a whole: nothing but the draft has been changed.
// Only if that happened while it was being undone is nothing here to be trusted.
func (d *Draft) step(p Proposal) (more bool, err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		more, err = false, fault.As(fault.Refused, "evaluate a command", fault.Caught(cause))
		if d.undoing {
			more, err = false, fault.As(fault.Fatal, "undo a command", fault.Caught(cause))
		}
		d.void()
	}()
	return p.Step(d), nil
}

// Entries are what was sealed, for one append. They are good until Evaluate is
// called again.
func (g *Group) Entries() []journal.Entry { return g.draft.entries }

// Events are what the commands did, in order, once the entries are applied.
func (g *Group) Events() []events.Event { return g.draft.events }

// Joined are proposals that have a part in what was drafted though they were not
// evaluated; see Draft.Join. They are to be told the outcome with the others.
func (g *Group) Joined() []Proposal { return g.draft.joined }

// Apply is State.Apply for the batch of the group's entries. What the commands have
// made of strings and collections is put in place, and the nodes of trees that they
// have replaced can be used again.
func (g *Group) Apply(c journal.Committed) error {
	d := &g.draft
	if !d.drafted(c.Batch()) {
		return fault.As(fault.Fatal, "apply", fmt.Errorf("number %d: %w", c.Seq(), errNotDrafted))
	}
	if err := g.s.applyMade([]journal.Committed{c}, d.made); err != nil {
		return err
	}
	d.recycle()
	return nil
}
