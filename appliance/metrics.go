package appliance

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"ledge/appliance/process"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/respd/command"
)

// metricsServer answers Prometheus on a port of its own.
type metricsServer struct {
	ln  net.Listener
	srv *http.Server
}

// The bounds of what somebody may ask for metrics.
const (
	metricsPatience = 10 * time.Second
	metricsHeader   = 8 << 10
	metricsAtATime  = 4
)

// openMetrics listens for Prometheus.
func (n *Node) openMetrics(ctx context.Context) error {
	if n.cfg.MetricsListen == "" || n.cfg.MetricsListen == Off {
		return nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", n.cfg.MetricsListen)
	if err != nil {
		return taken("metrics-listen", n.cfg.MetricsListen, err)
	}
	places := make(chan struct{}, metricsAtATime)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			http.Error(w, "others are being answered", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = io.WriteString(w, n.metrics()) // who has gone needs none
	})
	n.prometheus = &metricsServer{ln, &http.Server{
		Handler: mux, ReadTimeout: metricsPatience, WriteTimeout: metricsPatience, IdleTimeout: time.Minute,
		MaxHeaderBytes: metricsHeader,
	}}
	return nil
}

// run serves until ctx ends.
func (m *metricsServer) run(ctx context.Context) {
	if m == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { m.close() })()
	_ = m.srv.Serve(m.ln) // ends with close only
}

func (m *metricsServer) close() error {
	if m == nil {
		return nil
	}
	m.ln.Close() // it may never have served
	return m.srv.Close()
}

// MetricsAddr returns the address for Prometheus, or nil.
func (n *Node) MetricsAddr() net.Addr {
	if n.prometheus == nil {
		return nil
	}
	return n.prometheus.ln.Addr()
}

// metrics returns all metrics of the node.
func (n *Node) metrics() string {
	e := &exposition{}
	e.gauge("ledge_info", "What the node is.").set(1, label{"node", n.dir.node}, label{"version", Version},
		label{"role", n.role()}, label{"sync", n.cfg.Sync})
	e.at("ledge_start_time_seconds", "When the node was started.", n.started)
	n.clientMetrics(e)
	n.stateMetrics(e)
	n.journalMetrics(e)
	n.linkMetrics(e)
	n.replicaMetrics(e)
	return e.b.String()
}

