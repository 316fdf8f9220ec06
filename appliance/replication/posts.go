package replication

import "ledge/replay/wire"

// Posts are what a node tells its replicas and its leader of what clients publish.
type Posts struct{ Of *Replication }

// TellReplicas tells the node's replicas of what a client has published, but for the one of
// the run from which it came. It waits for nobody.
func (p Posts) TellReplicas(m wire.Post, except string) {
	if l := p.Of.leader.Load(); l != nil {
		l.Tell(m, except)
	}
}

// Followed reports whether there may be replicas to be told.
func (p Posts) Followed() bool {
	l := p.Of.leader.Load()
	return l != nil && l.Followed()
}

// TellLeader tells the node that the node follows of what a client has published. It reports
// false if the node follows none. It waits for nobody.
func (p Posts) TellLeader(m wire.Post) (follows bool) {
	f := p.Of.shown.Load()
	if f.link != nil {
		f.link.Tell(m)
	}
	return f.url != ""
}

// Untold returns how many messages were not told to a replica, or to the node's leader.
func (p Posts) Untold() int64 { return p.Of.untold.Load() }

// fromLeader returns what is given messages that the node's leader tells of.
func (p Posts) fromLeader() func([]wire.Post) {
	if p.Of.cfg.Heard == nil {
		return nil
	}
	return func(posts []wire.Post) { p.Of.cfg.Heard(posts, "") }
}
