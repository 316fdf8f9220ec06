package report_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance/process"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/timing"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/stats"
)

var at = time.Unix(2000, 0)

// pairOfShards is a cluster of two shards, of which the other one's leader is not heard of.
func pairOfShards() *cluster.Map {
	owned := func(first, last uint16) []journal.OwnedRange {
		return []journal.OwnedRange{{SlotRange: journal.SlotRange{First: first, Last: last}, Epoch: 3}}
	}
	m, err := cluster.New("c", "a1",
		cluster.Shard{ID: "a", Slots: owned(0, 99), Nodes: []cluster.Node{{ID: "a1", Leads: true}}},
		cluster.Shard{ID: "b", Slots: owned(100, 299), Nodes: []cluster.Node{{ID: "b1", Leads: true, Failed: true}}})
	if err != nil {
		panic(err)
	}
	return m
}

// A node of a cluster says what it has heard of it, and others say nothing of one.
func TestClusterMetrics(t *testing.T) {
	r, _ := counted()
	text := r.Metrics()
	for _, line := range []string{"slots_owned 100", "slots_assigned 300", "slots_failing 200", "epoch 3", "shards 2", "shards_connected 1", "nodes 2", "nodes_failed 1",
		`redirects_total{kind="moved"} 2`, `redirects_total{kind="tryagain"} 1`, "parked_total 3", "park_seconds_max 0.25",
		`moves{state="copying"} 1`, `moves{state="ready"} 0`, `moves{state="given"} 1`, `moves_ended_total{outcome="moved"} 4`,
		`moves_ended_total{outcome="cancelled"} 2`, `moves_ended_total{outcome="failed"} 1`, "move_bytes_total 5", "move_lag_numbers 9",
		"hold_seconds 0.125", "hold_seconds_max 0.25", "clear_pending_keys 7", "digest_mismatch_total 1"} {
		if !strings.Contains(text, "\nledge_cluster_"+line+"\n") {
			t.Errorf("the metrics lack ledge_cluster_%s", line)
		}
	}
	r.Cluster = nil
	if text := r.Metrics(); strings.Contains(text, "ledge_cluster_") {
		t.Error("a node that is in no cluster has metrics of one")
	}
}

// counted is a report of a replica in trouble, and which sections it was asked for.
func counted() (*report.Report, *[]string) {
	asked := new([]string)
	note := func(name string) { *asked = append(*asked, name) }
	return &report.Report{
		Node: "n", Version: "1", Clock: func() time.Time { return at },
		Server: func() report.Server {
			note("server")
			return report.Server{Started: at.Add(-time.Minute), PID: 7, Dir: "/d", Redis: "h:1", NATS: "nats://h:2"}
		},
		Memory: func() report.Memory {
			note("memory")
			return report.Memory{Taken: 5, Live: 3, Percent: 30, Refusing: true, Most: 9, BoundBy: "cgroup"}
		},
		Saves: func() report.Saves {
			note("saves")
			return report.Saves{Running: true, Began: at.Add(-3 * time.Second), Took: -1, Last: at.Add(-time.Hour),
				Failed: errors.New("no\nroom"), Pos: 4, Changes: 5}
		},
		Journal: func() report.Journal {
			note("journal")
			return report.Journal{First: 2, Last: 9, Bytes: 90, Sync: "interval", Interval: time.Second, Lineage: 0xab,
				Epoch: 3, Applied: journal.Pos{Seq: 9, Digest: 0xcd}, Appends: 8, Appended: 80, Failed: 1,
				LastAppend: at, Took: 1500 * time.Microsecond, Reserve: 16, Recovery: 2 * time.Second}
		},
		Health: func() report.Health {
			note("health")
			return report.Health{Suspension: &writer.Suspension{Class: fault.Retryable, Cause: errors.New("full"),
				Since: at.Add(-time.Second), Deletes: true, Attempts: 2, Automatic: 1, NextAttempt: at.Add(time.Second)},
				Policy: writer.ResumePolicy{Auto: "all", Interval: time.Minute}, Reserve: 0, ReserveMissing: true}
		},
		ShardsUp: func() int { return 1 },
		Moves:    underWay,
		Cluster:  func() *cluster.Map { return pairOfShards() },
		Unheard:  func() int64 { return 0 },
		Replication: func() report.Replication {
			note("replication")
			return report.Replication{Link: standing.Link{Leader: "nats://l:4222", State: standing.LinkStalled, Step: "waits",
				Since: at.Add(-2 * time.Second), Attempts: 3, Err: fault.With(fault.Operator, errors.New("gone")),
				Applied: 9, Last: 12, Heard: at.Add(-4 * time.Second)},
				Replicas: []standing.Replica{{Node: "c", ID: "x", Redis: "r:3", State: standing.LinkStreaming.String(),
					Applied: 7, Synced: 6, Heard: at.Add(-time.Second)}},
				Lineage: 0xab, Applied: 9}
		},
		Clients: func() report.Clients {
			note("clients")
			return report.Clients{Connected: 3, Blocked: 1, Most: 10, Stats: ran(), Slow: 2}
		},
		Keys: func() []report.Keys {
			note("keys")
			return []report.Keys{{DB: 0, Count: 2, Expiring: 1}, {DB: 3, Count: 4}}
		},
		Process: func() process.Figures {
			note("process")
			return process.Figures{User: time.Second, Resident: 100, Objects: 50, Collections: 2, Pauses: time.Millisecond}
		},
	}, asked
}

