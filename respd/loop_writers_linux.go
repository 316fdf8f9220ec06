//go:build !threads

package respd

import "ledge/replay"

// The connections in submit have a command that writes, and are owned by nobody but
// the loop until propose: whoever may still answer one of them here takes it out of
// submit and serves it again, since the rest of its pipeline has not run.

// propose hands the round's writers to the writer, all at once.
func (l *loop) propose() {
	if len(l.submit) == 0 {
		return
	}
	if err := l.srv.cfg.Writer.Submit(proposals(l.submit)...); err != nil {
		// Nothing was taken, so each of them is answered with why.
		for _, c := range l.submit {
			c.link.owned, c.link.again = false, true
			c.Refuse(err)
			l.enlist(c)
		}
	}
	sent := 0
	for _, c := range l.submit {
		if c.link.owned {
			c.link.proposed = true
			sent++
		}
	}
	l.gather.proposed(sent)
	clear(l.submit)
	l.submit = l.submit[:0]
}

// turnAway answers the writers that wait for a group if a script takes long:
// they would wait until it ends.
func (l *loop) turnAway() {
	err := l.srv.scripts.Busy()
	if err == nil {
		return
	}
	for _, c := range l.submit {
		c.link.owned, c.link.again = false, true
		c.TurnAway(err)
		l.enlist(c)
	}
	clear(l.submit)
	l.submit = l.submit[:0]
}

// proposals are connections as the writer sees them.
func proposals(cs []*conn) []replay.Proposal {
	ps := make([]replay.Proposal, len(cs))
	for i, c := range cs {
		ps[i] = &c.Conn
	}
	return ps
}
