package report

import (
	"strconv"
	"strings"
	"time"

	"ledge/journal/fault"
	"ledge/journal/timing"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/stats"
)

// Metrics returns all metrics of the node, in Prometheus's text format.
func (r *Report) Metrics() string {
	e := &exposition{}
	j, p := r.Journal(), r.Replication()
	e.gauge("ledge_info", "What the node is.").set(1, label{"node", r.Node}, label{"version", r.Version},
		label{"role", Role(p.Link)}, label{"sync", j.Sync})
	e.at("ledge_start_time_seconds", "When the node was started.", r.Server().Started)
	e.one("gauge", "ledge_loading", "Whether the node has not got all of its data yet.", float64(flag(r.loading().Step != "")))
	c := r.Clients()
	e.clients(c)
	e.commands(c.Stats)
	e.state(r.Keys(), r.Memory(), r.Saves())
	e.journal(j)
	e.health(r.Health())
	e.link(p.Link)
	e.replicas(p)
	if r.Cluster != nil {
		e.cluster(r.Cluster(), c.Stats)
		if r.ShardsUp != nil {
			e.one("gauge", "ledge_cluster_shards_connected", "Other shards to which the node, if it leads its own, has a connection.", float64(r.ShardsUp()))
		}
		if r.Moves != nil {
			e.moves(r.Moves())
		}
		if r.Unheard != nil {
			e.one("counter", "ledge_cluster_publish_dropped_total", "Messages of PUBLISH that another shard, or another node of the own one, was not told of: it was slow, or not connected.", float64(r.Unheard()))
		}
	}
	f := r.Process()
	e.process(f, r.Server().Started)
	e.redis(r, f)
	return e.b.String()
}

func (e *exposition) clients(facts Clients) {
	e.one("gauge", "ledge_clients", "Redis clients that are connected.", float64(facts.Connected))
	e.one("gauge", "ledge_blocked_clients", "Redis clients that wait in a blocking command.", float64(facts.Blocked))
	st := facts.Stats
	for _, c := range []struct {
		name, help string
		value      int64
	}{
		{"ledge_commands_total", "Commands run.", st.Commands.Load()},
		{"ledge_errors_total", "Replies that were errors.", st.Errors.Load()},
		{"ledge_command_panics_total", "Commands that ended in a panic, which is a bug.", st.Panics.Load()},
		{"ledge_connections_total", "Connections taken.", st.Connections.Load()},
		{"ledge_rejected_connections_total", "Connections over max-clients.", st.Rejected.Load()},
		{"ledge_denied_logins_total", "Redis clients' logins that failed.", st.Denied.Load()},
		{"ledge_failed_handshakes_total", "Redis clients' handshakes with TLS that failed.", st.Handshakes.Load()},
		{"ledge_foreign_connections_total", "Connections closed because they spoke another protocol.", st.Foreign.Load()},
		{"ledge_keyspace_hits_total", "Reads that found a key.", st.Hits.Load()},
		{"ledge_keyspace_misses_total", "Reads that found none.", st.Misses.Load()},
		{"ledge_expired_keys_total", "Keys removed when their time was up.", st.Expired.Load()},
		{"ledge_received_bytes_total", "Bytes received from Redis clients.", st.NetIn.Load()},
		{"ledge_sent_bytes_total", "Bytes sent to Redis clients.", st.NetOut.Load()},
	} {
		e.one("counter", c.name, c.help, float64(c.value))
	}
}

