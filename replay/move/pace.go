package move

import (
	"context"
	"time"

	"ledge/journal"
	"ledge/replay/cluster"
)

// What clients write to slots that move goes to the target before further rows do. If they
// write more than the target takes in, the copy never ends. Then the source has writes to
// these slots wait for a part of the time: the more, the longer the target does not come
// nearer.

const (
	// paceAfter is for how long the target must not have come nearer before writes wait,
	// paceEvery how often it is looked once they did.
	paceAfter = 5 * time.Second
	paceEvery = time.Second
	// paceHold is how long writes wait at a time at least, paceFree how long they don't.
	paceHold = 50 * time.Millisecond
	paceFree = 4 * time.Millisecond
	// paceMost is how often the time in which they don't wait is halved at most.
	paceMost = 6
	// paceNear is how often in turn the target must be near before they wait less.
	paceNear = 3
)

// pace is how a target keeps up with what is written.
type pace struct {
	lag    journal.Seq // numbers that it was behind when that was looked at last
	looked time.Time
	late   bool // it did not keep up once, so it is looked more often
	halved int  // how often the time in which writes go on was halved
	near   int  // how often in turn it was near since that has changed
	holds  bool
}

// takes in how far the target is behind at a time. It reports whether that has changed
// how much writes have to wait.
func (p *pace) takes(lag, near journal.Seq, now time.Time) bool {
	every, before := paceAfter, p.halved
	if p.late {
		every = paceEvery
	}
	if now.Sub(p.looked) < every {
		return false
	}
	switch {
	case lag <= near:
		if p.near++; p.near >= paceNear {
			p.halved, p.near = max(0, p.halved-1), 0
		}
	case lag > p.lag-p.lag/4:
		p.halved, p.near, p.late = min(paceMost, p.halved+1), 0, true
	default:
		p.near = 0
	}
	p.lag, p.looked = lag, now
	return p.halved != before
}

// times returns how long writes wait at a time, and how long they go on after that.
func (p *pace) times() (wait, free time.Duration) {
	parts := time.Duration(1<<p.halved - 1)
	wait = max(paceHold, parts*paceFree)
	return wait, wait / parts
}

// keepsUp takes in how far a target is behind, and decides how much writes have to wait.
func (m *Mover) keepsUp(id journal.MoveID, lag journal.Seq) {
	now := m.cfg.Clock()
	m.mu.Lock()
	p := m.paces[id]
	if p == nil {
		p = &pace{lag: lag, looked: now}
		m.paces[id] = p
	}
	ranOut := 0
	if known := m.progress[id]; known != nil {
		ranOut = known.RanOut
	}
	before := p.halved
	changed := p.takes(lag, nearAfter(ranOut), now)
	halved := p.halved
	m.mu.Unlock()
	if !changed {
		return
	}
	m.note(id, func(p *Progress) { p.Paced = 1 - 1/float64(int(1)<<halved) })
	if before == 0 {
		m.cfg.Logger.Warn("more is written to slots than the target of their move takes in: writes to them wait a part of the time",
			"move", id, "behind", lag)
		m.nudge(id)
	}
}

// paced has writes to a move's slots wait for a moment, and then go on for one, if they have
// to. It reports whether they do.
func (m *Mover) paced(ctx context.Context, of cluster.Move) bool {
	m.mu.Lock()
	p := m.paces[of.ID]
	if p == nil || p.halved == 0 || of.Phase != cluster.Copying {
		m.mu.Unlock()
		return false
	}
	if m.cfg.Clock().Sub(p.looked) > 2*paceAfter { // nothing is heard of the target
		delete(m.paces, of.ID)
		m.mu.Unlock()
		m.note(of.ID, func(p *Progress) { p.Paced = 0 })
		return false
	}
	wait, free := p.times()
	p.holds = true
	m.holdLocked()
	m.mu.Unlock()
	pause(ctx, wait)
	m.mu.Lock()
	p.holds = false
	m.holdLocked()
	m.mu.Unlock()
	pause(ctx, free)
	return true
}

// pause waits for some time, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// pacedLocked returns the slots to which writes wait since the target does not keep up.
func (m *Mover) pacedLocked() (writes []journal.SlotRange) {
	for id, p := range m.paces {
		if !p.holds {
			continue
		}
		if of, ok := m.find(id); ok && of.Phase == cluster.Copying {
			writes = append(writes, of.Ranges...)
		}
	}
	return writes
}