// ran is what a server has counted: three runs of one command.
func ran() *command.Stats {
	s := stats.New[*command.Spec](at)
	took := timing.Times{Sum: 6 * time.Microsecond}
	took.Counts[1] = 3
	s.Count(&command.Spec{Name: "get"}, &stats.Calls{Calls: 3, Micros: 6, Failed: 1, Rejected: 2, Took: took})
	for _, text := range []string{"MOVED 1 h:1", "TRYAGAIN Slot is moving", "MOVED 2 h:1", "MOVEDNOT 1"} {
		s.CountRedirect(text)
	}
	s.Parked.Store(3)
	s.ParkedMost.Store(int64(250 * time.Millisecond))
	return s
}

// Only what somebody asks for is collected.
func TestOnlyWhatIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name string
		ask  func(*report.Report)
		want []string
	}{
		{"INFO of no section of ours", func(r *report.Report) { r.Info(func(string) bool { return false }) }, nil},
		{"INFO server", func(r *report.Report) { r.Info(only("Server")) }, nil},
		{"INFO memory", func(r *report.Report) { r.Info(only("Memory")) }, []string{"memory"}},
		{"INFO persistence", func(r *report.Report) { r.Info(only("Persistence")) }, []string{"health", "saves"}},
		{"INFO journal", func(r *report.Report) { r.Info(only("Journal")) }, []string{"health", "journal"}},
		{"INFO replication", func(r *report.Report) { r.Info(only("Replication")) }, []string{"replication"}},
		{"LEDGE STATUS", func(r *report.Report) { r.InfoHealth() }, []string{"health"}},
		{"ledge health", func(r *report.Report) { r.OperatorsHealth() }, []string{"health"}},
	} {
		r, asked := counted()
		tt.ask(r)
		if got := slices.Compact(slices.Sorted(slices.Values(*asked))); !slices.Equal(got, tt.want) {
			t.Errorf("%s collects %v; want %v", tt.name, got, tt.want)
		}
	}
}

func only(section string) func(string) bool {
	return func(name string) bool { return name == section }
}

// infoText is INFO of the node that counted makes.
const infoText = `# Server
ledge_version:1
ledge_node:n
# Memory
used_memory_dataset:3
mem_gc_percent:30
mem_refusing:1
mem_bound:9
mem_bound_by:cgroup
# Persistence
rdb_changes_since_last_save:5
rdb_bgsave_in_progress:1
rdb_last_save_time:-1600
rdb_last_bgsave_status:err
rdb_last_bgsave_time_sec:-1
rdb_current_bgsave_time_sec:3
aof_enabled:1
aof_rewrite_in_progress:0
aof_last_write_status:err
# Journal
journal_first_seq:2
journal_last_seq:9
journal_bytes:90
journal_sync:interval
journal_sync_interval_ms:1000
journal_state:suspended
journal_class:retryable
journal_cause:full
journal_number_in_doubt:0
journal_suspended_since:1999
journal_deletes_taken:1
journal_resume_attempts:2
journal_resume_automatic_attempts:1
journal_resume_last_attempt:0
journal_resume_last_error:
journal_resume_next_attempt:2001
journal_resume_auto:all
journal_resume_interval_ms:60000
journal_resume_max_attempts:0
journal_reserve_bytes:0
journal_reserve_missing:1
journal_lineage:00000000000000ab
journal_epoch:3
journal_applied_seq:9
journal_digest:00000000000000cd
journal_appends:8
journal_appended_bytes:80
journal_failed_appends:1
journal_last_append_time:2000
journal_last_append_usec:1500
journal_lost:
journal_recovery_ms:2000
# Replication
role:slave
master_host:l
master_port:4222
master_link_status:down
master_last_io_seconds_ago:4
master_sync_in_progress:0
slave_read_repl_offset:12
slave_repl_offset:9
master_link_down_since_seconds:2
slave_priority:100
slave_read_only:1
replica_announced:1
ledge_link_state:stalled
ledge_link_step:waits
ledge_link_attempts:3
ledge_link_last_error:gone
ledge_link_lag_numbers:3
ledge_link_lag_seconds:-1
ledge_link_full_syncs:0
connected_slaves:1
slave0:ip=r,port=3,state=online,offset=7,lag=1
master_failover_state:no-failover
master_replid:000000000000000000000000` + `00000000000000ab
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:9
second_repl_offset:-1
repl_backlog_active:1
`