func (e *exposition) state(keys []Keys, m Memory, s Saves) {
	held := e.gauge("ledge_keys", "Keys of each database that has any.")
	for _, k := range keys {
		held.set(float64(k.Count), label{"db", strconv.Itoa(int(k.DB))})
	}
	e.one("gauge", "ledge_memory_bytes", "Memory taken from the system, what max-memory bounds.", float64(m.Taken))
	e.one("gauge", "ledge_memory_live_bytes", "Memory that the last collection found in use.", float64(m.Live))
	e.one("gauge", "ledge_memory_refusing", "Whether commands that need memory are refused.", float64(flag(m.Refusing)))
	taken := s.Last
	if s.Pos == 0 {
		taken = time.Time{}
	}
	e.at("ledge_snapshot_timestamp_seconds", "When the last snapshot was taken; 0 before the first.", taken)
	e.one("gauge", "ledge_snapshot_failed", "Whether the last attempt to take one failed.", float64(flag(s.Failed != nil)))
	e.at("ledge_backup_timestamp_seconds", "When the last backup was taken that the node was told of; 0 before the first.", s.Backup)
	e.one("gauge", "ledge_backup_number", "The last number that it holds.", float64(s.BackupPos))
}

func (e *exposition) journal(j Journal) {
	e.one("gauge", "ledge_journal_first_number", "The first number in the journal.", float64(j.First))
	e.one("gauge", "ledge_journal_last_number", "The last number in the journal.", float64(j.Last))
	e.one("gauge", "ledge_journal_applied_number", "The last number that is applied.", float64(j.Applied.Seq))
	e.one("gauge", "ledge_journal_epoch", "The epoch of the last batch applied: it grows with each start, each resume and each change of lead.", float64(j.Epoch))
	e.one("gauge", "ledge_journal_bytes", "What the journal takes on the disk.", float64(j.Bytes))
	e.one("counter", "ledge_journal_appends_total", "Batches appended.", float64(j.Appends))
	e.one("counter", "ledge_journal_appended_bytes_total", "Bytes appended.", float64(j.Appended))
	e.one("counter", "ledge_journal_failed_appends_total", "Appends that failed.", float64(j.Failed))
	e.one("gauge", "ledge_journal_append_seconds", "How long the last append took, for each of the batches that were stored together.", j.Took.Seconds())
	for _, h := range []struct {
		name, help string
		times      *timing.Times
	}{
		{"ledge_append_seconds", "How long appends took, each of all the batches that were stored together. With sync always that includes the sync.", &j.AppendTimes},
		{"ledge_sync_seconds", "How long syncs of the journal took apart from appends; there are none with sync always.", &j.SyncTimes},
		{"ledge_apply_seconds", "How long it took to apply what had been stored together.", &j.ApplyTimes},
	} {
		e.begin(h.name, "histogram", h.help).times(h.times, 1)
	}
	e.one("gauge", "ledge_reserve_bytes", "Room on the disk that is held back.", float64(j.Reserve))
}

func (e *exposition) health(h Health) {
	s := h.Suspension
	suspended := e.gauge("ledge_suspended", "Whether the journal takes no writes, by the class of the cause.")
	for _, c := range []fault.Class{fault.Retryable, fault.Operator} {
		suspended.set(float64(flag(s != nil && !s.InDoubt && s.Class == c)), label{"class", c.String()})
	}
	e.one("gauge", "ledge_in_doubt", "Whether the disk has not answered, so that writes wait.", float64(flag(s != nil && s.InDoubt)))
	e.one("gauge", "ledge_reads_refused", "Whether clients' reads are refused, as those of a replica that is too far behind.", float64(flag(h.Reads != nil)))
	e.one("gauge", "ledge_writes_refused", "Whether clients' writes are refused, for whatever reason: also those of a replica.", float64(flag(h.Writes != nil)))
	if s == nil {
		s = &writer.Suspension{}
	}
	e.at("ledge_suspended_since_seconds", "Since when.", s.Since)
	e.one("gauge", "ledge_resume_attempts", "Attempts to resume since then.", float64(s.Attempts))
	e.at("ledge_resume_next_seconds", "When the next is made without being asked.", s.NextAttempt)
}