func (n *Node) clientMetrics(e *exposition) {
	var clients, blocked int
	n.server.Clients(func(s *command.Session) {
		clients++
		blocked += flag(s.Blocked.Load())
	})
	e.one("gauge", "ledge_clients", "Redis clients that are connected.", float64(clients))
	e.one("gauge", "ledge_blocked_clients", "Redis clients that wait in a blocking command.", float64(blocked))
	st := n.server.Stats()
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

func (n *Node) stateMetrics(e *exposition) {
	held := e.gauge("ledge_keys", "Keys of each database that has any.")
	_ = n.state.View(n.cfg.Clock(), func(v *replay.View) error { // a closed state has none
		for i := range v.Databases() {
			if keys := v.Len(journal.DB(i)); keys > 0 {
				held.set(float64(keys), label{"db", strconv.Itoa(i)})
			}
		}
		return nil
	})
	u := process.ReadUsage()
	e.one("gauge", "ledge_memory_bytes", "Memory taken from the system, what max-memory bounds.", float64(u.Taken))
	e.one("gauge", "ledge_memory_live_bytes", "Memory that the last collection found in use.", float64(u.Live))
	e.one("gauge", "ledge_memory_refusing", "Whether commands that need memory are refused.", float64(flag(n.mem.Over())))
	s := n.saves
	s.mu.Lock()
	last, failed := s.last, s.failed
	s.mu.Unlock()
	e.at("ledge_snapshot_timestamp_seconds", "When the last snapshot was taken; before the first, when the node was started.", last)
	e.one("gauge", "ledge_snapshot_failed", "Whether the last attempt to take one failed.", float64(flag(failed != nil)))
}

func (n *Node) journalMetrics(e *exposition) {
	st, _ := n.jet().Stat(context.Background()) // it can't fail
	e.one("gauge", "ledge_journal_first_number", "The first number in the journal.", float64(st.First))
	e.one("gauge", "ledge_journal_last_number", "The last number in the journal.", float64(st.Last))
	e.one("gauge", "ledge_journal_applied_number", "The last number that is applied.", float64(n.state.Pos().Seq))
	e.one("gauge", "ledge_journal_epoch", "The epoch of the last batch applied: it grows with each start, each resume and each change of lead.", float64(n.state.Epoch()))
	e.one("gauge", "ledge_journal_bytes", "What the journal takes on the disk.", float64(st.Bytes))
	e.one("counter", "ledge_journal_appends_total", "Batches appended.", float64(n.meter.appends.Load()))
	e.one("counter", "ledge_journal_appended_bytes_total", "Bytes appended.", float64(n.meter.bytes.Load()))
	e.one("counter", "ledge_journal_failed_appends_total", "Appends that failed.", float64(n.meter.failed.Load()))
	e.one("gauge", "ledge_journal_append_seconds", "How long the last append took, for each of the batches that were stored together.", time.Duration(n.meter.took.Load()).Seconds())
	e.one("gauge", "ledge_reserve_bytes", "Room on the disk that is held back.", float64(n.reserve.bytes()))
	s := n.writer.Health().Suspension()
	suspended := e.gauge("ledge_suspended", "Whether the journal takes no writes, by the class of the cause.")
	for _, c := range []fault.Class{fault.Retryable, fault.Operator} {
		suspended.set(float64(flag(s != nil && !s.InDoubt && s.Class == c)), label{"class", c.String()})
	}
	e.one("gauge", "ledge_in_doubt", "Whether the disk has not answered, so that writes wait.", float64(flag(s != nil && s.InDoubt)))
	if s == nil {
		s = &replay.Suspension{}
	}
	e.at("ledge_suspended_since_seconds", "Since when.", s.Since)
	e.one("gauge", "ledge_resume_attempts", "Attempts to resume since then.", float64(s.Attempts))
	e.at("ledge_resume_next_seconds", "When the next is made without being asked.", s.NextAttempt)
}

func (n *Node) linkMetrics(e *exposition) {
	l := n.Link()
	state := e.gauge("ledge_link_state", "How the node stands with its leader: 1 for the state that it is in.")
	for s := replay.LinkNone; s <= replay.LinkFailed; s++ {
		state.set(float64(flag(l.State == s)), label{"state", s.String()})
	}
	if l.State == replay.LinkNone {
		return
	}
	e.at("ledge_link_since_seconds", "Since when it is in that state.", l.Since)
	e.one("gauge", "ledge_link_attempts", "Attempts that failed since the last one that worked.", float64(l.Attempts))
	failed := e.gauge("ledge_link_error", "Whether the last attempt failed, by the class of the cause.")
	for _, c := range []fault.Class{fault.Retryable, fault.Operator} {
		failed.set(float64(flag(l.Err != nil && fault.Of(l.Err) == c)), label{"class", c.String()})
	}
	e.at("ledge_link_next_attempt_seconds", "When the next is made.", l.Next)
	e.one("gauge", "ledge_link_lag_numbers", "How many numbers the node is behind.", float64(lag(l)))
	e.at("ledge_link_heard_seconds", "When the leader was heard of last.", l.Heard)
	e.at("ledge_link_level_seconds", "When the node last had all that its leader had.", l.Level)
	e.one("counter", "ledge_full_syncs_total", "Full syncs that were finished.", float64(l.Syncs))
}

func (n *Node) replicaMetrics(e *exposition) {
	list, last := n.Replicas(), n.state.Pos().Seq
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
		streams.set(float64(flag(r.State == replay.LinkStreaming.String())), replicaLabels(r)...)
	}
}

func replicaLabels(r replay.Replica) []label { return []label{{"node", r.Node}, {"id", r.ID}} }