// INFO has the lines of infoText, in this order.
func TestInfo(t *testing.T) {
	r, _ := counted()
	var b strings.Builder
	for _, s := range r.Info(nil) {
		fmt.Fprintf(&b, "# %s\n", s.Name)
		for _, f := range s.Fields {
			fmt.Fprintf(&b, "%s:%s\n", f.Name, f.Value)
		}
	}
	if got := b.String(); got != infoText {
		t.Errorf("INFO:\n%s\nwant:\n%s", got, infoText)
	}
}

// Whatever words a fact, all say the same of it.
func TestAllSayTheSame(t *testing.T) {
	r, _ := counted()
	info := map[string]string{}
	for _, s := range r.Info(nil) {
		for _, f := range s.Fields {
			info[f.Name] = f.Value
		}
	}
	s, metrics := r.Status(), r.Metrics()
	for _, tt := range []struct{ what, info, status, sample string }{
		{"last number", info["journal_last_seq"], fmt.Sprint(s.Journal.Last), "ledge_journal_last_number %s\n"},
		{"epoch", info["journal_epoch"], fmt.Sprint(s.Journal.Epoch), "ledge_journal_epoch %s\n"},
		{"appends", info["journal_appends"], fmt.Sprint(s.Journal.Appends), "ledge_journal_appends_total %s\n"},
		{"live", info["used_memory_dataset"], fmt.Sprint(s.Data.Live), "ledge_memory_live_bytes %s\n"},
		{"lag", info["ledge_link_lag_numbers"], fmt.Sprint(*s.Link.Lag), "ledge_link_lag_numbers %s\n"},
		{"attempts", info["journal_resume_attempts"], fmt.Sprint(s.Health.Attempts), "ledge_resume_attempts %s\n"},
		{"replicas", info["connected_slaves"], fmt.Sprint(len(s.Replicas)), "ledge_replicas %s\n"},
	} {
		if tt.info != tt.status || !strings.Contains(metrics, "\n"+fmt.Sprintf(tt.sample, tt.info)) {
			t.Errorf("%s: INFO says %s, status %s; want the same, and the same in the metrics", tt.what, tt.info, tt.status)
		}
	}
	if s.Data.Keys != 6 || s.Role != "replica" || s.Saves.LastError != "no; room" || s.Link.Class != "operator" {
		t.Errorf("status = %+v", s)
	}
}

// What there is no journal's trouble or leader for is worded as none.
func TestWell(t *testing.T) {
	r, _ := counted()
	r.Health = func() report.Health { return report.Health{} }
	r.Replication = func() report.Replication { return report.Replication{} }
	r.Saves = func() report.Saves { return report.Saves{Took: 90 * time.Second} }
	if h := r.OperatorsHealth(); h.State != admin.StateOK || h.Since != nil || h.Cause != "" {
		t.Errorf("health = %+v; want ok", h)
	}
	s := r.Status()
	if s.Role != "leader" || s.Link != nil || s.Replicas == nil {
		t.Errorf("status = %+v; want a leader with no replicas", s)
	}
	for _, line := range []string{"ledge_suspended{class=\"retryable\"} 0\n", "ledge_in_doubt 0\n", "ledge_replicas 0\n"} {
		if !strings.Contains(r.Metrics(), line) {
			t.Errorf("metrics lack %q", line)
		}
	}
	for _, f := range r.Info(only("Persistence"))[0].Fields {
		if f.Name == "rdb_last_bgsave_time_sec" && f.Value != "90" || f.Name == "aof_last_write_status" && f.Value != "ok" {
			t.Errorf("%s:%s", f.Name, f.Value)
		}
	}
	doubt := &writer.Suspension{InDoubt: true, Number: 5, Class: fault.Retryable, Cause: errors.New("hangs")}
	if h := r.HealthOf(r.Health(), doubt); h.State != admin.StateInDoubt || h.Number != 5 {
		t.Errorf("in doubt: %+v", h)
	}
}

