package report

import (
	"fmt"
	"net"
	"time"

	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/command"
)

// sections are INFO's sections that the node has fields in, in order.
var sections = []struct {
	name   string
	fields func(*Report) []command.InfoField
}{
	{"Server", (*Report).infoServer},
	{"Memory", (*Report).infoMemory},
	{"Persistence", (*Report).infoPersistence},
	{"Journal", (*Report).infoJournal},
	{"Replication", (*Report).infoReplication},
}

// Info returns INFO's fields that only the node knows: of the sections that wanted
// accepts, or of all if it is nil. Of the others nothing is collected.
func (r *Report) Info(wanted func(section string) bool) []command.InfoSection {
	var list []command.InfoSection
	for _, s := range sections {
		if wanted == nil || wanted(s.name) {
			list = append(list, command.InfoSection{Name: s.name, Fields: s.fields(r)})
		}
	}
	return list
}

// fields collects lines of INFO.
type fields []command.InfoField

func (f *fields) add(name string, value any) {
	*f = append(*f, command.InfoField{Name: name, Value: fmt.Sprint(value)})
}

func (r *Report) infoServer() []command.InfoField {
	var f fields
	f.add("ledge_version", r.Version)
	f.add("ledge_node", r.Node)
	return f
}

// infoMemory adds to what the server measures by itself; what --max-memory
// bounds is its allocator_active.
func (r *Report) infoMemory() []command.InfoField {
	var f fields
	m := r.Memory()
	f.add("used_memory_dataset", m.Live)
	f.add("mem_gc_percent", m.Percent)
	f.add("mem_refusing", flag(m.Refusing))
	f.add("mem_bound", m.Most)
	f.add("mem_bound_by", m.BoundBy)
	return f
}

func (r *Report) infoPersistence() []command.InfoField {
	var f fields
	s := r.Saves()
	f.add("rdb_changes_since_last_save", s.Changes)
	f.add("rdb_bgsave_in_progress", flag(s.Running))
	f.add("rdb_last_save_time", s.Last.Unix())
	f.add("rdb_last_bgsave_status", status(s.Failed))
	f.add("rdb_last_bgsave_time_sec", seconds(s.Took))
	current := time.Duration(-1)
	if s.Running {
		current = r.Clock().Sub(s.Began)
	}
	f.add("rdb_current_bgsave_time_sec", seconds(current))
	f.add("aof_enabled", 1)
	f.add("aof_rewrite_in_progress", 0)
	refused := "ok"
	if r.Health().Suspension != nil {
		refused = "err"
	}
	f.add("aof_last_write_status", refused)
	return append(f, r.infoLoading()...)
}

// infoLoading has Redis's names; most of the fields are there only while the node
// loads, as in Redis.
func (r *Report) infoLoading() []command.InfoField {
	var f fields
	l := r.loading()
	if l.Step == "" {
		return nil // the server says that it doesn't load
	}
	f.add("loading", 1)
	f.add("loading_start_time", l.Began.Unix())
	f.add("loading_total_bytes", l.Total)
	f.add("loading_loaded_bytes", l.Bytes)
	f.add("loading_loaded_perc", fmt.Sprintf("%.2f", 100*l.Share))
	f.add("loading_eta_seconds", max(seconds(l.Left), 1)) // Redis says 1 as well while it can't tell
	f.add("loading_step", l.Step)
	f.add("loading_rows", l.Rows)
	f.add("loading_rows_per_sec", int64(l.Rate))
	return f
}

func (r *Report) infoJournal() []command.InfoField {
	var f fields
	j := r.Journal()
	f.add("journal_first_seq", j.First)
	f.add("journal_last_seq", j.Last)
	f.add("journal_bytes", j.Bytes)
	f.add("journal_sync", j.Sync)
	if j.Interval > 0 {
		f.add("journal_sync_interval_ms", j.Interval.Milliseconds())
	}
	f = append(f, r.InfoHealth()...)
	f.add("journal_lineage", j.Lineage)
	f.add("journal_epoch", j.Epoch)
	f.add("journal_applied_seq", j.Applied.Seq)
	f.add("journal_digest", j.Applied.Digest)
	f.add("journal_appends", j.Appends)
	f.add("journal_appended_bytes", j.Appended)
	f.add("journal_failed_appends", j.Failed)
	f.add("journal_last_append_time", unixTime(j.LastAppend))
	f.add("journal_last_append_usec", j.Took.Microseconds())
	f.add("journal_lost", j.Lost)
	f.add("journal_recovery_ms", j.Recovery.Milliseconds())
	return f
}

