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
			if p.keys == 0 {
				break
			}
			removed(p.keys)
		}
	}
}

// due reports whether any key has expired.
func (s *State) due(now time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := false
	for _, db := range s.dbs {
		for _, index := range []*deadlines{&db.dead, &db.fields} {
			index.due(now.UnixMilli(), func(string) bool {
				found = true
				return false
			})
		}
	}
	return found
}

// sweep is the proposal that removes up to sweepStep expired keys.
type sweep struct {
	state *State
	keys  int // and fields
	err   error
}

func (p *sweep) Step(d *Draft) bool {
	for i := range p.state.dbs {
		n := journal.DB(i)
		if d.overlay.dbs[n].base != n || len(d.overlay.dbs[n].cleared) > 0 {
			continue // exchanged or cleared in this very group: next time
		}
		p.state.dbs[n].dead.due(d.now, func(key string) bool {
			// An earlier command of the group may have given it a new life.
			if r, ok := d.overlay.get(n, key); ok && r.Expired(d.now) {
				if d.emit(&journal.KeyDelete{DB: n, Key: key}) != nil {
					return false
				}
				d.note(events.Expired, "expired", n, key)
				p.keys++
			}
			return p.keys < sweepStep
		})
		p.sweepFields(d, n)
	}
	d.Seal(nil)
	return false
}

// sweepFields removes expired fields of hashes.
func (p *sweep) sweepFields(d *Draft, n journal.DB) {
	p.state.dbs[n].fields.due(d.now, func(key string) bool {
		gone, err := d.sweepFields(n, key, sweepStep-p.keys)
		p.keys += gone
		return err == nil && p.keys < sweepStep
	})
}

func (p *sweep) Settle(err error) { p.err = err }

func (p *sweep) Done() {}
