package report

import (
	"strconv"
	"time"

	"ledge/appliance/process"
	"ledge/replay/standing"
	"ledge/respd/command"
)

// redis words again, by the names of redis_exporter, what its dashboards and alerts
// ask for. What ledge has nothing for is left out rather than made up.
func (e *exposition) redis(r *Report, f process.Figures) {
	c, m, s, p, server := r.Clients(), r.Memory(), r.Saves(), r.Replication(), r.Server()
	e.one("gauge", "redis_up", "1: the node answers.", 1)
	e.gauge("redis_instance_info", "What the node is.").set(1, label{"role", RedisRole(p.Link)},
		label{"redis_version", command.CompatVersion}, label{"redis_mode", "standalone"}, label{"process_id", strconv.Itoa(server.PID)})
	e.one("gauge", "redis_uptime_in_seconds", "How long the node has been running.", r.Clock().Sub(server.Started).Seconds())
	e.at("redis_start_time_seconds", "When the node was started.", server.Started)
	e.one("gauge", "redis_connected_clients", "As ledge_clients.", float64(c.Connected))
	e.one("gauge", "redis_blocked_clients", "As ledge_blocked_clients.", float64(c.Blocked))
	e.one("gauge", "redis_config_maxclients", "Clients that may connect.", float64(c.Most))
	e.redisMemory(m, f)
	e.redisCounters(c.Stats, f)
	e.redisKeys(r.Keys())
	e.redisCommands(c.Stats)
	e.one("gauge", "redis_slowlog_length", "Entries in the slow log.", float64(c.Slow))
	e.redisSaves(s, r)
	e.redisReplication(p, r.Clock())
}

func (e *exposition) redisMemory(m Memory, f process.Figures) {
	e.one("gauge", "redis_memory_used_bytes", "Objects in use or not swept yet, as used_memory of INFO.", float64(f.Objects))
	e.one("gauge", "redis_memory_used_rss_bytes", "As process_resident_memory_bytes.", float64(f.Resident))
	e.one("gauge", "redis_memory_used_dataset_bytes", "As ledge_memory_live_bytes.", float64(m.Live))
	e.one("gauge", "redis_memory_max_bytes", "What max-memory says, 0 for no bound.", float64(m.Most))
	ratio := 0.0
	if f.Objects > 0 {
		ratio = float64(f.Resident) / float64(f.Objects)
	}
	e.one("gauge", "redis_mem_fragmentation_ratio", "The second by the first of those.", ratio)
}

func (e *exposition) redisCounters(st *command.Stats, f process.Figures) {
	for _, c := range []struct {
		name, help string
		value      float64
	}{
		{"redis_commands_processed_total", "As ledge_commands_total.", float64(st.Commands.Load())},
		{"redis_connections_received_total", "As ledge_connections_total.", float64(st.Connections.Load())},
		{"redis_rejected_connections_total", "As ledge_rejected_connections_total.", float64(st.Rejected.Load())},
		{"redis_keyspace_hits_total", "As ledge_keyspace_hits_total.", float64(st.Hits.Load())},
		{"redis_keyspace_misses_total", "As ledge_keyspace_misses_total.", float64(st.Misses.Load())},
		{"redis_expired_keys_total", "As ledge_expired_keys_total.", float64(st.Expired.Load())},
		{"redis_evicted_keys_total", "Always 0: no key is given up for room.", 0},
		{"redis_net_input_bytes_total", "As ledge_received_bytes_total.", float64(st.NetIn.Load())},
		{"redis_net_output_bytes_total", "As ledge_sent_bytes_total.", float64(st.NetOut.Load())},
		{"redis_cpu_user_seconds_total", "Time of processors outside of the system.", f.User.Seconds()},
		{"redis_cpu_sys_seconds_total", "Time of processors within the system.", f.System.Seconds()},
	} {
		e.one("counter", c.name, c.help, c.value)
	}
}

func (e *exposition) redisKeys(keys []Keys) {
	held := e.gauge("redis_db_keys", "Keys of each database that has any.")
	for _, k := range keys {
		held.set(float64(k.Count), label{"db", "db" + strconv.Itoa(int(k.DB))})
	}
	expiring := e.gauge("redis_db_keys_expiring", "Of those, the ones with a deadline.")
	for _, k := range keys {
		expiring.set(float64(k.Expiring), label{"db", "db" + strconv.Itoa(int(k.DB))})
	}
}

func (e *exposition) redisCommands(st *command.Stats) {
	list := Commands(st)
	each := func(name, help string, of func(Command) float64) {
		m := e.begin(name, "counter", help)
		for _, c := range list {
			m.set(of(c), label{"cmd", c.Name})
		}
	}
	each("redis_commands_total", "Runs, by command.", func(c Command) float64 { return float64(c.Calls.Calls) })
	each("redis_commands_duration_seconds_total", "Time that they took, by command.",
		func(c Command) float64 { return c.Took.Sum.Seconds() })
	each("redis_commands_failed_calls_total", "As ledge_command_failures_total.", func(c Command) float64 { return float64(c.Failed) })
	each("redis_commands_rejected_calls_total", "As ledge_command_rejections_total.", func(c Command) float64 { return float64(c.Rejected) })
}

func (e *exposition) redisSaves(s Saves, r *Report) {
	e.one("gauge", "redis_loading_dump_file", "As ledge_loading.", float64(flag(r.loading().Step != "")))
	e.at("redis_rdb_last_save_timestamp_seconds", "As LASTSAVE: before the first snapshot, when the node was started.", s.Last)
	e.one("gauge", "redis_rdb_changes_since_last_save", "Numbers in the journal since then.", float64(s.Changes))
	e.one("gauge", "redis_rdb_bgsave_in_progress", "Whether a snapshot is being taken.", float64(flag(s.Running)))
	e.one("gauge", "redis_rdb_last_bgsave_status", "Whether the last attempt to take one worked.", float64(flag(s.Failed == nil)))
	e.one("gauge", "redis_aof_enabled", "1: there is a journal.", 1)
	e.one("gauge", "redis_aof_last_write_status", "Whether the journal takes writes.", float64(flag(r.Health().Suspension == nil)))
}

func (e *exposition) redisReplication(p Replication, now time.Time) {
	e.one("gauge", "redis_connected_slaves", "As ledge_replicas.", float64(len(p.Replicas)))
	e.one("gauge", "redis_master_repl_offset", "As ledge_journal_applied_number.", float64(p.Applied))
	if p.Link.State == standing.LinkNone {
		return
	}
	host, port := hostPort(p.Link.Leader)
	leader := []label{{"master_host", host}, {"master_port", port}}
	e.gauge("redis_master_link_up", "Whether the node streams from its leader.").
		set(float64(flag(p.Link.State == standing.LinkStreaming)), leader...)
	e.gauge("redis_master_last_io_seconds_ago", "How long ago its leader was heard of, -1 for never.").
		set(float64(ago(now, p.Link.Heard)), leader...)
	e.gauge("redis_master_sync_in_progress", "Whether there is a full sync.").
		set(float64(flag(p.Link.State == standing.LinkFullSync)), leader...)
}
