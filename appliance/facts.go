package appliance

import (
	"cmp"
	"context"
	"os"
	"strconv"
	"time"

	"ledge/appliance/options"
	"ledge/appliance/process"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
)

// newReport says where each fact of a node comes from.
func newReport(n *Node) *report.Report {
	return &report.Report{
		Node: n.dir.node, Version: Version, Clock: n.cfg.Clock,
		Server: func() report.Server {
			return report.Server{Started: n.started, PID: os.Getpid(), Dir: n.dir.path,
				Redis: n.server.Addr().String(), NATS: n.natsURL()}
		},
		Memory: func() report.Memory {
			u := process.ReadUsage()
			most, by := n.bound.by()
			return report.Memory{Taken: u.Taken, Most: most, BoundBy: by, Live: u.Live, Percent: n.mem.Percent(), Refusing: n.mem.Over()}
		},
		Saves: func() report.Saves {
			s, last := n.saves.facts(), backupOf(n)
			s.Backup, s.BackupPos = last.At, last.Number
			return s
		},
		Journal: func() report.Journal { return journalFacts(n) },
		Health:  func() report.Health { return healthFacts(n) },
		Loading: n.loading.facts,
		Replication: func() report.Replication {
			return report.Replication{Link: n.repl.Link(), Replicas: n.repl.Replicas(),
				Lineage: n.log.Lineage(), Applied: n.state.Pos().Seq}
		},
		Clients: func() report.Clients {
			c := report.Clients{Stats: n.server.Stats(), Slow: n.server.Slowlog().Len(), Most: maxClients(n)}
			n.server.Clients(func(s *command.Session) {
				c.Connected++
				if s.Blocked.Load() {
					c.Blocked++
				}
			})
			return c
		},
		Keys:     func() []report.Keys { return keysOf(n.state, n.cfg.Clock()) },
		Cluster:  n.member.router(),
		ShardsUp: peerPart{n.member}.connected(), Unheard: peerPart{n.member}.unheard(),
		Moves:   movePart{n.member}.facts(),
		Process: process.ReadFigures,
	}
}

// maxClients is how many clients may connect.
func maxClients(n *Node) int {
	most, _ := strconv.Atoi(param(n, "maxclients"))
	return most
}

func journalFacts(n *Node) report.Journal {
	st, _ := n.log.Stat(context.Background()) // it can't fail
	live := liveNow(n)
	j := report.Journal{First: st.First, Last: st.Last, Bytes: st.Bytes, Sync: live.Sync,
		Lineage: n.log.Lineage(), Epoch: n.state.Epoch(), Applied: n.state.Pos(),
		Appends: n.meter.appends.Load(), Appended: n.meter.bytes.Load(), Failed: n.meter.failed.Load(),
		Took: time.Duration(n.meter.took.Load()), Reserve: n.reserve.bytes()}
	j.AppendTimes, j.SyncTimes, j.ApplyTimes = n.meter.appendTimes.Times(), n.meter.syncTimes.Times(), n.meter.applyTimes.Times()
	if r := n.recovered.Load(); r != nil {
		j.Lost, j.Recovery = r.lost, r.took
	}
	if at := n.meter.last.Load(); at > 0 {
		j.LastAppend = time.UnixMilli(at)
	}
	if live.Sync == options.SyncInterval {
		j.Interval = live.SyncInterval
	}
	return j
}

// healthFacts may be asked for before there is a writer. A reserve is missing only once
// it was tried to hold it.
func healthFacts(n *Node) report.Health {
	h := report.Health{Policy: resumePolicy(n.live.Load())}
	h.Reserve, h.ReserveMissing = n.reserve.bytes(), n.recovered.Load() != nil && !n.reserve.Held()
	if n.writer != nil {
		health := n.writer.Health()
		h.ReserveMissing = h.ReserveMissing && health.ReserveMissing() // asked first: it says so
		h.Suspension, h.Policy = health.Suspension(), health.Policy()
	}
	if n.repl != nil && n.gate.link != nil && n.loading.ready() == nil {
		h.Link = n.repl.Link()
		h.Reads, h.Writes = n.gate.refusals(h.Link, n.cfg.Clock())
		h.Writes = cmp.Or(n.writer.Refusal(false), h.Writes)
	}
	if n.member != nil && n.loading.ready() == nil {
		var ranges []journal.SlotRange
		for _, s := range (seizures{orders{n.member}}).seized() {
			ranges = append(ranges, s.Ranges...)
		}
		h.Given = journal.SlotsText(advice{n.member}.untaken())
		h.Seized, h.Waits = journal.SlotsText(journal.InOrder(ranges)), askPart{n.member}.waits()
	}
	return h
}

// keysOf counts the keys of each database that has any.
func keysOf(s *replay.State, at time.Time) (list []report.Keys) {
	_ = s.View(at, func(v *replay.View) error { // a closed state has none
		for i := range v.Databases() {
			if n := v.Len(journal.DB(i)); n > 0 {
				expiring, _ := v.Expiring(journal.DB(i))
				list = append(list, report.Keys{DB: journal.DB(i), Count: n, Expiring: expiring})
			}
		}
		return nil
	})
	return list
}
