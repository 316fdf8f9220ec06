package appliance

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"ledge/admin"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/respd/command"
)

// role is what the node is, for operators.
func (n *Node) role() string {
	if n.Link().State == replay.LinkNone {
		return "leader"
	}
	return "replica"
}

// linkOf words a link for operators.
func linkOf(l replay.Link) admin.Link {
	a := admin.Link{Leader: l.Leader, Node: l.Node, State: l.State.String(), Step: l.Step, Since: l.Since.UTC(),
		Attempts: l.Attempts, LastError: line(l.Err), Next: moment(l.Next), Applied: uint64(l.Applied),
		Last: uint64(l.Last), Lag: lag(l), Heard: moment(l.Heard), Level: moment(l.Level), Syncs: l.Syncs}
	if l.Err != nil {
		a.Class = fault.Of(l.Err).String()
	}
	return a
}

// lag is how many numbers a replica is behind, as far as it knows.
func lag(l replay.Link) uint64 { return uint64(max(l.Last, l.Applied) - l.Applied) }

func replicasOf(list []replay.Replica) []admin.Replica {
	out := make([]admin.Replica, len(list))
	for i, r := range list {
		out[i] = admin.Replica{Node: r.Node, ID: r.ID, Redis: r.Redis, State: r.State,
			Applied: uint64(r.Applied), Synced: uint64(r.Synced), Heard: r.Heard.UTC()}
	}
	return out
}

// infoReplication has Redis's names, and beside them what it has none for.
func (n *Node) infoReplication() []command.InfoField {
	var f fields
	l, seq := n.Link(), n.state.Pos().Seq
	if l.State == replay.LinkNone {
		f.add("role", "master")
	} else {
		f.add("role", "slave")
		n.infoLink(&f, l)
	}
	replicas := n.Replicas()
	f.add("connected_slaves", len(replicas))
	now := n.cfg.Clock()
	for i, r := range replicas {
		host, port, _ := net.SplitHostPort(r.Redis)
		state := "wait_bgsave"
		if r.State == replay.LinkStreaming.String() {
			state = "online"
		}
		f.add(fmt.Sprintf("slave%d", i), fmt.Sprintf("ip=%s,port=%s,state=%s,offset=%d,lag=%d",
			host, port, state, r.Applied, int(now.Sub(r.Heard).Seconds())))
	}
	f.add("master_failover_state", "no-failover")
	f.add("master_replid", fmt.Sprintf("%040s", n.log.Lineage()))
	f.add("master_replid2", fmt.Sprintf("%040d", 0))
	f.add("master_repl_offset", seq)
	f.add("second_repl_offset", -1)
	f.add("repl_backlog_active", 1)
	return f
}

func (n *Node) infoLink(f *fields, l replay.Link) {
	host, port := hostPort(l.Leader)
	f.add("master_host", host)
	f.add("master_port", port)
	status := "down"
	if l.State == replay.LinkStreaming {
		status = "up"
	}
	f.add("master_link_status", status)
	f.add("master_last_io_seconds_ago", ago(n.cfg.Clock(), l.Heard))
	f.add("master_sync_in_progress", flag(l.State == replay.LinkFullSync))
	f.add("slave_read_repl_offset", l.Last)
	f.add("slave_repl_offset", l.Applied)
	if l.State != replay.LinkStreaming {
		f.add("master_link_down_since_seconds", ago(n.cfg.Clock(), l.Since))
	}
	f.add("slave_priority", 100)
	f.add("slave_read_only", 1)
	f.add("replica_announced", 1)
	f.add("ledge_link_state", l.State)
	f.add("ledge_link_step", l.Step)
	f.add("ledge_link_attempts", l.Attempts)
	f.add("ledge_link_last_error", line(l.Err))
	f.add("ledge_link_lag_numbers", lag(l))
	f.add("ledge_link_lag_seconds", ago(n.cfg.Clock(), l.Level))
	f.add("ledge_link_full_syncs", l.Syncs)
}

// ago is how many seconds have gone by since then, -1 if it never was.
func ago(now, then time.Time) int64 {
	if then.IsZero() {
		return -1
	}
	return max(0, int64(now.Sub(then).Seconds()))
}

func hostPort(leader string) (host, port string) {
	u, err := url.Parse(leader)
	if err != nil {
		return leader, ""
	}
	return u.Hostname(), u.Port()
}