// InfoHealth returns whether the journal takes writes and, if not, why and what
// next. Times are Unix seconds, 0 for none.
func (r *Report) InfoHealth() []command.InfoField {
	var f fields
	h := r.Health()
	s := h.Suspension
	if s == nil {
		s = &writer.Suspension{}
	}
	class := ""
	if s.Cause != nil {
		class = s.Class.String()
	}
	f.add("journal_state", h.state())
	f.add("journal_class", class)
	f.add("journal_cause", Line(s.Cause))
	f.add("journal_number_in_doubt", uint64(s.Number))
	f.add("journal_suspended_since", unixTime(s.Since))
	f.add("journal_deletes_taken", flag(s.Deletes))
	f.add("journal_resume_attempts", s.Attempts)
	f.add("journal_resume_automatic_attempts", s.Automatic)
	f.add("journal_resume_last_attempt", unixTime(s.LastAttempt))
	f.add("journal_resume_last_error", Line(s.LastError))
	f.add("journal_resume_next_attempt", unixTime(s.NextAttempt))
	f.add("journal_resume_auto", h.Policy.Auto)
	f.add("journal_resume_interval_ms", h.Policy.Interval.Milliseconds())
	f.add("journal_resume_max_attempts", h.Policy.MaxAttempts)
	f.add("journal_reserve_bytes", h.Reserve)
	f.add("journal_reserve_missing", flag(h.ReserveMissing))
	return f
}

// infoReplication has Redis's names, and beside them what it has none for.
func (r *Report) infoReplication() []command.InfoField {
	var f fields
	p, now := r.Replication(), r.Clock()
	f.add("role", RedisRole(p.Link))
	if p.Link.State != standing.LinkNone {
		f.addLink(p.Link, now)
	}
	f.add("connected_slaves", len(p.Replicas))
	for i, x := range p.Replicas {
		host, port, _ := net.SplitHostPort(x.Redis)
		state := "wait_bgsave"
		if x.State == standing.LinkStreaming.String() {
			state = "online"
		}
		f.add(fmt.Sprintf("slave%d", i), fmt.Sprintf("ip=%s,port=%s,state=%s,offset=%d,lag=%d",
			host, port, state, x.Applied, int(now.Sub(x.Heard).Seconds())))
	}
	f.add("master_failover_state", "no-failover")
	f.add("master_replid", fmt.Sprintf("%040s", p.Lineage))
	f.add("master_replid2", fmt.Sprintf("%040d", 0))
	f.add("master_repl_offset", p.Applied)
	f.add("second_repl_offset", -1)
	f.add("repl_backlog_active", 1)
	return f
}

func (f *fields) addLink(l standing.Link, now time.Time) {
	host, port := hostPort(l.Leader)
	f.add("master_host", host)
	f.add("master_port", port)
	status := "down"
	if l.State == standing.LinkStreaming {
		status = "up"
	}
	f.add("master_link_status", status)
	f.add("master_last_io_seconds_ago", ago(now, l.Heard))
	f.add("master_sync_in_progress", flag(l.State == standing.LinkFullSync))
	f.add("slave_read_repl_offset", l.Last)
	f.add("slave_repl_offset", l.Applied)
	if l.State != standing.LinkStreaming {
		f.add("master_link_down_since_seconds", ago(now, l.Since))
	}
	f.add("slave_priority", 100)
	f.add("slave_read_only", 1)
	f.add("replica_announced", 1)
	f.add("ledge_link_state", l.State)
	f.add("ledge_link_step", l.Step)
	f.add("ledge_link_attempts", l.Attempts)
	f.add("ledge_link_last_error", Line(l.Err))
	f.add("ledge_link_lag_numbers", knownLag(l))
	f.add("ledge_link_lag_seconds", ago(now, l.Level))
	f.add("ledge_link_full_syncs", l.Syncs)
}
