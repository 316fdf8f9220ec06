package replay

import (
	"context"
	"time"

	"ledge/journal"
	"ledge/replay/events"
)

// Sweeping removes expired keys in small steps, so that no client waits long for
// one of them.
const (
	sweepEvery = 100 * time.Millisecond
	sweepStep  = 1000 // keys in one proposal
)

// proposer takes proposals through the journal, as the sweeper needs it.
type proposer interface {
	// Refusal returns what a write is refused with at present, or nil. frees says
	// that it is one that frees room.
	Refusal(frees bool) error
	// Propose returns when p is done.
	Propose(ctx context.Context, p Proposal) error
}

// Sweep removes expired keys until ctx ends. A removal is an effect like any
// other, decided by this node's clock and journaled, so that recovery and
// replicas need no clock. removed is told how many keys each step took away.
func (s *State) Sweep(ctx context.Context, w proposer, clock func() time.Time, removed func(keys int)) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for w.Refusal(true) == nil && s.due(clock()) {
			p := &sweep{state: s}
			if err := w.Propose(ctx, p); err != nil || p.err != nil {
				break // the writer said why; the next tick tries again
			}
			if p.keys > 0 {
				removed(p.keys)
			} else if !p.more {
				break
			}
		}
	}
}

// due reports whether any key has expired, or there may be one after hidden ones.
func (s *State) due(now time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, at := false, now.UnixMilli()
	first := func(string) bool {
		found = true
		return false
	}
	for _, db := range s.dbs {
		more := db.due(&db.dead, &db.passedDead, at, first)
		more = db.due(&db.fields, &db.passedFields, at, first) || more
		found = found || more
	}
	return found
}

// sweep is the proposal that removes up to sweepStep expired keys.
type sweep struct {
	state *State
	keys  int  // and fields
	more  bool // keys that are due may come after hidden ones
	err   error
}

func (p *sweep) Step(d *Draft) bool {
	for i := range p.state.dbs {
		n := journal.DB(i)
		if d.overlay.dbs[n].base != n || len(d.overlay.dbs[n].cleared) > 0 {
			continue // exchanged or cleared in this very group: next time
		}
		db := p.state.dbs[n]
		more := db.due(&db.dead, &db.passedDead, d.now, func(key string) bool {
			// An earlier command of the group may have given it a new life, or its slot away.
			if r, ok := d.overlay.get(n, key); ok && r.Expired(d.now) && d.shown().hasKey(key) {
				if err := d.emit(&journal.KeyDelete{DB: n, Key: key}); err != nil {
					return err == ErrHeld
				}
				d.note(events.Expired, "expired", n, key)
				p.keys++
			}
			return p.keys < sweepStep
		})
		p.more = p.sweepFields(d, n) || more || p.more
	}
	d.Seal(nil)
	return false
}

// sweepFields removes expired fields of hashes, and reports what database.due does.
func (p *sweep) sweepFields(d *Draft, n journal.DB) (more bool) {
	db := p.state.dbs[n]
	return db.due(&db.fields, &db.passedFields, d.now, func(key string) bool {
		if !d.shown().hasKey(key) {
			return true
		}
		gone, err := d.sweepFields(n, key, sweepStep-p.keys)
		p.keys += gone
		return (err == nil || err == ErrHeld) && p.keys < sweepStep
	})
}

func (p *sweep) Settle(err error) { p.err = err }

func (p *sweep) Done() {}
