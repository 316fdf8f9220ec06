package appliance

import (
	"context"
	"errors"
	"math"
	"net"
	"strconv"

	"ledge/appliance/options"
	"ledge/replay/remote"
	"ledge/respd"
	"ledge/respd/command"
)

// params are the parameters of CONFIG that the node has: those that show its
// options, and those that Redis's tools ask for. The server has some of its own.
func (n *Node) params() []command.Param {
	list := []command.Param{
		fixedParam("appendonly", "yes"),
		fixedParam("save", ""),
		fixedParam("maxmemory-policy", "noeviction"),
	}
	at := n.cfg
	at.Dir, at.Node = n.dir.path, n.dir.node // as they turned out to be
	for _, r := range options.Table() {
		for _, p := range r.Params {
			switch {
			case p.Server:
			case p.Live:
				list = append(list, n.liveParam(r, p))
			default:
				fixed := fixedParam(p.Name, r.Show(p, at))
				fixed.Owner = r.Name
				list = append(list, fixed)
			}
		}
	}
	return list
}

func fixedParam(name, value string) command.Param {
	return command.Param{Name: name, Get: func() string { return value }}
}

// liveParam is a parameter that CONFIG SET changes by the option's own rule. One
// is changed at a time: the list of parameters sees to it.
func (n *Node) liveParam(r options.Row, p options.Param) command.Param {
	live := command.Param{Name: p.Name, Owner: r.Name,
		Get: func() string { return r.Show(p, Config{Live: liveNow(n)}) },
		Set: func(v string, apply bool) error {
			l := liveNow(n)
			if err := r.Change(p, &l, v); err != nil {
				return err
			}
			if l.LogLevel != n.live.Load().LogLevel && n.cfg.Level == nil {
				return errors.New("the log is not the node's own")
			}
			if apply {
				n.takeLive(l)
			}
			return nil
		}}
	if r.Name == "sync" || r.Name == "sync-interval" {
		live.Begin = func(ctx context.Context, v string) error {
			l := liveNow(n)
			if err := r.Change(p, &l, v); err != nil {
				return err
			}
			return setSyncing(ctx, n, l)
		}
	}
	if p.Partial {
		live.Whole = func(v string) string {
			l := *n.live.Load()
			_ = r.Change(p, &l, v) // it was tried before
			return r.Show(p, Config{Live: l})
		}
	}
	return live
}

// takeLive has what can change while the node runs be as l says.
func (n *Node) takeLive(l options.Live) {
	before := n.live.Swap(&l)
	if policy := resumePolicy(&l); policy != resumePolicy(before) {
		n.writer.Health().SetPolicy(policy)
	}
	if l.MaxMemory != before.MaxMemory {
		n.bound.tell(told{n.mem, n.server})
	}
	if n.cfg.Level != nil {
		n.cfg.Level.Set(l.LogLevel)
	}
	if l.Output != before.Output || l.IdleTimeout != before.IdleTimeout {
		n.server.SetLimits(clientLimits(&l))
	}
	n.server.SetKeepAlive(max(0, l.TCPKeepAlive))
	if l.ClusterNodeTimeout != before.ClusterNodeTimeout {
		n.member.moved()
	}
	n.gate.judge() // the next command is judged by what was set
}

// takeSettings puts what was set at run time, before the node was started anew, in
// place of what the configuration says. No part of the node has looked at that yet,
// but those that bound it while it opens.
func (n *Node) takeSettings() {
	n.set = newSettings(n)
	c := n.cfg
	c.Live = *n.live.Load()
	n.set.overlay(&c)
	live := c.Live
	n.live.Store(&live)
	c.Live = options.Live{}
	n.cfg = c
	n.mem.SetLimit(n.bound.now())
	if n.cfg.Level != nil {
		n.cfg.Level.Set(live.LogLevel)
	}
}

// announced returns where Redis clients reach the node, whose connection the
// leader sees come from an address.
func (n *Node) announced(seen net.IP) string {
	l := n.live.Load()
	host, port := orDefault(l.AnnounceHost, seen.String()), strconv.Itoa(l.AnnouncePort)
	if l.AnnouncePort == 0 {
		_, port, _ = net.SplitHostPort(n.server.Addr().String())
	}
	return net.JoinHostPort(host, port)
}

// clientLimits returns what a client may have. Where all together may have less, that is
// the bound.
func clientLimits(l *options.Live) respd.Limits {
	hard := func(o options.OutputLimit) int {
		if o.Hard == 0 {
			return math.MaxInt
		}
		return int(min(o.Hard, math.MaxInt))
	}
	normal, push := l.Output.Normal, l.Output.PubSub
	limits := respd.Limits{Idle: l.IdleTimeout, MaxOutput: hard(normal),
		SoftOutput: int(min(normal.Soft, math.MaxInt)), SoftFor: normal.SoftFor,
		Push: respd.PushLimit{Hard: hard(push), Soft: int(min(push.Soft, math.MaxInt)), SoftFor: max(1, push.SoftFor)}}
	if push.Soft == 0 {
		limits.Push.Soft = math.MaxInt
	}
	return limits
}

// timeouts returns what a replica waits for at most.
func timeouts(l *options.Live) remote.Timeouts {
	return remote.Timeouts{Connect: l.ConnectTimeout, Fetch: l.FetchTimeout, Chunk: l.SyncChunkTimeout,
		Attempts: l.SyncAttempts}
}