func (e *exposition) link(l standing.Link) {
	state := e.gauge("ledge_link_state", "How the node stands with its leader: 1 for the state that it is in.")
	for s := standing.LinkNone; s <= standing.LinkFailed; s++ {
		state.set(float64(flag(l.State == s)), label{"state", s.String()})
	}
	if l.State == standing.LinkNone {
		return
	}
	e.at("ledge_link_since_seconds", "Since when it is in that state.", l.Since)
	e.one("gauge", "ledge_link_attempts", "Attempts that failed since the last one that worked.", float64(l.Attempts))
	failed := e.gauge("ledge_link_error", "Whether the last attempt failed, by the class of the cause.")
	for _, c := range []fault.Class{fault.Retryable, fault.Operator} {
		failed.set(float64(flag(l.Err != nil && fault.Of(l.Err) == c)), label{"class", c.String()})
	}
	e.at("ledge_link_next_attempt_seconds", "When the next is made.", l.Next)
	if behind := knownLag(l); behind >= 0 { // one that isn't known is no lag of 0
		e.one("gauge", "ledge_link_lag_numbers", "How many numbers the node is behind.", float64(behind))
	}
	e.at("ledge_link_heard_seconds", "When the leader was heard of last.", l.Heard)
	e.at("ledge_link_level_seconds", "When the node last had all that its leader had.", l.Level)
	e.one("counter", "ledge_full_syncs_total", "Full syncs that were finished.", float64(l.Syncs))
}

func (e *exposition) replicas(p Replication) {
	list, last := p.Replicas, p.Applied
	e.one("gauge", "ledge_replicas", "Replicas that follow this node.", float64(len(list)))
	if len(list) == 0 {
		return
	}
	applied := e.gauge("ledge_replica_lag_numbers", "How many numbers a replica has yet to apply.")
	for _, r := range list {
		applied.set(float64(max(last, r.Applied)-r.Applied), replicaLabels(r)...)
	}
	heard := e.gauge("ledge_replica_heard_seconds", "When a replica was heard of last.")
	for _, r := range list {
		heard.set(float64(r.Heard.UnixMilli())/1000, replicaLabels(r)...)
	}
	streams := e.gauge("ledge_replica_streaming", "Whether a replica streams.")
	for _, r := range list {
		streams.set(float64(flag(r.State == standing.LinkStreaming.String())), replicaLabels(r)...)
	}
}

func replicaLabels(r standing.Replica) []label { return []label{{"node", r.Node}, {"id", r.ID}} }

func (e *exposition) cluster(m *cluster.Map, st *command.Stats) {
	if m == nil {
		return
	}
	nodes, failed := 0, 0
	for i := range m.Shards {
		nodes += len(m.Shards[i].Nodes)
		for _, n := range m.Shards[i].Nodes {
			failed += int(flag(n.Failed))
		}
	}
	e.one("gauge", "ledge_cluster_slots_owned", "Hash slots that the node's shard owns.", float64(m.Shards[0].Count()))
	e.one("gauge", "ledge_cluster_slots_assigned", "Hash slots that have an owner, as far as the node has heard.", float64(m.Assigned()))
	e.one("gauge", "ledge_cluster_slots_failing", "Hash slots whose shard has no leader that is heard of.", float64(m.Failing()))
	e.one("gauge", "ledge_cluster_epoch", "The highest epoch at which a slot has come to its owner.", float64(m.Epoch()))
	e.one("gauge", "ledge_cluster_shards", "Shards of the cluster that are known, the node's own among them.", float64(len(m.Shards)))
	e.one("gauge", "ledge_cluster_nodes", "Nodes of the cluster that are known, this one among them.", float64(nodes))
	e.one("gauge", "ledge_cluster_nodes_failed", "Nodes of which nothing was heard for 15 s.", float64(failed))
	away := e.begin("ledge_cluster_redirects_total", "counter", "Replies that sent a client to another node or had it try again, by their kind.")
	for i, code := range stats.Redirected {
		away.set(float64(st.Redirects[i].Load()), label{"kind", strings.ToLower(code)})
	}
	e.one("counter", "ledge_cluster_parked_total", "Commands that waited for a hash slot which was moving.", float64(st.Parked.Load()))
	e.one("gauge", "ledge_cluster_park_seconds_max", "The longest that a command has waited so.", time.Duration(st.ParkedMost.Load()).Seconds())
}
