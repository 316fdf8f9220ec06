package appliance

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"ledge/admin"
	"ledge/appliance/process"
	"ledge/replay"
	"ledge/respd/command"
)

// Info returns INFO's fields that only the node knows.
func (n *Node) Info() []command.InfoSection {
	return []command.InfoSection{
		{Name: "Server", Fields: n.infoServer()},
		{Name: "Memory", Fields: n.infoMemory()},
		{Name: "Persistence", Fields: n.infoPersistence()},
		{Name: "Journal", Fields: n.infoJournal()},
		{Name: "Replication", Fields: n.infoReplication()},
	}
}

// fields collects lines of INFO.
type fields []command.InfoField

func (f *fields) add(name string, value any) {
	*f = append(*f, command.InfoField{Name: name, Value: fmt.Sprint(value)})
}

func (n *Node) infoServer() []command.InfoField {
	var f fields
	f.add("ledge_version", Version)
	f.add("ledge_node", n.dir.node)
	return f
}

// infoMemory adds to what the server measures by itself; what --max-memory
// bounds is its allocator_active.
func (n *Node) infoMemory() []command.InfoField {
	var f fields
	f.add("used_memory_dataset", process.ReadUsage().Live)
	f.add("mem_gc_percent", n.mem.Percent())
	f.add("mem_refusing", flag(n.mem.Over()))
	return f
}

func (n *Node) infoPersistence() []command.InfoField {
	s := n.saves
	s.mu.Lock()
	defer s.mu.Unlock()
	var f fields
	f.add("rdb_changes_since_last_save", n.state.Pos().Seq-s.pos)
	f.add("rdb_bgsave_in_progress", flag(s.running))
	f.add("rdb_last_save_time", s.last.Unix())
	f.add("rdb_last_bgsave_status", status(s.failed))
	f.add("rdb_last_bgsave_time_sec", seconds(s.took))
	current := time.Duration(-1)
	if s.running {
		current = n.cfg.Clock().Sub(s.began)
	}
	f.add("rdb_current_bgsave_time_sec", seconds(current))
	f.add("aof_enabled", 1)
	f.add("aof_rewrite_in_progress", 0)
	f.add("aof_last_write_status", status(n.writer.Health().Refusal(false)))
	return f
}

func (n *Node) infoJournal() []command.InfoField {
	st, _ := n.jet().Stat(context.Background()) // it can't fail
	pos := n.state.Pos()
	var f fields
	f.add("journal_first_seq", st.First)
	f.add("journal_last_seq", st.Last)
	f.add("journal_bytes", st.Bytes)
	f.add("journal_sync", n.cfg.Sync)
	if n.cfg.Sync == SyncInterval {
		f.add("journal_sync_interval_ms", n.cfg.SyncInterval.Milliseconds())
	}
	n.addHealth(&f)
	f.add("journal_lineage", n.log.Lineage())
	f.add("journal_epoch", n.state.Epoch())
	f.add("journal_applied_seq", pos.Seq)
	f.add("journal_digest", pos.Digest)
	f.add("journal_appends", n.meter.appends.Load())
	f.add("journal_appended_bytes", n.meter.bytes.Load())
	f.add("journal_failed_appends", n.meter.failed.Load())
	f.add("journal_last_append_time", n.meter.last.Load()/1000)
	f.add("journal_last_append_usec", n.meter.took.Load()/1000)
	f.add("journal_lost", n.lost)
	f.add("journal_recovery_ms", n.recovery.Milliseconds())
	return f
}

// addHealth adds whether the journal takes writes and, if not, why and what
// next. Times are Unix seconds, 0 for none.
func (n *Node) addHealth(f *fields) {
	s, state := n.writer.Health().Suspension(), "suspended"
	if s == nil {
		s, state = &replay.Suspension{}, "ok"
	}
	if s.InDoubt {
		state = admin.StateInDoubt
	}
	class, cause := "", ""
	if s.Cause != nil {
		class, cause = s.Class.String(), line(s.Cause)
	}
	policy := n.writer.Health().Policy()
	f.add("journal_state", state)
	f.add("journal_class", class)
	f.add("journal_cause", cause)
	f.add("journal_number_in_doubt", uint64(s.Number))
	f.add("journal_suspended_since", unixTime(s.Since))
	f.add("journal_deletes_taken", flag(s.Deletes))
	f.add("journal_resume_attempts", s.Attempts)
	f.add("journal_resume_automatic_attempts", s.Automatic)
	f.add("journal_resume_last_attempt", unixTime(s.LastAttempt))
	f.add("journal_resume_last_error", line(s.LastError))
	f.add("journal_resume_next_attempt", unixTime(s.NextAttempt))
	f.add("journal_resume_auto", policy.Auto)
	f.add("journal_resume_interval_ms", policy.Interval.Milliseconds())
	f.add("journal_resume_max_attempts", policy.MaxAttempts)
	f.add("journal_reserve_bytes", n.reserve.bytes())
	f.add("journal_reserve_missing", flag(!n.reserve.Held()))
}

// line is an error on one line, "" for nil.
func line(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
}

func unixTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func status(err error) string {
	if err != nil {
		return "err"
	}
	return "ok"
}

// seconds shows a duration as Redis does; -1 is none.
func seconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return int64(d / time.Second)
}

// params are the parameters of CONFIG that the node has. Those that say when it
// is tried to resume can be changed while it runs.
func (n *Node) params() []command.Param {
	fixed := func(name, value string) command.Param {
		return command.Param{Name: name, Get: func() string { return value }}
	}
	fsync := map[string]string{SyncAlways: "always", SyncInterval: "everysec", SyncOff: "no"}
	port := func(addr string) string { // Validate has looked at it
		_, p, _ := net.SplitHostPort(addr)
		return orDefault(p, "0")
	}
	return append(append(n.resumeParams(), n.tuningParams()...),
		fixed("dir", n.dir.path),
		fixed("port", port(n.cfg.Listen)),
		fixed("tls-port", port(n.cfg.TLSListen)),
		fixed("tls-auth-clients", n.cfg.tlsAuth()),
		fixed("appendonly", "yes"),
		fixed("appendfsync", fsync[n.cfg.Sync]),
		fixed("save", ""),
		fixed("maxmemory", strconv.FormatInt(n.cfg.MaxMemory, 10)),
		fixed("maxmemory-policy", "noeviction"),
		fixed("ledge-node", n.dir.node),
		fixed("ledge-sync", n.cfg.Sync),
		fixed("ledge-max-value", strconv.FormatInt(n.cfg.MaxValue, 10)),
	)
}
