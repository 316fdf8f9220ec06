package client

import (
	"fmt"
	"sync/atomic"

	"ledge/journal/fault"
)

// Gate refuses commands for what goes on outside of the server: a node that is
// still loading its data, too few replicas, or a leader that has not been heard of
// for too long. It may be set from any goroutine, and is looked at for each command.
type Gate struct {
	reads, writes atomic.Pointer[error]
	loading       atomic.Bool
}

// Load has commands without the flag Loading refused, or not any more.
func (g *Gate) Load(on bool) { g.loading.Store(on) }

// Set has commands that read data refused with reads, and those that write with
// writes; nil refuses none.
func (g *Gate) Set(reads, writes error) {
	set := func(p *atomic.Pointer[error], err error) {
		if err == nil {
			p.Store(nil)
		} else {
			p.Store(&err)
		}
	}
	set(&g.reads, reads)
	set(&g.writes, writes)
}

// Closed reports whether anything is refused.
func (g *Gate) Closed() bool { return g.reads.Load() != nil || g.writes.Load() != nil }

func (g *Gate) refusesReads() error  { return refusalIn(&g.reads) }
func (g *Gate) refusesWrites() error { return refusalIn(&g.writes) }

func refusalIn(p *atomic.Pointer[error]) error {
	if err := p.Load(); err != nil {
		return *err
	}
	return nil
}

// MayWrite returns why nothing may be written at the moment, or nil: the journal
// takes nothing, the node follows a leader, or has too few replicas. Whoever is
// about to write asks here: clients' commands, and scripts. frees says that it is
// a write that frees room.
func (s *Shared) MayWrite(frees bool) error {
	if err := s.Writer.Refusal(frees); err != nil {
		return misconf(err)
	}
	return s.Replica.refusesWrites()
}

// Refuse answers the next command, which the writer has not taken.
func (c *Conn) Refuse(err error) { c.turnAway(misconf(err)) }

// misconf words why a write was not taken as clients see it.
func misconf(err error) error {
	if fault.Of(err) == fault.Refused {
		return err
	}
	return fmt.Errorf("MISCONF the journal takes no writes: %w", err)
}