// The role is a look at the link.
func TestRole(t *testing.T) {
	for s := standing.LinkNone; s <= standing.LinkFailed; s++ {
		want, redis := "replica", "slave"
		if s == standing.LinkNone {
			want, redis = "leader", "master"
		}
		l := standing.Link{State: s}
		if report.Role(l) != want || report.RedisRole(l) != redis {
			t.Errorf("%s: %s, %s; want %s, %s", s, report.Role(l), report.RedisRole(l), want, redis)
		}
	}
}

func BenchmarkInfo(b *testing.B) {
	r, _ := counted()
	for name, wanted := range map[string]func(string) bool{"all": nil, "none": func(string) bool { return false }} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.Info(wanted)
			}
		})
	}
}

// How far a node is behind a leader that it has not heard of is not known, and no 0.
func TestUnknownLag(t *testing.T) {
	r, _ := counted()
	facts := r.Replication()
	r.Replication = func() report.Replication {
		f := facts
		f.Link.Heard = time.Time{}
		return f
	}
	var got string
	for _, s := range r.Info(func(string) bool { return true }) {
		for _, f := range s.Fields {
			if f.Name == "ledge_link_lag_numbers" {
				got = fmt.Sprint(f.Value)
			}
		}
	}
	if got != "-1" {
		t.Errorf("ledge_link_lag_numbers is %s; want -1", got)
	}
	if strings.Contains(r.Metrics(), "\nledge_link_lag_numbers ") {
		t.Error("the metrics have a lag that is not known; want none")
	}
}

// At the edges, a node that has nothing, or that loads, has figures and no nonsense in
// their place: no time before 1970, no rate of nothing, and none that is not known.
func TestEdges(t *testing.T) {
	r := &report.Report{
		Node: "n", Version: "1", Clock: func() time.Time { return at },
		Server:      func() report.Server { return report.Server{Started: at} },
		Memory:      func() report.Memory { return report.Memory{} },
		Saves:       func() report.Saves { return report.Saves{Took: -1, Last: at} },
		Journal:     func() report.Journal { return report.Journal{} },
		Health:      func() report.Health { return report.Health{} },
		Replication: func() report.Replication { return report.Replication{} },
		Clients:     func() report.Clients { return report.Clients{Stats: stats.New[*command.Spec](at)} },
		Keys:        func() []report.Keys { return nil },
		Process:     func() process.Figures { return process.Figures{} },
	}
	for _, kind := range []string{"empty", "loading", "replica that has heard nothing"} {
		switch kind {
		case "loading":
			r.Loading = func() report.Loading { return report.Loading{Step: "reading"} }
		case "replica that has heard nothing":
			r.Replication = func() report.Replication {
				return report.Replication{Link: standing.Link{State: standing.LinkConnecting, Leader: "nats://l:4222"}}
			}
		}
		text := r.Metrics()
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if i := strings.LastIndex(line, " "); i > 0 {
				value = strings.TrimSpace(line[i:])
			}
			v, err := strconv.ParseFloat(value, 64)
			unknown := v == -1 && strings.HasPrefix(name, "redis_master_last_io_seconds_ago")
			if err != nil || !(v >= 0 || unknown) || v > 1e18 {
				t.Errorf("%s: %s", kind, line)
			}
		}
		for _, want := range []string{"\nledge_snapshot_timestamp_seconds 0\n", "\nledge_backup_timestamp_seconds 0\n", "\nledge_append_seconds_count 0\n",
			"\nledge_suspended_since_seconds 0\n", "\nredis_mem_fragmentation_ratio 0\n", "\nledge_journal_append_seconds 0\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the metrics lack %q", kind, want)
			}
		}
		if has := strings.Contains(text, "\nledge_loading 1\n"); has != (kind != "empty") {
			t.Errorf("%s: ledge_loading is 1: %v", kind, has)
		}
	}
}
